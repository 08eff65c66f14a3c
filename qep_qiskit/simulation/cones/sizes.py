"""How large the light cones of a circuit are, and how long an evaluation takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_PER_STEP = 60e-6
_PER_AMPLITUDE = 25e-9


@dataclass(frozen=True)
class TemplateSize:
    """Cones of equal structure: the qubits and steps of each, and how many there are."""

    qubits: int
    steps: int
    cones: int

    @property
    def seconds(self) -> float:
        """Rough duration of the energy and gradient of one row of parameters, on one core."""
        return self.steps * (_PER_STEP + _PER_AMPLITUDE * self.cones * 2.0**self.qubits)


@dataclass(frozen=True)
class ConeSizes:
    """The sizes of all light cones of a circuit.

    Examples
    --------
    >>> print(ConeSizes([TemplateSize(6, 9, 99), TemplateSize(4, 9, 2)]))
    101 light cones of 4 to 6 qubits in 2 structures, 6,368 amplitudes
    """

    templates: Sequence[TemplateSize]

    @property
    def cones(self) -> int:
        return sum(template.cones for template in self.templates)

    @property
    def largest(self) -> int:
        """The number of qubits of the largest cone."""
        return max((template.qubits for template in self.templates), default=0)

    @property
    def amplitudes(self) -> int:
        """The number of amplitudes of all cones together."""
        return sum(template.cones << template.qubits for template in self.templates)

    @property
    def seconds(self) -> float:
        """Rough duration of the energy and gradient of one row of parameters, on one core."""
        return sum(template.seconds for template in self.templates)

    def __str__(self) -> str:
        if not self.templates:
            return "no light cones"
        smallest = min(template.qubits for template in self.templates)
        span = f"{smallest} to {self.largest}" if smallest < self.largest else f"{self.largest}"
        return f"{self.cones} light cones of {span} qubits in {len(self.templates)} structures, {self.amplitudes:,} amplitudes"
