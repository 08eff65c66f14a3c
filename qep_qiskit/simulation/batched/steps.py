"""Circuits as Hadamards, phases of Z strings and relabellings: every free angle is a phase in some frame.

A rotation ``RY(a)`` is ``S H exp(-i a/2 Z) H S†`` up to a global phase, and ``RX(a)`` is ``H exp(-i a/2 Z) H``. The fixed phases
of neighbouring gates cancel or merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import pi, remainder
from typing import TypeAlias

from qep_qiskit.simulation.adjoint.gates import Angle, fixed
from qep_qiskit.simulation.adjoint.layers import Layer, Phases, Relabelling, Rotations, bits

_ZERO = 1e-12
"""Fixed phases that differ from a global phase by less than this are dropped."""


@dataclass(frozen=True)
class Hadamards:
    """A Hadamard gate on each qubit of a mask; bit q stands for qubit q."""

    qubits: int


Step: TypeAlias = Hadamards | Phases | Relabelling


def steps_of(layers: Iterable[Layer]) -> list[Step]:
    """Return the steps of a circuit that acts on |0…0⟩, up to a global phase.

    Parameters
    ----------
    layers
        The circuit's layers, for example those of an `adjoint.layers.Layering`.
    """
    steps: list[Step] = []
    for layer in layers:
        steps += _turned(layer) if isinstance(layer, Rotations) else [layer]
    return merge(_without_idle(merge(steps)))


def merge(steps: Iterable[Step]) -> list[Step]:
    """Return equivalent steps, as few as possible: Hadamards that meet cancel, and phases join the phases before them."""
    merged = list(steps)
    while True:
        builder = _Builder()
        for step in merged:
            builder.append(step)
        shorter = builder.steps()
        if len(shorter) == len(merged):
            return shorter
        merged = shorter


def _turned(rotations: Rotations) -> list[Step]:
    """Return ``RY(a)`` on each qubit as steps; fixed quarter turns need only one Hadamard."""
    before: dict[int, Angle] = {}
    middle: dict[int, Angle] = {}
    after: dict[int, Angle] = {}
    first = last = 0
    for qubit, angle in rotations.angles.items():
        bit = 1 << qubit
        if not any(angle.weights.values()) and abs(remainder(angle.constant - pi / 2, pi)) < _ZERO:
            # RY(π/2) is H Z and RY(−π/2) is Z H
            side = before if abs(remainder(angle.constant - pi / 2, 2 * pi)) < _ZERO else after
            side[bit] = fixed(pi / 2)
            last |= bit
        else:
            before[bit], middle[bit], after[bit] = fixed(-pi / 4), angle.scaled(0.5), fixed(pi / 4)
            first, last = first | bit, last | bit
    return [Phases(before), Hadamards(first), Phases(middle), Hadamards(last), Phases(after)]


class _Strings:
    """A layer of phases that grows, with the number of its Z strings on each qubit."""

    def __init__(self) -> None:
        self.angles: dict[int, Angle] = {}
        self._counts: dict[int, int] = {}

    def add(self, mask: int, angle: Angle) -> None:
        new = mask not in self.angles
        total = angle if new else self.angles.pop(mask).plus(angle)
        free = not _is_global(total)
        if free:
            self.angles[mask] = total
        if new == free:
            for qubit in bits(mask):
                self._counts[qubit] = self._counts.get(qubit, 0) + (1 if free else -1)

    def touches(self, qubit: int) -> bool:
        return self._counts.get(qubit, 0) > 0


class _Builder:
    """Steps that grow at the end, in time linear in the number of gates."""

    def __init__(self) -> None:
        self._steps: list[Hadamards | _Strings | Relabelling] = []

    def steps(self) -> list[Step]:
        steps = (Phases(dict(sorted(step.angles.items()))) if isinstance(step, _Strings) else step for step in self._steps)
        return [step for step in steps if not isinstance(step, Phases) or step.angles]

    def append(self, step: Step) -> None:
        if isinstance(step, Phases):
            for mask, angle in step.angles.items():
                self._add_phase(mask, angle)
        elif isinstance(step, Hadamards):
            self._add_hadamards(step.qubits)
        elif self._steps and isinstance(last := self._steps[-1], Relabelling):
            self._steps[-1] = _composed(last, step)
        else:
            self._steps.append(step)

    def _add_phase(self, mask: int, angle: Angle) -> None:
        place = len(self._steps)
        while place:
            step = self._steps[place - 1]
            if isinstance(step, _Strings):
                step.add(mask, angle)
                return
            if isinstance(step, Hadamards):
                if step.qubits & mask:
                    break
            else:
                mask, sign = pulled_back(step, mask)
                angle = angle.scaled(sign)
            place -= 1
        strings = _Strings()
        strings.add(mask, angle)
        if mask and strings.angles:
            self._steps.insert(place, strings)

    def _add_hadamards(self, qubits: int) -> None:
        new = 0
        for qubit in bits(qubits):
            bit = 1 << qubit
            home: tuple[int, int] | None = None
            for place in range(len(self._steps) - 1, -1, -1):
                step = self._steps[place]
                if isinstance(step, Hadamards):
                    home = place, step.qubits
                    if step.qubits & bit:
                        break
                elif isinstance(step, Relabelling) or step.touches(qubit):
                    break
            if home is None:
                new |= bit
            else:
                self._steps[home[0]] = Hadamards(home[1] ^ bit)
        if new:
            self._steps.append(Hadamards(new))
        self._steps = [step for step in self._steps if not isinstance(step, Hadamards) or step.qubits]


def _is_global(angle: Angle) -> bool:
    return not any(angle.weights.values()) and abs(remainder(angle.constant, pi)) < _ZERO


def _without_idle(steps: list[Step]) -> list[Step]:
    """Drop phases on qubits that are still |0⟩; they are global."""
    turned = 0
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, Hadamards):
            turned |= step.qubits
        elif isinstance(step, Relabelling):
            return kept + steps[len(kept) :]
        elif isinstance(step, Phases):
            angles: dict[int, Angle] = {}
            for mask, angle in step.angles.items():
                if mask & turned:
                    left = mask & turned
                    angles[left] = angles[left].plus(angle) if left in angles else angle
            step = Phases(angles)
        kept.append(step)
    return kept


def pulled_back(step: Relabelling, mask: int) -> tuple[int, float]:
    """Return the Z string before a relabelling, with its sign, that has the same effect as ``mask`` after it."""
    return combined(step.rows, mask), -1.0 if (mask & step.flips).bit_count() % 2 else 1.0


def combined(masks: Sequence[int], selected: int) -> int:
    """Return the exclusive or of the selected masks: the product of a vector of bits and a matrix of bits."""
    total = 0
    for place in bits(selected):
        total ^= masks[place]
    return total


def _composed(first: Relabelling, second: Relabelling) -> Relabelling:
    rows = tuple(combined(first.rows, row) for row in second.rows)
    columns = tuple(combined(first.columns, column) for column in second.columns)
    flips = second.flips
    for qubit, row in enumerate(second.rows):
        flips ^= ((row & first.flips).bit_count() & 1) << qubit
    return Relabelling(rows, columns, flips)
