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
from qep_qiskit.simulation.adjoint.layers import Layer, Phases, Relabelling, Rotations

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
        if isinstance(layer, Rotations):
            for step in _turned(layer):
                _append(steps, step)
        else:
            _append(steps, layer)
    return merge(_without_idle(merge(steps)))


def merge(steps: Iterable[Step]) -> list[Step]:
    """Return equivalent steps, as few as possible: Hadamards that meet cancel, and phases join the phases before them."""
    merged = list(steps)
    while True:
        count = len(merged)
        shorter: list[Step] = []
        for step in merged:
            _append(shorter, step)
        merged = shorter
        if len(merged) == count:
            return [step for step in merged if not isinstance(step, Phases) or step.angles]


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


def _append(steps: list[Step], step: Step) -> None:
    if isinstance(step, Phases):
        for mask, angle in step.angles.items():
            _append_phase(steps, mask, angle)
    elif isinstance(step, Hadamards):
        _append_hadamards(steps, step.qubits)
    elif steps and isinstance(steps[-1], Relabelling):
        steps[-1] = _composed(steps[-1], step)
    else:
        steps.append(step)


def _append_phase(steps: list[Step], mask: int, angle: Angle) -> None:
    place = len(steps)
    while place:
        step = steps[place - 1]
        if isinstance(step, Phases):
            angles = dict(step.angles)
            total = angles.pop(mask).plus(angle) if mask in angles else angle
            if not _is_global(total):
                angles[mask] = total
            steps[place - 1] = Phases(dict(sorted(angles.items())))
            return
        if isinstance(step, Hadamards):
            if step.qubits & mask:
                break
        else:
            mask, sign = pulled_back(step, mask)
            angle = angle.scaled(sign)
        place -= 1
    if mask and not _is_global(angle):
        steps.insert(place, Phases({mask: angle}))


def _is_global(angle: Angle) -> bool:
    return not any(angle.weights.values()) and abs(remainder(angle.constant, pi)) < _ZERO


def _append_hadamards(steps: list[Step], qubits: int) -> None:
    new = 0
    for qubit in range(qubits.bit_length()):
        bit = 1 << qubit
        if not qubits & bit:
            continue
        home: tuple[int, int] | None = None
        for place in range(len(steps) - 1, -1, -1):
            step = steps[place]
            if isinstance(step, Hadamards):
                home = place, step.qubits
                if step.qubits & bit:
                    break
            elif isinstance(step, Relabelling) or any(mask & bit for mask in step.angles):
                break
        if home is None:
            new |= bit
        else:
            steps[home[0]] = Hadamards(home[1] ^ bit)
    if new:
        steps.append(Hadamards(new))
    steps[:] = [step for step in steps if not isinstance(step, Hadamards) or step.qubits]


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
    """Return the Z string, and its sign, that before a relabelling has the same effect as ``mask`` after it."""
    return combined(step.rows, mask), -1.0 if (mask & step.flips).bit_count() % 2 else 1.0


def combined(masks: Sequence[int], selected: int) -> int:
    """Return the exclusive or of the selected masks: the product of a vector of bits and a matrix of bits."""
    total = 0
    for qubit, mask in enumerate(masks):
        if selected >> qubit & 1:
            total ^= mask
    return total


def _composed(first: Relabelling, second: Relabelling) -> Relabelling:
    rows = tuple(combined(first.rows, row) for row in second.rows)
    columns = tuple(combined(first.columns, column) for column in second.columns)
    flips = second.flips
    for qubit, row in enumerate(second.rows):
        flips ^= ((row & first.flips).bit_count() & 1) << qubit
    return Relabelling(rows, columns, flips)
