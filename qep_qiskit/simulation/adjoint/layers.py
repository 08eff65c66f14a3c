"""Layers of a circuit, merged from a stream of primitives: in turn rotations, phases and relabellings.

Each primitive joins the earliest layer that the gates before it allow. A phase moves back through a relabelling as a
different Z string, so ``cx, rz, cx`` becomes ``rzz``, and CX gates that undo one another cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """A permutation of basis states that maps x to y with ``y_q = parity(rows[q] & x) xor bit q of flips``.

    Bit p of ``columns[q]`` says whether ``x_p`` depends on ``y_q``: these are the columns of the inverse matrix.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    flips: int


Layer = Rotations | Phases | Relabelling


@dataclass
class _Stage:
    """A stage of layers: rotations, then phases, then a relabelling, of which only the rows and columns that move are kept."""

    rows: dict[int, int] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)
    flips: int = 0
    rotations: dict[int, Angle] = field(default_factory=dict)
    phases: dict[int, Angle] = field(default_factory=dict)
    rotated: int = 0
    phased: int = 0
    moved: int = 0

    def before(self, mask: int) -> tuple[int, float]:
        """Return the Z string, and its sign, that before the relabelling has the same effect as ``mask`` after it."""
        if not mask & self.moved:
            return mask, 1.0
        earlier = mask
        for qubit in bits(mask & self.moved):
            earlier ^= self.row(qubit) ^ 1 << qubit
        return earlier, -1.0 if (mask & self.flips).bit_count() % 2 else 1.0

    def after(self, mask: int) -> int:
        """Return the Z string that after the relabelling has the same effect, up to a sign, as ``mask`` before it."""
        later = mask & ~self.moved
        for qubit, column in self.columns.items():
            later |= ((mask & column).bit_count() & 1) << qubit
        for qubit in bits(mask & self.moved):
            later |= (qubit not in self.columns) << qubit
        return later

    def row(self, qubit: int) -> int:
        return self.rows.get(qubit, 1 << qubit)

    def column(self, qubit: int) -> int:
        return self.columns.get(qubit, 1 << qubit)

    def relabel(self, kind: str, qubits: Sequence[int]) -> None:
        """Add a gate to the end of the relabelling."""
        first, last = qubits[0], qubits[-1]
        if kind == "x":
            self.flips ^= 1 << first
        elif kind == "cx":
            self.rows[last] = self.row(last) ^ self.row(first)
            self.columns[first] = self.column(first) ^ self.column(last)
            self.flips ^= (self.flips >> first & 1) << last
        else:
            self.rows[first], self.rows[last] = self.row(last), self.row(first)
            self.columns[first], self.columns[last] = self.column(last), self.column(first)
            if (self.flips >> first ^ self.flips >> last) & 1:
                self.flips ^= 1 << first | 1 << last
        for qubit in qubits:
            bit = 1 << qubit
            for table in (self.rows, self.columns):
                if table.get(qubit) == bit:
                    del table[qubit]
            is_moved = qubit in self.rows or qubit in self.columns or self.flips & bit
            self.moved = self.moved | bit if is_moved else self.moved & ~bit


class Layering:
    """A `Sink` that collects primitives into layers."""

    def __init__(self, num_qubits: int) -> None:
        self.num_qubits = num_qubits
        self.global_phase = fixed(0.0)
        self._stages = [_Stage()]

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
            home = _Stage()
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
        home.relabel(kind, qubits)

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
                every = range(self.num_qubits)
                layers.append(Relabelling(tuple(map(stage.row, every)), tuple(map(stage.column, every)), stage.flips))
            if late:
                layers.append(Phases(late))
        return layers


def _sides(stage: _Stage) -> tuple[dict[int, Angle], dict[int, Angle]]:
    """Return the phases to apply before and those to apply after the relabelling.

    Each Z string is put on the side where it acts on fewer qubits, because its phases are cheaper there.
    """
    if not stage.moved:
        return dict(sorted(stage.phases.items())), {}
    early: dict[int, Angle] = {}
    late: dict[int, Angle] = {}
    for mask, angle in sorted(stage.phases.items()):
        after = stage.after(mask)
        if after.bit_count() < mask.bit_count():
            late[after] = angle.scaled(stage.before(after)[1])
        else:
            early[mask] = angle
    return early, dict(sorted(late.items()))


def bits(mask: int) -> Iterator[int]:
    """Yield the places of the bits that are set, the lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
