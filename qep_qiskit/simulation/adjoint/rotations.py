"""Layers of Y rotations, applied to a few neighbouring qubits at a time by one small real matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.products import product_of

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Duration: TypeAlias = Callable[[int, int, int], float]

_WIDEST = 5
WHOLE = 5
"""Up to this many qubits, a layer is one product."""
_GATHERED = 4


# Microseconds for 4096 amplitudes on one core with OpenBLAS, for runs of 1 to 5 qubits. First, the time of a run far above
# the lowest qubits; second, the extra time if its lowest qubit is 4 (halved for each qubit higher), because a matrix then
# has few columns; third, the time of a run that includes qubit 0.
_APPLYING = ((2.6, 2.6, 4.4, 6.2, 10.5), (6.0, 1.6, 0.3, 0.45, 0.2), (5.0, 5.0, 7.0, 14.0, 23.0))
_READING = ((2.4, 2.6, 4.4, 6.4, 12.0), (9.0, 5.6, 3.4, 2.3, 3.0), (4.0, 5.0, 6.5, 14.0, 23.0))
_FROM_MEMORY = 18
"""From this many qubits on, overlaps read the states from memory instead of the cache."""


def applying(num_qubits: int, low: int, width: int) -> float:
    """Return the microseconds needed to apply a run."""
    above, columns, bottom = (row[width - 1] for row in _APPLYING)
    few = 2.0 ** (4 - low) * 1.5 ** max(4 - low, 0)
    return 1.8 * 2.0 ** (12 - num_qubits) + (bottom if low == 0 else above + columns * few)


def reading(num_qubits: int, low: int, width: int) -> float:
    """Return the microseconds needed for the overlaps of a run, with their many small products and the sum over these."""
    above, columns, bottom = (row[width - 1] for row in _READING)
    few = 2.0 ** (4 - low) * 3.0 ** max(4 - low, 0)
    call = 3.5 * 2.0 ** (12 - num_qubits) + 2.0 * (num_qubits >= _FROM_MEMORY)
    return call + (bottom if low == 0 else above + columns * few)


def partition(num_qubits: int, qubits: Sequence[int], duration: Duration = applying) -> list[tuple[int, int]]:
    """Cover the qubits with runs of neighbours, one small matrix product per run, so that the total duration is shortest.

    Parameters
    ----------
    qubits
        The qubits, in ascending order.

    Returns
    -------
    list of (lowest qubit, number of qubits)
        A run may cover qubits that are not in ``qubits``.
    """
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for end in range(1, len(qubits) + 1):
        options = []
        for start in range(max(0, end - _WIDEST), end):
            low, width = qubits[start], qubits[end - 1] - qubits[start] + 1
            if width > _WIDEST:
                continue
            options.append((best[start][0] + duration(num_qubits, low, width), [*best[start][1], (low, width)]))
        best.append(min(options))
    return best[-1][1]


class Block:
    """A block of ``width`` neighbouring qubits from qubit ``low`` on, in states of ``2**num_qubits`` amplitudes.

    Amplitudes are stored as (real, imaginary) pairs. If the block includes qubit 0, the pair is treated as one more qubit
    below it, on which the matrix is the identity. Every product is then real and runs on contiguous memory. In a block of
    all qubits of a state, the real and imaginary parts are two columns instead.
    """

    def __init__(self, num_qubits: int, low: int, width: int) -> None:
        self.low, self.width = low, width
        self.with_pair = low == 0 and width < num_qubits
        self.size = 1 << (width + self.with_pair)
        self._outside = 1 << (num_qubits - low - width)
        self._after = 1 if self.with_pair else 1 << (low + 1)
        self._lines = (-1, self.size)
        self._square = (self.size, self._after)
        self._grid = (-1, self.size, self._after)

    def apply(self, matrix: Real, transposed: Real, states: States, out: States) -> None:
        """Multiply each state by ``matrix`` and write the result to ``out``, another array.

        Matrices of shape (B, size, size) are applied to one state each.
        """
        if matrix.ndim == 3:
            rows = len(states)
            if self.with_pair:
                lines = (rows, -1, self.size)
                np.matmul(states.reals(lines), transposed, out=out.reals(lines))
            else:
                grid = (rows, -1, self.size, self._after)
                np.matmul(matrix[:, None], states.reals(grid), out=out.reals(grid))
        elif self.with_pair:
            product_of(2 * states.array.size)(states.reals(self._lines), transposed, out=out.reals(self._lines))
        elif self._outside == len(states) == 1:
            product_of(2 * states.array.size)(matrix, states.reals(self._square), out=out.reals(self._square))
        else:
            np.matmul(matrix, states.reals(self._grid), out=out.reals(self._grid))

    def overlaps(self, left: States, right: States) -> Real:
        """Return ``Re sum conj(left_a) right_b``, shape (B, size, size), summed over the other qubits; either B may be 1."""
        if len(left) == len(right) == 1:
            if self.with_pair:
                sums = left.reals(self._lines).T @ right.reals(self._lines)
            elif self._outside == 1:
                sums = left.reals(self._square) @ right.reals(self._square).T
            else:
                sums = np.add.reduce(left.reals(self._grid) @ right.reals(self._grid).swapaxes(1, 2), axis=0)
            return sums[None]
        if self.with_pair:
            bra, ket = (states.reals((len(states), -1, self.size)) for states in (left, right))
            return np.asarray(bra.swapaxes(1, 2) @ ket)
        bra, ket = (states.reals((len(states), -1, self.size, self._after)) for states in (left, right))
        return np.asarray((bra @ ket.swapaxes(2, 3)).sum(axis=1))


@cache
def _selection(width: int, with_pair: bool) -> Real:
    """Return the sign of each overlap in each qubit's slope, 0 if it does not contribute, shape (size², width)."""
    size = 1 << (width + with_pair)
    index = np.arange(size)
    signs = np.zeros((size * size, width))
    for qubit in range(width):
        lower = index[~index >> (qubit + with_pair) & 1 == 1]
        upper = lower | 1 << (qubit + with_pair)
        signs[upper * size + lower, qubit] = 1.0
        signs[lower * size + upper, qubit] = -1.0
    return signs


@cache
def _tables(width: int, with_pair: bool) -> tuple[NDArray[np.intp], Real]:
    """Return, for each entry of a block's matrix, the index of its product of cosines and sines, and its sign."""
    index = np.arange(1 << (width + with_pair))
    row, column = index[:, None], index[None, :]
    signs = 1.0 - 2.0 * (np.bitwise_count((~row & column) >> with_pair) & 1)
    if with_pair:
        signs *= (row ^ column) & 1 == 0
    return (row ^ column) >> with_pair, signs


def matrices(angles: Real, *, with_pair: bool) -> Real:
    """Return the real matrices of G blocks with an ``RY`` on each qubit, for angles (G, width), lowest qubit first."""
    factors = np.empty((*angles.shape, 2))
    half = 0.5 * angles
    np.cos(half, out=factors[..., 0])
    np.sin(half, out=factors[..., 1])
    low = _gathered(factors[:, :_GATHERED], with_pair)
    if angles.shape[1] <= _GATHERED:
        return low
    high = _gathered(factors[:, _GATHERED:], False)
    size = low.shape[1] * high.shape[1]
    return (high[:, :, None, :, None] * low[:, None, :, None, :]).reshape(-1, size, size)


def _gathered(factors: Real, with_pair: bool) -> Real:
    """Return the matrices, given cosines and sines (G, width, 2); each entry is one of 2**width products."""
    count, width, _ = factors.shape
    products = factors[:, 0]
    for qubit in range(1, width):
        products = (factors[:, qubit, :, None] * products[:, None]).reshape(count, -1)
    index, signs = _tables(width, with_pair)
    entries = products.take(index, axis=1)
    entries *= signs
    return entries


def slopes(overlaps: Real, width: int, *, with_pair: bool) -> Real:
    """Return ``2 Re <left| -iY/2 |right>`` for each qubit of G blocks, shape (G, width), from overlaps (G, size, size)."""
    return np.asarray(overlaps.reshape(len(overlaps), -1) @ _selection(width, with_pair))


def add_derivative(state: Complex, qubit: int, scale: float, out: Complex) -> None:
    """Add ``scale * (-iY/2) state`` to ``out``, both of shape (2**n,)."""
    source = state.reshape(-1, 2, 1 << qubit)
    target = out.reshape(-1, 2, 1 << qubit)
    target[:, 0] -= 0.5 * scale * source[:, 1]
    target[:, 1] += 0.5 * scale * source[:, 0]
