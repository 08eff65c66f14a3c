"""Circuits of channels on one and two qubits, compiled to compute exact outcome distributions for many rows of angles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.noise.transfer import Block, Chain, Piece, Real, swapped, turns_of
from qep_qiskit.simulation.noise.wires import Stop, route
from qep_qiskit.simulation.products import product_of
from qep_qiskit.simulation.threads import single_threaded

_TOGETHER = 1 << 16
"""Total size, in numbers, of the states evolved together: their 0.5 MB and an equal write buffer fit in the cache."""
_MATRICES = 128
"""Number of rows whose matrices are computed together; equal matrices are computed only once."""
_LINES = 256
"""Number of lines of a large state multiplied at a time: BLAS takes half as long for small products."""
_ROOM = 1 << 23
"""Largest total size, in numbers, of the matrices computed together."""


class Fusion:
    """A collector of channels, added in the order in which they act; it fuses them into blocks on one or two wires.

    Parameters
    ----------
    num_wires : int
    """

    def __init__(self, num_wires: int) -> None:
        self._num_wires = num_wires
        self._blocks: list[Block] = []
        self._waiting = [Chain() for _ in range(num_wires)]
        self._last: dict[int, Block] = {}

    def add(self, wires: tuple[int, ...], piece: Piece) -> None:
        """Add the next channel. The second of two wires is the slow index, as in a gate's matrix."""
        if len(wires) == 1:
            self._waiting[wires[0]].append(piece)
            return
        fast, slow = wires
        block = self._last.get(fast)
        if block is None or block is not self._last.get(slow):
            block = Block((slow, fast))
            self._blocks.append(block)
            self._last[fast] = self._last[slow] = block
        first, second = block.wires
        block.append_each(self._waiting[first], self._waiting[second])
        self._waiting[first], self._waiting[second] = Chain(), Chain()
        block.append(piece if block.wires == (slow, fast) else piece.mapped(swapped))

    def endings(self) -> list[Chain]:
        """Remove and return the channels after the last block of each wire; call this after all channels have been added."""
        waiting, self._waiting = self._waiting, [Chain() for _ in self._waiting]
        return waiting

    def blocks(self) -> list[Block]:
        """Return all blocks; call it after the last channel has been added."""
        for wire in range(self._num_wires):
            block = self._last.get(wire)
            if block is None and self._waiting[wire].pieces:
                self._blocks.append(Block((wire,)))
                for piece in self._waiting[wire].pieces:
                    self._blocks[-1].append(piece)
            elif block is not None:
                slow, fast = block.wires
                waiting = self._waiting[wire]
                block.append_each(waiting if wire == slow else Chain(), waiting if wire == fast else Chain())
            self._waiting[wire] = Chain()
        return self._blocks


class ChannelProgram:
    """Blocks of channels on wires that start in |0⟩.

    Parameters
    ----------
    num_wires : int
    blocks : sequence of Block
        In the order in which they act.
    """

    def __init__(self, num_wires: int, blocks: Sequence[Block]) -> None:
        self.num_wires = num_wires
        self._blocks = list(blocks)
        self._zero = _joined([np.array([1.0, 0.0, 0.0, 1.0])] * num_wires)
        self._stops, self._order = route(num_wires, [block.wires for block in blocks])
        self._angles = [np.array(block.angles, dtype=np.intp) for block in self._blocks]

    def distributions(
        self, angles: Real, readings: Sequence[Sequence[Real]], wires: Sequence[int], wanted: Sequence[NDArray[np.bool_]]
    ) -> list[Real]:
        """Return the probabilities of the outcomes: for each reading, an array of shape (R', 2**len(wires)).

        Parameters
        ----------
        angles : ndarray of shape (R, angles)
        readings : sequence of sequence of ndarray
            For each wire of the program, the 2 × 4 matrix from the expectations of I, X, Y, Z to the probabilities of 0 and 1
            (1 × 4 for a wire that is not read).
        wires : sequence of int
            The wires that are read; the first is the least significant bit of an outcome.
        wanted : sequence of ndarray of bool, shape (R,)
            For each reading, which rows to compute.
        """
        results = [np.empty((len(angles), 2 ** len(wires))) for _ in readings]
        pairs = [[_joined([of[w] for w in self._order[k : k + 2]]) for k in range(0, self.num_wires, 2)] for of in readings]
        size = 4**self.num_wires
        together = max(1, _TOGETHER // size)
        most = max(1, min(_MATRICES, _ROOM // max(1, 256 * len(self._blocks))))
        with single_threaded(self.num_wires):
            for first in range(0, len(angles), most):
                rows = angles[first : first + most]
                matrices, places = self._matrices(rows)
                buffers = np.empty((2, min(together, len(rows)), size))
                for low in range(0, len(rows), together):
                    part = slice(low, min(low + together, len(rows)))
                    states = self._evolved(matrices, places, part, buffers)
                    for reading, mask, out in zip(pairs, wanted, results, strict=True):
                        here = slice(first + part.start, first + part.stop)
                        if mask[here].any():
                            out[here] = self._read(states, reading, wires)
        return [out if mask.all() else out[mask] for out, mask in zip(results, wanted, strict=True)]

    def _matrices(self, rows: Real) -> tuple[list[Real], list[NDArray[np.intp] | None]]:
        """Return, for every block, its distinct matrices and the index of each row's matrix (None if all rows share one)."""
        turns = turns_of(rows)
        matrices: list[Real] = []
        places: list[NDArray[np.intp] | None] = []
        for block, stop, used in zip(self._blocks, self._stops, self._angles, strict=True):
            distinct, place = _distinct(rows[:, used])
            products = block.matrices(turns if distinct is None else turns[distinct])
            matrices.append(swapped(products) if stop.swapped else products)
            places.append(place)
        return matrices, places

    def _evolved(self, matrices: Sequence[Real], places: Sequence[NDArray[np.intp] | None], rows: slice, buffers: Real) -> Real:
        count = rows.stop - rows.start
        states, spare = buffers[:, :count]
        states[:] = self._zero
        for stop, stack, place in zip(self._stops, matrices, places, strict=True):
            if stop.move is not None:
                moved = states.reshape(count, *stop.move.shape).transpose(0, *(axis + 1 for axis in stop.move.axes))
                np.copyto(spare.reshape(moved.shape), moved)
                states, spare = spare, states
            _apply(stack[0] if place is None else stack[place[rows]], stop, states, spare)
            states, spare = spare, states
        return states

    def _read(self, states: Real, pairs: Sequence[Real], wires: Sequence[int]) -> Real:
        values, done, rest = states, len(states), 4**self.num_wires
        for matrix in pairs:
            rest //= matrix.shape[1]
            values = matrix @ values.reshape(done, matrix.shape[1], rest)
            done *= matrix.shape[0]
        read_wires = [wire for wire in self._order if wire in set(wires)]
        axes = [1 + read_wires.index(wire) for wire in reversed(wires)]
        return values.reshape(len(states), *(2,) * len(read_wires)).transpose(0, *axes).reshape(len(states), -1)


def _joined(factors: Sequence[Real]) -> Real:
    product = factors[0]
    for factor in factors[1:]:
        product = np.asarray(np.kron(product, factor), dtype=np.float64)
    return product


def _distinct(values: Real) -> tuple[NDArray[np.intp] | None, NDArray[np.intp] | None]:
    """Return the indices of the distinct rows, and for each row the position of its equal among them.

    The first is None if there is only one row, the second if all rows are equal.
    """
    if len(values) == 1:
        return None, None
    if not values.size or (values == values[0]).all():
        return np.zeros(1, dtype=np.intp), None
    keys = np.ascontiguousarray(values).view(np.dtype((np.void, values.shape[1] * values.itemsize))).ravel()
    _, distinct, place = np.unique(keys, return_index=True, return_inverse=True)
    return distinct, place.reshape(-1)


def _apply(matrix: Real, stop: Stop, states: Real, out: Real) -> None:
    """Multiply states (c, 4**n) by one matrix, or by one matrix per state, and write the products to `out`."""
    d, count = matrix.shape[-1], len(states)
    if stop.inner == 1:
        if states.shape[1] > _LINES * d:
            blocks = (count, -1, _LINES, d)
            turned = np.ascontiguousarray(matrix.swapaxes(-1, -2))
            np.matmul(states.reshape(blocks), turned if matrix.ndim == 2 else turned[:, None], out=out.reshape(blocks))
        elif matrix.ndim == 2:
            product_of(out.size)(states.reshape(-1, d), matrix.T, out=out.reshape(-1, d))
        else:
            lines = (count, -1, d)
            np.matmul(states.reshape(lines), matrix.swapaxes(1, 2), out=out.reshape(lines))
    elif matrix.ndim == 2:
        grid: tuple[int, ...] = (-1, d, stop.inner)
        np.matmul(matrix, states.reshape(grid), out=out.reshape(grid))
    else:
        grid = (count, -1, d, stop.inner)
        np.matmul(matrix[:, None], states.reshape(grid), out=out.reshape(grid))
