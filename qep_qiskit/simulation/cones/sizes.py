"""Sizes of the light cones of a circuit, and estimates of the time for an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_PER_STEP, _PER_AMPLITUDE = 20e-6, 6e-9
_PER_GROUP, _PER_PATH = 250e-6, 130e-9


def states_seconds(steps: int, amplitudes: float) -> float:
    """Return the rough duration of the energy and gradient of one row by a template, given the amplitudes of all its columns."""
    return steps * (_PER_STEP + _PER_AMPLITUDE * amplitudes)


@dataclass(frozen=True)
class TemplateSize:
    """Cones of equal structure: their qubits and steps, the number of cones, and the qubits simulated for each cone."""

    qubits: int
    steps: int
    cones: int
    simulated: int

    @property
    def seconds(self) -> float:
        """Rough duration of the energy and gradient of one row of parameters, on one core."""
        return states_seconds(self.steps, self.cones * 2.0**self.simulated)


@dataclass(frozen=True)
class TreeSize:
    """Cones that are trees.

    Attributes
    ----------
    qubits : int
        The number of qubits of the largest cone.
    cones : int
        The number of cones.
    groups, paths : int
        The number of groups of messages, and the number of values in all messages together.
    """

    qubits: int
    cones: int
    groups: int
    paths: int

    @property
    def seconds(self) -> float:
        """Rough duration of the energy and gradient of one row of parameters, on one core."""
        return self.groups * _PER_GROUP + self.paths * _PER_PATH


@dataclass(frozen=True)
class ConeSizes:
    """The sizes of all light cones of a circuit.

    Examples
    --------
    >>> print(ConeSizes([TemplateSize(6, 9, 99, 6), TemplateSize(4, 9, 2, 4)]))
    101 light cones of 4 to 6 qubits in 2 structures, 6,368 amplitudes
    >>> print(ConeSizes([], TreeSize(15, 270, 5, 38_000)))
    270 light cones of up to 15 qubits, contracted as trees with 38,000 paths
    """

    templates: Sequence[TemplateSize]
    trees: TreeSize | None = None

    @property
    def cones(self) -> int:
        return sum(part.cones for part in self._parts)

    @property
    def largest(self) -> int:
        """The number of qubits of the largest cone."""
        return max((part.qubits for part in self._parts), default=0)

    @property
    def amplitudes(self) -> int:
        """The number of amplitudes of all cones that are simulated as states; their leaves need fewer qubits."""
        return sum(template.cones << template.simulated for template in self.templates)

    @property
    def seconds(self) -> float:
        """Rough duration of the energy and gradient of one row of parameters, on one core."""
        return sum(part.seconds for part in self._parts)

    @property
    def memory(self) -> float:
        """The number of bytes that an evaluation of one row needs at a time."""
        states = (16.0 * 2**template.simulated * (template.steps + 4) for template in self.templates)
        return max([*states, 16.0 * 8 * self.trees.paths if self.trees else 0.0])

    @property
    def _parts(self) -> Sequence[TemplateSize | TreeSize]:
        return [*self.templates, *([self.trees] if self.trees else [])]

    def __str__(self) -> str:
        parts = []
        if self.trees:
            parts.append(
                f"{self.trees.cones} light cones of up to {self.trees.qubits} qubits, contracted as trees with "
                f"{self.trees.paths:,} paths"
            )
        if self.templates:
            smallest, largest = (bound(template.qubits for template in self.templates) for bound in (min, max))
            span = f"{smallest} to {largest}" if smallest < largest else f"{largest}"
            cones, count = sum(template.cones for template in self.templates), len(self.templates)
            structures = f"{count} structure{'s' * (count > 1)}"
            parts.append(f"{cones} light cones of {span} qubits in {structures}, {self.amplitudes:,} amplitudes")
        return "; ".join(parts) or "no light cones"
