"""Diagnostics of a gradient: the quality of its states, and warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import counted, short
from qep_qiskit.preparation.preparer import Phase

ALWAYS = ("beta", "energy", "residual", "variance", "gap")
"""The fields shown for every phase. Other fields are shown only for the kinds of states that have them."""


class BetaBias(TypedDict, total=False):
    """The finite-β bias: its relative size, its values, the limit β → 0, and the states to which the limit belongs."""

    relative: float | None
    values: list[float] | None
    limit: list[float]
    of: str | None
    note: str
    warning: str | None
    relative_of_inputs: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Diagnostics(Mapping[str, Any]):
    """The quality of a gradient's states, and warnings; also a mapping in the form written to JSON.

    Attributes
    ----------
    gap : float or None
        The gap above the free phase's state, if known.
    phases : tuple of Phase
    beta_bias : BetaBias or None
        None if no β was used.
    warnings : tuple of str
    more : mapping
        Diagnostics that only some states have: ``too_large_beta`` (the nudge leads to another state),
        ``ground_state``, ``truncation``, ``error_bound``, ``free_energy``,
        ``half_regulariser`` (the relative change of the limit β → 0 if VQE's regulariser is halved), ``ramp`` (the
        ``deviation`` of a ramp's gradient in the limit β → 0, and the ``phase`` |β ε T ∂Φ|, which hides it if it is not small),
        ``uncertainty`` (the estimated error of every weight's value by approximate computation), ``approximation`` (its cause in
        words), …

    Examples
    --------
    >>> diagnostics = Diagnostics(gap=0.5, phases=(Phase(0.0, -1.0),), warnings=("β is large",))
    >>> diagnostics.gap, diagnostics["gap"], diagnostics["phases"][0]["energy"], diagnostics["warnings"]
    (0.5, 0.5, -1.0, ['β is large'])
    """

    gap: float | None = None
    phases: tuple[Phase, ...] = ()
    beta_bias: BetaBias | None = None
    warnings: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Diagnostics:
        """Return diagnostics themselves, or read them from a JSON document, in which every key is optional."""
        if isinstance(document, cls):
            return document
        names = {entry.name for entry in fields(Phase)}
        phases = [{**phase, "energy": _number(phase.get("energy"))} for phase in document.get("phases") or ()]
        return cls(
            gap=document.get("gap"),
            phases=tuple(Phase(**{key: value for key, value in phase.items() if key in names}) for phase in phases),
            beta_bias=document.get("beta_bias"),
            warnings=tuple(map(str, document.get("warnings") or ())),
            more={key: value for key, value in document.items() if key not in ("gap", "phases", "beta_bias", "warnings")},
        )

    @property
    def uncertainty(self) -> NDArray[np.float64] | None:
        """The estimated error of every weight's value by approximate computation, shape (K,); None if it is exact."""
        numbers = self.more.get("uncertainty")
        return None if numbers is None else np.asarray(numbers, dtype=float)

    def with_warnings(self, texts: Sequence[str], *, first: bool = False) -> Diagnostics:
        """Return the diagnostics with more warnings, after the others or before them."""
        return replace(self, warnings=(*texts, *self.warnings) if first else (*self.warnings, *texts))

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnostics as an object for JSON."""
        return {
            "gap": self.gap,
            "phases": [_shown(phase) for phase in self.phases],
            **({} if self.beta_bias is None else {"beta_bias": self.beta_bias}),
            **self.more,
            "warnings": list(self.warnings),
        }

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())

    def __repr__(self) -> str:
        gap = "" if self.gap is None else f"gap = {self.gap:.4g}, "
        texts = "; ".join(self.warnings) or "no warnings"
        return f"Diagnostics({gap}{counted(len(self.phases), 'phase')}, {short(texts)})"


def _shown(phase: Phase) -> dict[str, Any]:
    return {key: value for key, value in asdict(phase).items() if key in ALWAYS or value is not None}


def _number(energy: float | None) -> float:
    return math.nan if energy is None else energy
