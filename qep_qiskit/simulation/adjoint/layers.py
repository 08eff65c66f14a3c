"""Layers of a circuit, merged from a stream of primitives: in turn rotations, phases and relabellings.

Each primitive joins the earliest layer that the gates before it allow. A phase moves back through a relabelling as a
different Z string, so ``cx, rz, cx`` becomes ``rzz``, and CX gates that undo one another cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qep_qiskit.simulation.adjoint.gates import Angle, fixed


@dataclass(frozen=True)
class Rotations:
    """A layer of ``RY(angle)``, one per qubit in `angles`."""

    angles: Mapping[int, Angle]


@dataclass(frozen=True)
class Phases:
    """A layer of ``exp(-i angle Z_mask)``, one per mask in `angles`; bit q of a mask stands for qubit q."""

    angles: Mapping[int, Angle]


@dataclass(frozen=True)
class Relabelling:
    """A permutation of basis states that maps x to y with ``y_q = parity(rows[q] & x) xor bit q of flips``."""

    rows: tuple[int, ...]
    flips: int


Layer = Rotations | Phases | Relabelling


@dataclass
class _Stage:
    """A stage of layers: rotations, then phases, then a relabelling."""

    rows: list[int]
    flips: int = 0
    rotations: dict[int, Angle] = field(default_factory=dict)
    phases: dict[int, Angle] = field(default_factory=dict)
    rotated: int = 0
    phased: int = 0
    moved: int = 0

    def before(self, mask: int) -> tuple[int, float]:
        """Return the Z string, and its sign, that before the relabelling has the same effect as ``mask`` after it."""
        earlier = 0
        for qubit, row in enumerate(self.rows):
            if mask >> qubit & 1:
                earlier ^= row
        return earlier, -1.0 if (mask & self.flips).bit_count() % 2 else 1.0

    def note_moved(self) -> None:
        self.moved = self.flips
        for qubit, row in enumerate(self.rows):
            if row != 1 << qubit:
                self.moved |= row | 1 << qubit


class Layering:
    """A `Sink` that collects primitives into layers."""

    def __init__(self, num_qubits: int) -> None:
        self.num_qubits = num_qubits
        self.global_phase = fixed(0.0)
        self._stages = [self._fresh()]

    def _fresh(self) -> _Stage:
        return _Stage([1 << qubit for qubit in range(self.num_qubits)])

    def phase(self, angle: Angle) -> None:
        self.global_phase = self.global_phase.plus(angle)

    def string(self, qubits: Sequence[int], angle: Angle) -> None:
        mask = sum(1 << qubit for qubit in qubits)
        for stage in reversed(self._stages):
            mask, sign = stage.before(mask)
            angle = angle.scaled(sign)
            if mask & stage.rotated:
                stage.phases[mask] = stage.phases[mask].plus(angle) if mask in stage.phases else angle
                stage.phased |= mask
                return
        self.phase(angle.scaled(-1.0))

    def rotate(self, qubit: int, angle: Angle) -> None:
        home = None
        for stage in reversed(self._stages):
            if (stage.moved | stage.phased) >> qubit & 1:
                break
            home = stage
        if home is None:
            home = self._fresh()
            self._stages.append(home)
        home.rotations[qubit] = home.rotations[qubit].plus(angle) if qubit in home.rotations else angle
        home.rotated |= 1 << qubit

    def relabel(self, kind: str, qubits: Sequence[int]) -> None:
        mask = sum(1 << qubit for qubit in qubits)
        changed = 1 << qubits[-1] if kind == "cx" else mask
        home = self._stages[-1]
        for stage in reversed(self._stages):
            home = stage
            if mask & (stage.moved | stage.rotated) or changed & stage.phased:
                break
        rows, first, last = home.rows, qubits[0], qubits[-1]
        if kind == "x":
            home.flips ^= mask
        elif kind == "cx":
            rows[last] ^= rows[first]
            home.flips ^= (home.flips >> first & 1) << last
        else:
            rows[first], rows[last] = rows[last], rows[first]
            if (home.flips >> first ^ home.flips >> last) & 1:
                home.flips ^= mask
        home.note_moved()

    def layers(self) -> list[Layer]:
        """The layers in the order in which they act."""
        layers: list[Layer] = []
        for stage in self._stages:
            if stage.rotations:
                layers.append(Rotations(dict(sorted(stage.rotations.items()))))
            early, late = _sides(stage)
            if early:
                layers.append(Phases(early))
            if stage.moved:
                layers.append(Relabelling(tuple(stage.rows), stage.flips))
            if late:
                layers.append(Phases(late))
        return layers


def _sides(stage: _Stage) -> tuple[dict[int, Angle], dict[int, Angle]]:
    """Return the phases to apply before and those to apply after the relabelling.

    Each Z string is put on the side where it acts on fewer qubits, because its phases are cheaper there.
    """
    if not stage.moved:
        return dict(sorted(stage.phases.items())), {}
    inverse = _inverse(stage.rows)
    early: dict[int, Angle] = {}
    late: dict[int, Angle] = {}
    for mask, angle in sorted(stage.phases.items()):
        after = sum(1 << qubit for qubit, row in enumerate(zip(*_bits(inverse), strict=True)) if _odd(row, mask))
        if after.bit_count() < mask.bit_count():
            late[after] = angle.scaled(stage.before(after)[1])
        else:
            early[mask] = angle
    return early, dict(sorted(late.items()))


def _bits(rows: Sequence[int]) -> list[list[int]]:
    return [[row >> column & 1 for column in range(len(rows))] for row in rows]


def _odd(row: Sequence[int], mask: int) -> bool:
    return sum(bit for qubit, bit in enumerate(row) if mask >> qubit & 1) % 2 == 1


def _inverse(rows: Sequence[int]) -> list[int]:
    """Invert a matrix over GF(2) whose rows are bit masks."""
    work = list(rows)
    inverse = [1 << i for i in range(len(rows))]
    for column in range(len(rows)):
        pivot = next(i for i in range(column, len(rows)) if work[i] >> column & 1)
        work[column], work[pivot] = work[pivot], work[column]
        inverse[column], inverse[pivot] = inverse[pivot], inverse[column]
        for i in range(len(rows)):
            if i != column and work[i] >> column & 1:
                work[i] ^= work[column]
                inverse[i] ^= inverse[column]
    return inverse
