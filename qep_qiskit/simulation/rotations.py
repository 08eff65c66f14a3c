"""Layers of Y rotations, a few qubits at a time as one small real matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Cost: TypeAlias = Callable[[int, int, int], float]

_WIDEST = 5
_WHOLE = 5


def applying(num_qubits: int, low: int, width: int) -> float:
    """What a run costs to apply."""
    # Fitted to OpenBLAS at 12 and 16 qubits: a call, a pass over memory, products that are slow with few columns.
    call = 4.0 + 6.0 * 2.0 ** (12 - num_qubits)
    return call + 11.0 + 2.0 ** (width + 1) if low == 0 else call + (11.0 + 2.0**width) * (1.0 + 3.0 / 2.0**low)


def reading(num_qubits: int, low: int, width: int) -> float:
    """What the overlaps of a run cost: many small products are slow, and then there is a sum over them."""
    call = 4.0 + 6.0 * 2.0 ** (12 - num_qubits)
    if low == 0:
        return call + 7.0 + 1.2 * 2.0 ** (width - 1)
    outside = num_qubits - low - width
    return call + 3.0 + 0.5 * 2.0**width + (5.0 + 0.3 * 2.0**width) * 2.0 ** (4 - low) * (outside > 0)


def partition(num_qubits: int, qubits: Sequence[int], cost: Cost = applying) -> list[tuple[int, int]]:
    """Cover the qubits by runs of neighbours, so that one small matrix product serves each.

    Parameters
    ----------
    qubits
        Ascending.

    Returns
    -------
    list of (lowest qubit, number of qubits)
        A run may cover qubits that are not in ``qubits``.
    """
    if num_qubits <= _WHOLE and qubits:
        return [(0, num_qubits)]
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for end in range(1, len(qubits) + 1):
        options = []
        for start in range(max(0, end - _WIDEST), end):
            low, width = qubits[start], qubits[end - 1] - qubits[start] + 1
            if width > _WIDEST:
                continue
            options.append((best[start][0] + cost(num_qubits, low, width), [*best[start][1], (low, width)]))
        best.append(min(options))
    return best[-1][1]


class Block:
    """``width`` neighbouring qubits from ``low``, of states of ``2**num_qubits`` amplitudes.

    Amplitudes lie as (real, imaginary) pairs. Where the block holds qubit 0 the pair is treated as one more qubit below
    it, on which the matrix is the identity, so that every product is a real one on contiguous memory. A block of all
    qubits of a state has the pairs as its two columns instead.
    """

    def __init__(self, num_qubits: int, low: int, width: int) -> None:
        self.low, self.width = low, width
        self.with_pair = low == 0 and width < num_qubits
        self.size = 1 << (width + self.with_pair)
        self._after = 1 if self.with_pair else 1 << (low + 1)

    def apply(self, matrix: Real, transposed: Real, states: Complex, out: Complex) -> None:
        """Write ``matrix`` times each state of shape (B, 2**n) to ``out``, another array; (B, size, size) are one a state."""
        source, target = states.view(np.float64), out.view(np.float64)
        if matrix.ndim == 3:
            if self.with_pair:
                lines = (len(states), -1, self.size)
                np.matmul(source.reshape(lines), transposed, out=target.reshape(lines))
            else:
                grid = (len(states), -1, self.size, self._after)
                np.matmul(matrix[:, None], source.reshape(grid), out=target.reshape(grid))
        elif self.with_pair:
            np.dot(source.reshape(-1, self.size), transposed, out=target.reshape(-1, self.size))
        elif self.size * self._after == source.size:
            shape = (self.size, self._after)
            np.dot(matrix, source.reshape(shape), out=target.reshape(shape))
        else:
            blocks = (-1, self.size, self._after)
            np.matmul(matrix, source.reshape(blocks), out=target.reshape(blocks))

    def overlaps(self, left: Complex, right: Complex) -> Real:
        """``Re sum conj(left_a) right_b`` over all else than the block, shape (B, size, size); either B may be 1."""
        shape = (-1, self.size, self._after)
        bra = left.view(np.float64).reshape(len(left), *shape)
        ket = right.view(np.float64).reshape(len(right), *shape)
        if self.with_pair:
            return np.asarray(np.swapaxes(bra[..., 0], -1, -2) @ ket[..., 0])
        if bra.shape[1] == 1:
            return np.asarray(bra[:, 0] @ np.swapaxes(ket[:, 0], -1, -2))
        return np.asarray((bra @ np.swapaxes(ket, -1, -2)).sum(axis=1))


@cache
def _tables(width: int, with_pair: bool) -> tuple[NDArray[np.intp], Real]:
    """Which product of cosines and sines stands at each place of a block's matrix, and with which sign."""
    index = np.arange(1 << (width + with_pair))
    row, column = index[:, None], index[None, :]
    signs = 1.0 - 2.0 * (np.bitwise_count((~row & column) >> with_pair) & 1)
    if with_pair:
        signs *= (row ^ column) & 1 == 0
    return (row ^ column) >> with_pair, signs


@cache
def _pairs(width: int, with_pair: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    size = 1 << (width + with_pair)
    index = np.arange(size)
    lower = np.array([index[~index >> (qubit + with_pair) & 1 == 1] for qubit in range(width)])
    upper = lower | (1 << (np.arange(width) + with_pair))[:, None]
    return upper * size + lower, lower * size + upper


def matrices(angles: Real, *, with_pair: bool) -> Real:
    """The real matrices of ``RY`` on each qubit of a block, for angles (G, width), lowest qubit first."""
    cosine, sine = np.cos(angles / 2), np.sin(angles / 2)
    middle = angles.shape[1] // 2
    if middle == 0:
        return _small(cosine, sine, with_pair)
    low = _small(cosine[:, :middle], sine[:, :middle], with_pair)
    high = _small(cosine[:, middle:], sine[:, middle:], False)
    size = low.shape[1] * high.shape[1]
    return (high[:, :, None, :, None] * low[:, None, :, None, :]).reshape(-1, size, size)


def _small(cosine: Real, sine: Real, with_pair: bool) -> Real:
    products = np.stack([cosine[:, 0], sine[:, 0]], axis=1)
    for qubit in range(1, cosine.shape[1]):
        products = np.concatenate([cosine[:, qubit, None] * products, sine[:, qubit, None] * products], axis=1)
    index, signs = _tables(cosine.shape[1], with_pair)
    return np.asarray(products[:, index] * signs)


def slopes(overlaps: Real, width: int, *, with_pair: bool) -> Real:
    """``2 Re <left| -iY/2 |right>`` for each qubit of a block, shape (G, width), from overlaps (G, size, size)."""
    plus, minus = _pairs(width, with_pair)
    flat = overlaps.reshape(len(overlaps), -1)
    return np.asarray((np.take(flat, plus, axis=1) - np.take(flat, minus, axis=1)).sum(axis=-1))


def add_derivative(state: Complex, qubit: int, scale: float, out: Complex) -> None:
    """Add ``scale * (-iY/2) state`` to ``out``, both of shape (2**n,)."""
    source = state.reshape(-1, 2, 1 << qubit)
    target = out.reshape(-1, 2, 1 << qubit)
    target[:, 0] -= 0.5 * scale * source[:, 1]
    target[:, 1] += 0.5 * scale * source[:, 0]
