"""Predictions side by side for another β, stencil, number of layers, mitigation or set of qubits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qep_qiskit.values import Value

FACTORS = {
    "given": "as given",
    "beta": "β",
    "stencil": "stencil",
    "layers": "layers",
    "mitigation": "mitigation",
    "qubits": "qubits",
    "all": "combined",
}
"""The factors that the choices vary, with their names."""


@dataclass(frozen=True, eq=False)
class Measure(Value):
    """One way of measuring a gradient, with its predicted error and price.

    Attributes
    ----------
    factor : str
        The factor that is varied: a key of `FACTORS`.
    label : str
        The varied option.
    changes : mapping
        The keys of a spec that differ from the plan as given, with their values.
    relative_error, spread : float or None
        The root-mean-square relative error, and its standard deviation over repeats.
    own_error : float or None
        The part of the error that shots do not reduce.
    parts : mapping
        The sizes of ``finite_beta``, ``prepared``, ``device`` (noise after mitigation) and ``shots``, as shares of the gradient's
        norm; None if unknown. The first three are norms of vectors that add up to the bias; shots add in quadrature.
    seconds : float or None
        QPU seconds.
    shots : int or None
        The total number of shots, including calibration.
    two_qubit_gates : int or None
        The number in the largest circuit.
    note : str
        The reason if nothing is predicted.
    settings : Settings or None
        The options for :func:`gradient`.
    """

    factor: str
    label: str
    changes: Mapping[str, object] = field(default_factory=dict)
    relative_error: float | None = None
    spread: float | None = None
    own_error: float | None = None
    parts: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float | None = None
    shots: int | None = None
    two_qubit_gates: int | None = None
    note: str = ""
    settings: Any = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        """The row's name in tables and figures."""
        return FACTORS[self.factor] if self.factor == "given" else self.label

    @property
    def summary(self) -> str:
        """The changes of the spec in one line."""
        return ", ".join(f"{key} = {value}" for key, value in self.changes.items()) or "the plan as given"

    def to_dict(self) -> dict[str, object]:
        """Return the measure as an object for JSON."""
        return {
            **{key: value for key, value in vars(self).items() if key != "settings"},
            "changes": dict(self.changes),
            "parts": dict(self.parts),
        }


@dataclass(frozen=True, eq=False)
class Choices(Value):
    """Ways of measuring a gradient, each of which differs from the best one in one factor.

    Attributes
    ----------
    rows : tuple of Measure
        The plan as given, followed by the others.
    best : int
        The position of the best row: the one with the least error at the same number of shots or, with a target, with the fewest
        QPU seconds. If several are equal within 3 %, the one with the fewest two-qubit gates and QPU seconds.
    """

    rows: tuple[Measure, ...]
    best: int

    @property
    def chosen(self) -> Measure:
        """The best row."""
        return self.rows[self.best]

    def to_dict(self) -> dict[str, object]:
        """Return the choices as an object for JSON."""
        return {"rows": [row.to_dict() for row in self.rows], "best": self.best}
