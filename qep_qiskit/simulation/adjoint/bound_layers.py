"""Layers of a circuit with bound angles, as operations on arrays of states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.layers import Relabelling
from qep_qiskit.simulation.adjoint.phases import PhaseTable
from qep_qiskit.simulation.adjoint.rotations import (
    WHOLE,
    Block,
    Duration,
    add_derivative,
    applying,
    matrices,
    partition,
    reading,
    slopes,
)
from qep_qiskit.simulation.adjoint.states import States

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Pair: TypeAlias = tuple[States, States]

_KEEP_PHASES = 1 << 14
_STACKED = 1 << 13
_TOGETHER = 1 << 13
"""Up to this many amplitudes, the sums for all layers of a family are computed together."""


@dataclass(frozen=True, eq=False)
class BoundPhases:
    """A layer of phases with bound angles.

    ``apply`` and ``undo`` may overwrite both of their arguments. They return the new states and a free array.
    """

    table: PhaseTable
    shared: Complex
    own: Complex
    full: Complex | None

    def apply(self, states: States, spare: States) -> Pair:
        if self.full is not None:
            states.array *= self.full
        else:
            self.table.multiply(states.array, self.shared, self.own)
        return states, spare

    def write(self, states: States, out: States) -> None:
        """Write the new states to another array, and leave the old ones unchanged."""
        if self.full is not None:
            np.multiply(states.array, self.full, out=out.array)
        else:
            np.copyto(out.array, states.array)
            self.table.multiply(out.array, self.shared, self.own)

    def undo(self, states: States, spare: States) -> Pair:
        if self.full is not None:
            states.array *= np.conjugate(self.full)
        else:
            self.table.multiply(states.array, np.conjugate(self.shared), np.conjugate(self.own))
        return states, spare

    def overlaps(self, left: States, right: States) -> Real:
        """Return the overlaps from which the family computes slopes, for states on one side of the layer; either B may be 1.

        They are either the sums, shape (B, masks), or the terms that are yet to be summed, shape (B, 2**n).
        """
        bra, ket = left.array, right.array
        if max(bra.size, ket.size) > _TOGETHER:
            return self.table.overlap_sums(bra, ket)
        product = bra.real * ket.imag
        product -= bra.imag * ket.real
        return np.asarray(product)

    def differentiate(self, state: Complex, directions: Real, out: Complex) -> None:
        """Apply the derivative along each direction (m, masks) to ``state`` (2**n,), and add the results to ``out`` (m, 2**n)."""
        values = self.table.values(directions)
        out += (-1j * values) * state


@dataclass(frozen=True, eq=False)
class BoundRotations:
    """A layer of Y rotations with bound angles. It has the same methods as `BoundPhases`."""

    qubits: tuple[int, ...]
    blocks: tuple[Block, ...]
    matrices: Sequence[Real]
    transposed: Sequence[Real]
    readings: tuple[Block, ...]

    def apply(self, states: States, spare: States) -> Pair:
        for block, matrix, transposed in zip(self.blocks, self.matrices, self.transposed, strict=True):
            block.apply(matrix, transposed, states, spare)
            states, spare = spare, states
        return states, spare

    def write(self, states: States, spares: Pair, out: States) -> None:
        """Write the new states to ``out``, using two spare arrays; ``states`` may be one of them."""
        last = len(self.blocks) - 1
        for i, (block, matrix, transposed) in enumerate(zip(self.blocks, self.matrices, self.transposed, strict=True)):
            target = out if i == last else spares[states is spares[0]]
            block.apply(matrix, transposed, states, target)
            states = target

    def undo(self, states: States, spare: States) -> Pair:
        for block, matrix, transposed in zip(self.blocks, self.matrices, self.transposed, strict=True):
            block.apply(transposed, matrix, states, spare)
            states, spare = spare, states
        return states, spare

    def prepare(self, out: Complex) -> None:
        """Apply the layer to |0…0⟩ and write the result to ``out`` (2**n,)."""
        product = np.ones(1)
        for block, matrix in zip(self.blocks, self.matrices, strict=True):
            below = np.zeros(1 << block.low)
            below[: len(product)] = product
            column = matrix[:: 1 + block.with_pair, 0]
            product = np.multiply.outer(column, below).reshape(-1)
        out[len(product) :] = 0.0
        out[: len(product)] = product

    def overlaps(self, left: States, right: States) -> list[Real]:
        return [block.overlaps(left, right) for block in self.readings]

    def differentiate(self, state: Complex, directions: Real, out: Complex) -> None:
        for row, column in zip(*np.nonzero(directions), strict=True):
            add_derivative(state, self.qubits[column], directions[row, column], out[row])


class BoundRelabelling:
    """A permutation of amplitudes, with `apply` and `undo` as in `BoundPhases`."""

    def __init__(self, relabelling: Relabelling) -> None:
        size = 1 << len(relabelling.rows)
        target = np.full(1, relabelling.flips, dtype=np.intp)
        for column in range(len(relabelling.rows)):
            image = sum(1 << qubit for qubit, row in enumerate(relabelling.rows) if row >> column & 1)
            target = np.concatenate([target, target ^ image])
        self.target = target
        self.source = np.empty(size, dtype=np.intp)
        self.source[target] = np.arange(size)

    def apply(self, states: States, spare: States) -> Pair:
        np.take(states.array, self.source, axis=1, out=spare.array, mode="clip")
        return spare, states

    def undo(self, states: States, spare: States) -> Pair:
        np.take(states.array, self.target, axis=1, out=spare.array, mode="clip")
        return spare, states


BoundLayer: TypeAlias = BoundPhases | BoundRotations | BoundRelabelling


class PhaseFamily:
    """Layers of phases with the same Z strings. Their exponentials are computed together.

    Parameters
    ----------
    num_qubits, masks
        See `PhaseTable`.
    positions
        The positions of the layers in the circuit.
    first
        The index of the family's first coefficient. Its coefficients are contiguous: one row per layer, one column per mask.
    """

    def __init__(self, num_qubits: int, masks: Sequence[int], positions: Sequence[int], first: int) -> None:
        self.positions = tuple(positions)
        self.first, self.last = first, first + len(masks) * len(positions)
        self._table = PhaseTable(num_qubits, masks)
        self._keep = 1 << num_qubits <= _KEEP_PHASES
        self._stack = len(positions) << num_qubits <= _STACKED

    def bind(self, coefficients: Real) -> list[BoundPhases]:
        """Return the bound layers, given the coefficients of the whole program."""
        rows = coefficients[self.first : self.last].reshape(len(self.positions), -1)
        shared, separate = self._table.factors(rows)
        if not self._keep:
            return [BoundPhases(self._table, *factors, None) for factors in zip(shared, separate, strict=True)]
        if not self._stack:
            each = [self._table.block(*factors).reshape(-1) for factors in zip(shared, separate, strict=True)]
            return [BoundPhases(self._table, *parts) for parts in zip(shared, separate, each, strict=True)]
        full = self._table.full(shared, separate)
        return [BoundPhases(self._table, *parts) for parts in zip(shared, separate, full, strict=True)]

    def bind_rows(self, coefficients: Real) -> list[BoundPhases]:
        """Return the bound layers for several rows of coefficients (R, ...); meant for few qubits.

        The array ``full`` of a layer, shape (R, 2**n), has one row per state.
        """
        count = len(coefficients)
        rows = coefficients[:, self.first : self.last].reshape(count * len(self.positions), -1)
        shared, separate = self._table.factors(rows)
        full = self._table.full(shared, separate).reshape(count, len(self.positions), -1)
        return [BoundPhases(self._table, shared, separate, full[:, layer]) for layer in range(len(self.positions))]

    def slopes(self, overlaps: Mapping[int, Real], out: Real) -> None:
        """Write ``2 Re <left| d/dc |right>`` for every coefficient c to ``out`` (B, ...), given the overlaps by position."""
        layers = [(i, overlaps[position]) for i, position in enumerate(self.positions) if position in overlaps]
        if not layers:
            return
        stacked = np.concatenate([values for _, values in layers])
        sums = stacked if stacked.shape[1] == len(self._table.masks) else self._table.sums(stacked)
        grid = out[:, self.first : self.last].reshape(len(out), len(self.positions), -1)
        grid[:, [i for i, _ in layers]] = 2.0 * sums.reshape(len(layers), len(out), -1).swapaxes(0, 1)
        out[:, self.first : self.last] = grid.reshape(len(out), -1)


class _Shape(NamedTuple):
    """All blocks of one shape: their (layer, number) pairs, and the indices of their angles."""

    width: int
    bottom: bool
    members: list[tuple[int, int]]
    angles: NDArray[np.intp]


class RotationFamily:
    """All layers of rotations of a program. The matrices of blocks of the same shape are computed together.

    Parameters
    ----------
    num_qubits
        The number of qubits of the program.
    layers
        For each layer, its position in the circuit and its qubits in ascending order.
    first
        The index of the family's first coefficient. Its coefficients are contiguous, one layer after the other.
    """

    def __init__(self, num_qubits: int, layers: Sequence[tuple[int, Sequence[int]]], first: int) -> None:
        self.positions = tuple(position for position, _ in layers)
        self._qubits = [tuple(qubits) for _, qubits in layers]
        self.first, self.last = first, first + sum(len(qubits) for qubits in self._qubits)
        self._blocks, self._shapes = self._arranged(num_qubits, applying)
        self._readings, self._read_shapes = self._arranged(num_qubits, reading)

    def _arranged(self, num_qubits: int, duration: Duration) -> tuple[list[tuple[Block, ...]], list[_Shape]]:
        """Return the blocks of every layer, and the same blocks grouped by shape."""
        blocks: list[tuple[Block, ...]] = []
        shapes: dict[tuple[int, bool], list[tuple[int, int, list[int]]]] = {}
        first = self.first
        for layer, qubits in enumerate(self._qubits):
            where = {qubit: first + i for i, qubit in enumerate(qubits)}
            runs = [(0, num_qubits)] if num_qubits <= WHOLE else partition(num_qubits, qubits, duration)
            blocks.append(tuple(Block(num_qubits, low, width) for low, width in runs))
            for number, (low, width) in enumerate(runs):
                angles = [where.get(qubit, -1) for qubit in range(low, low + width)]
                shapes.setdefault((width, low == 0 and width < num_qubits), []).append((layer, number, angles))
            first += len(qubits)
        return blocks, [
            _Shape(width, bottom, [member[:2] for member in members], np.array([angles for *_, angles in members]))
            for (width, bottom), members in shapes.items()
        ]

    def bind(self, coefficients: Real) -> list[BoundRotations]:
        """Return the bound layers, given the coefficients of the whole program.

        For R rows of coefficients, shape (R, ...), each block has R matrices.
        """
        rows = np.atleast_2d(coefficients)
        padded = np.hstack([rows, np.zeros((len(rows), 1))])
        forward: list[list[Real]] = [[padded] * len(blocks) for blocks in self._blocks]
        turned: list[list[Real]] = [[padded] * len(blocks) for blocks in self._blocks]
        for shape in self._shapes:
            angles = padded[:, shape.angles].swapaxes(0, 1)
            front = matrices(angles.reshape(-1, shape.width), with_pair=shape.bottom)
            # multiplication by one matrix from the right is faster if its transpose is in memory
            back = front.swapaxes(1, 2)
            if shape.bottom and coefficients.ndim == 1:
                back = np.ascontiguousarray(back)
            if coefficients.ndim == 2:
                front, back = (m.reshape(*angles.shape[:2], *m.shape[1:]) for m in (front, back))
            for number, (layer, block) in enumerate(shape.members):
                forward[layer][block], turned[layer][block] = front[number], back[number]
        parts = zip(self._qubits, self._blocks, forward, turned, self._readings, strict=True)
        return [BoundRotations(*each) for each in parts]

    def slopes(self, overlaps: Mapping[int, list[Real]], out: Real) -> None:
        """Write the slope of every coefficient to ``out`` (B, coefficients + 1), given the overlaps by position."""
        for shape in self._read_shapes:
            members = [
                (i, overlaps[self.positions[layer]][number])
                for i, (layer, number) in enumerate(shape.members)
                if self.positions[layer] in overlaps
            ]
            if members:
                stacked = np.concatenate([block for _, block in members])
                values = slopes(stacked, shape.width, with_pair=shape.bottom).reshape(len(members), len(out), shape.width)
                out[:, shape.angles[[i for i, _ in members]]] = values.swapaxes(0, 1)
        out[:, -1] = 0.0
