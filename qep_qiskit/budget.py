"""The error budget as it was found: its rungs, from the exact gradient to the measured one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.display import counted, short, table_html
from qep_qiskit.equilibrium.result import plain
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import MISSING
from qep_qiskit.values import Value

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Rung(Value):
    """One step of the error budget.

    Attributes
    ----------
    name : str
        ``exact``, ``finite_beta``, ``prepared``, ``device``, ``shots`` or ``mitigated``.
    title : str
    values, stderr : ndarray of shape (K,) or None
        None where the rung does not fit; `note` says why.
    loss, loss_stderr : float or None
    relative_error : float or None
        ‖g − g*‖ / ‖g*‖ with the exact gradient g*; None, like `cosine` and `added`, where that is zero.
    cosine, sign_agreement : float or None
    z : ndarray of shape (K,) or None
        (g − g*) / stderr; NaN, unknown, where an error bar is zero.
    added : float or None
        ‖g − g of the rung before‖ / ‖g*‖: what this step did, whether it brought the gradient nearer or not.
    seconds : float
    note : str or None
    """

    name: str
    title: str
    values: Vector | None
    stderr: Vector | None = None
    loss: float | None = None
    loss_stderr: float | None = None
    relative_error: float | None = None
    cosine: float | None = None
    sign_agreement: float | None = None
    z: Vector | None = None
    added: float | None = None
    seconds: float = field(default=0.0, compare=False)
    note: str | None = None

    def __repr__(self) -> str:
        error = "" if self.relative_error is None else f", {_percent(self)} from the exact gradient"
        return f"Rung({self.name}{error}{'' if self.note is None else ': ' + short(self.note)})"

    def to_dict(self) -> dict[str, object]:
        """Return what JSON holds."""
        return {key: plain(value) for key, value in vars(self).items()}


@dataclass(frozen=True, eq=False, repr=False)
class Budget(Value):
    """All rungs of one problem.

    Attributes
    ----------
    names : tuple of str
    rungs : tuple of Rung
    mean_field : Rung or None
        What the gradient of the classical network would have been: product states of the same Hamiltonian, at β → 0. It is no
        rung between two others, but is held against the same exact gradient; `note` says why where there is none.
    diagnostics, settings, provenance : mapping
    """

    names: tuple[str, ...]
    rungs: tuple[Rung, ...]
    mean_field: Rung | None = None
    diagnostics: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict, compare=False)

    def __getitem__(self, name: str) -> Rung:
        """Return the rung of that name, or ``mean_field``."""
        by_name = {rung.name: rung for rung in (*self.rungs, *(() if self.mean_field is None else (self.mean_field,)))}
        if name not in by_name:
            raise InputError(f"budget: there is no rung {shown(name)}; there are {', '.join(by_name)}")
        return by_name[name]

    def __iter__(self) -> Iterator[Rung]:
        return iter(self.rungs)

    def __len__(self) -> int:
        return len(self.rungs)

    def __str__(self) -> str:
        width = max((len(title) for title, _ in self._rows()), default=0)
        return "\n".join(f"{title:<{width}}  {text}" for title, text in self._rows())

    def __repr__(self) -> str:
        return f"Budget({counted(len(self.names), 'weight')}: {', '.join(rung.name for rung in self.rungs)})"

    def _repr_html_(self) -> str:
        return table_html("Error budget", ("step", "distance from the exact gradient"), self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        return [(rung.title, rung.note or MISSING if rung.relative_error is None else _percent(rung)) for rung in self.rungs]

    def to_dict(self) -> dict[str, object]:
        """Return the object that ``qep compare --json`` prints."""
        return {
            "names": list(self.names),
            "rungs": [rung.to_dict() for rung in self.rungs],
            "mean_field": None if self.mean_field is None else self.mean_field.to_dict(),
            "diagnostics": plain(self.diagnostics),
            "settings": plain(self.settings),
            "provenance": plain(self.provenance),
        }


def _percent(rung: Rung) -> str:
    return MISSING if rung.relative_error is None else f"{100 * rung.relative_error:.3g} %"
