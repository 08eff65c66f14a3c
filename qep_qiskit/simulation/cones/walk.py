"""The part of a circuit that a local operator depends on, found by walking backwards from the qubits on which it acts.

At every step, the operator before that step is described by the Pauli letters that can occur on each qubit. Phases that touch no
X and no Y commute with the operator and drop out. All phases of one step commute, so a kept phase requires no other phase of the
same step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import pi, remainder
from operator import xor
from typing import TypeAlias

from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling, bits
from qep_qiskit.simulation.batched.steps import Hadamards, Step, pulled_back
from qep_qiskit.simulation.cones.completion import completed

I, X, Y, Z = 1, 2, 4, 8
"""Bits of the set of letters that can occur on a qubit."""
_NOT_DIAGONAL = X | Y


@dataclass(frozen=True)
class Turned:
    """Hadamards on the wires of a mask. `place` is the position of the step in the whole circuit, here and below."""

    place: int
    wires: int


@dataclass(frozen=True)
class Phased:
    """Phases of the Z strings ``masks``, in ascending order."""

    place: int
    masks: tuple[int, ...]


@dataclass(frozen=True)
class Moved:
    """A relabelling; see `adjoint.layers.Relabelling`."""

    place: int
    rows: tuple[int, ...]
    flips: int


LocalStep: TypeAlias = Turned | Phased | Moved


@dataclass(frozen=True)
class Form:
    """A small circuit without its angles: `qubits` wires, and the steps in the order in which they act."""

    qubits: int
    steps: tuple[LocalStep, ...]

    @property
    def num_angles(self) -> int:
        return sum(len(step.masks) for step in self.steps if isinstance(step, Phased))


@dataclass(frozen=True)
class Cone:
    """The part of a circuit that an operator depends on.

    Attributes
    ----------
    form : Form
        The wires 0, 1, … are the qubits of the operator, in the order in which they were given.
    angles : tuple of int
        For each phase of the form, in order, the index of its angle in the whole circuit.
    """

    form: Form
    angles: tuple[int, ...]


class TooLargeError(Exception):
    """A light cone has more qubits than allowed."""


class Circuit:
    """The steps of a whole circuit, ready for walks.

    Attributes
    ----------
    num_qubits : int
    angles : list of Angle
        The angles of all phases, in order.
    """

    def __init__(self, num_qubits: int, steps: Sequence[Step]) -> None:
        self.num_qubits = num_qubits
        self.angles: list[Angle] = []
        self._steps: list[_Turns | _Phases | _Moves] = []
        for place, step in enumerate(_local(steps)):
            if isinstance(step, Hadamards):
                self._steps.append(_Turns(place, step))
            elif isinstance(step, Phases):
                self._steps.append(_Phases(place, step, len(self.angles)))
                self.angles += step.angles.values()
            else:
                self._steps.append(_Moves(place, step))

    @property
    def num_steps(self) -> int:
        return len(self._steps)

    @property
    def has_relabellings(self) -> bool:
        return any(isinstance(step, _Moves) for step in self._steps)

    def cone(self, letters: Mapping[int, int], limit: int) -> Cone:
        """Return the cone of an operator.

        Parameters
        ----------
        letters
            For each of the operator's qubits, the letters that occur on it.
        limit
            The largest allowed number of qubits.

        Raises
        ------
        TooLargeError
            If the cone has more qubits.
        """
        walk = self._walk(letters, limit)
        steps = (_on_all_wires(step, len(walk.letters)) for step in reversed(walk.steps))
        return Cone(Form(len(walk.letters), tuple(steps)), tuple(angle for angles in reversed(walk.angles) for angle in angles))

    def reach(self, letters: Mapping[int, int]) -> frozenset[int]:
        """Return the qubits of an operator's cone before the first step, for a cone of any size."""
        return frozenset(self._walk(letters, self.num_qubits, counting=True).letters)

    def phases(self, letters: Mapping[int, int]) -> list[int]:
        """Return the indices of the angles in an operator's cone, for a cone of any size."""
        return [angle for angles in self._walk(letters, self.num_qubits, counting=True).angles for angle in angles]

    def _walk(self, letters: Mapping[int, int], limit: int, *, counting: bool = False) -> _Walk:
        walk = _Walk(dict(letters), {qubit: wire for wire, qubit in enumerate(letters)}, limit, counting)
        for step in reversed(self._steps):
            step.pull(walk)
            if len(walk.letters) > limit:
                raise TooLargeError
        return walk


def _local(steps: Sequence[Step]) -> list[Step]:
    """Return equivalent steps in which each phase is on the side of a relabelling where it acts on fewer qubits."""
    result: list[Step] = []
    for step in steps:
        if isinstance(step, Relabelling) and result and isinstance(before := result[-1], Phases):
            early, late = _sides(before, step)
            result[-1:] = [part for part in (early, step, late) if not isinstance(part, Phases) or part.angles]
        else:
            result.append(step)
    return result


def _sides(phases: Phases, step: Relabelling) -> tuple[Phases, Phases]:
    images: dict[int, int] = {}
    for qubit, column in enumerate(step.columns):
        for source in bits(column):
            images[source] = images.get(source, 0) | 1 << qubit
    early, late = {}, {}
    for mask, angle in phases.angles.items():
        image = reduce(xor, (images[qubit] for qubit in bits(mask)))
        if image.bit_count() < mask.bit_count():
            late[image] = angle.scaled(pulled_back(step, image)[1])
        else:
            early[mask] = angle
    return Phases(early), Phases(late)


def _on_all_wires(step: LocalStep, count: int) -> LocalStep:
    if not isinstance(step, Moved):
        return step
    return Moved(step.place, (*step.rows, *(1 << wire for wire in range(len(step.rows), count))), step.flips)


@dataclass
class _Walk:
    """The operator before some step, and the steps that the backward walk has passed."""

    letters: dict[int, int]
    wires: dict[int, int]
    limit: int
    counting: bool
    steps: list[LocalStep] = field(default_factory=list)
    angles: list[list[int]] = field(default_factory=list)


class _Turns:
    def __init__(self, place: int, step: Hadamards) -> None:
        self._place, self._qubits = place, set(bits(step.qubits))

    def pull(self, walk: _Walk) -> None:
        turned = 0
        for qubit, letters in walk.letters.items():
            if qubit in self._qubits:
                turned |= 1 << walk.wires[qubit]
                walk.letters[qubit] = letters & (I | Y) | (Z if letters & X else 0) | (X if letters & Z else 0)
        if turned:
            walk.steps.append(Turned(self._place, turned))


class _Phases:
    def __init__(self, place: int, step: Phases, first: int) -> None:
        self._place, self._first = place, first
        self._masks = [tuple(bits(mask)) for mask in step.angles]
        pairs = zip(self._masks, step.angles.values(), strict=True)
        self._quarters = [_quarters(angle) if len(mask) == 1 else None for mask, angle in pairs]
        self._touching: dict[int, list[int]] = {}
        for k, mask in enumerate(self._masks):
            for qubit in mask:
                self._touching.setdefault(qubit, []).append(k)

    def pull(self, walk: _Walk) -> None:
        letters, wires = walk.letters, walk.wires
        kept: dict[int, None] = {}
        for qubit, own in letters.items():
            if own & _NOT_DIAGONAL:
                kept.update(dict.fromkeys(self._touching.get(qubit, ())))
        if not kept:
            return
        phases = []
        for k in kept:
            mask = 0
            for qubit in self._masks[k]:
                before = letters.get(qubit, I)
                if qubit not in wires:
                    wires[qubit] = len(wires)
                letters[qubit] = _after_phase(before, self._quarters[k])
                mask |= 1 << wires[qubit]
            phases.append((mask, self._first + k))
        phases.sort()
        walk.steps.append(Phased(self._place, tuple(mask for mask, _ in phases)))
        walk.angles.append([angle for _, angle in phases])


def _quarters(angle: Angle) -> int | None:
    """Return a fixed angle as a multiple of π/4; None if it is not one."""
    if any(angle.weights.values()) or abs(remainder(angle.constant, pi / 4)) > 1e-12:
        return None
    return round(angle.constant / (pi / 4))


def _after_phase(letters: int, quarters: int | None) -> int:
    if quarters is not None:  # a Clifford gate on this qubit alone
        return letters if quarters % 2 == 0 else letters & (I | Z) | (Y if letters & X else 0) | (X if letters & Y else 0)
    return letters | (_NOT_DIAGONAL if letters & _NOT_DIAGONAL else 0) | (I | Z if letters & (I | Z) else 0)


class _Moves:
    def __init__(self, place: int, step: Relabelling) -> None:
        self._place, self._flips = place, step.flips
        self._rows, self._columns = (
            {qubit: tuple(bits(mask)) for qubit, mask in enumerate(masks) if mask != 1 << qubit}
            for masks in (step.rows, step.columns)
        )

    def pull(self, walk: _Walk) -> None:
        if not any(q in self._rows or q in self._columns or self._flips >> q & 1 for q in walk.letters):
            return
        before: dict[int, int] = {}
        rows: dict[int, tuple[int, ...]] = {}
        columns: dict[int, tuple[int, ...]] = {}
        flips = 0
        for qubit, letters in walk.letters.items():
            wire = walk.wires[qubit]
            row, column = self._rows.get(qubit, (qubit,)), self._columns.get(qubit, (qubit,))
            if letters & (Y | Z):
                rows[wire] = row
                flips |= (self._flips >> qubit & 1) << wire
            if letters & (X | Y):
                columns[wire] = column
            if row == column and len(row) == 1:
                before[row[0]] = before.get(row[0], I) | letters
                continue
            for source in rows.get(wire, ()):
                before[source] = _joined(before.get(source, I), Z)
            for source in columns.get(wire, ()):
                before[source] = _joined(before.get(source, I), X)
        wires = _wires(before, walk.wires)
        walk.letters, walk.wires = {qubit: before[qubit] for qubit in sorted(before, key=wires.__getitem__)}, wires
        if walk.counting or len(before) > walk.limit:
            return
        sides = ({w: sum(1 << wires[s] for s in each) for w, each in side.items()} for side in (rows, columns))
        local = completed(len(before), *sides)
        if flips or any(row != 1 << wire for wire, row in enumerate(local)):
            walk.steps.append(Moved(self._place, local, flips))


def _joined(letters: int, letter: int) -> int:
    both = letters | letter
    return both | Y if both & X and both & Z else both


def _wires(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, int]:
    """Give every qubit before a relabelling a wire: its own if it has one, otherwise one that becomes free, or a new one."""
    wires = {qubit: after[qubit] for qubit in before if qubit in after}
    taken = set(wires.values())
    free = iter([wire for wire in range(len(before)) if wire not in taken])
    return {qubit: wires[qubit] if qubit in wires else next(free) for qubit in before}
