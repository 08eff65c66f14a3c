"""Products of Pauli-Z exponentials as one vector of phases, and sums of a vector's entries with the signs of Z strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_CHUNK = 1 << 14
_LOWEST_IN_SUMS = 9


def _signs(indices: int, masks: Sequence[int]) -> Real:
    """Return ``(-1)**parity(i & mask)``, shape (indices, masks)."""
    values = np.arange(indices, dtype=np.int64)[:, None] & np.asarray(masks, dtype=np.int64)[None, :]
    return np.asarray(1.0 - 2.0 * (np.bitwise_count(values) & 1))


def _rank(masks: Sequence[int]) -> int:
    basis: list[int] = []
    for mask in masks:
        for element in basis:
            mask = min(mask, mask ^ element)
        if mask:
            basis.append(mask)
    return len(basis)


class _Split:
    """Masks split into high and low bits, so that a mask's sign is the product of a row's sign and a column's sign.

    A state is seen as a matrix of shape (2**(n-low), 2**low), with the amplitude of index r * 2**low + c in row r, column c.
    """

    def __init__(self, num_qubits: int, low: int, masks: Sequence[int]) -> None:
        self.rows, self.columns = 1 << (num_qubits - low), 1 << low
        self.high = sorted({mask >> low for mask in masks})
        self.low = sorted({mask & (self.columns - 1) for mask in masks})
        self.high_index = np.array([self.high.index(mask >> low) for mask in masks], dtype=np.intp)
        self.low_index = np.array([self.low.index(mask & (self.columns - 1)) for mask in masks], dtype=np.intp)
        self.high_signs = _signs(self.rows, self.high)
        self.high_signs_t = np.ascontiguousarray(self.high_signs.T)
        self.low_signs = _signs(self.columns, self.low)

    def table(self, coefficients: Real) -> Real:
        """Return coefficients (G, masks) arranged as matrices (G, high masks, low masks)."""
        table = np.zeros((len(coefficients), len(self.high), len(self.low)))
        table[:, self.high_index, self.low_index] = coefficients
        return table


class PhaseTable:
    """The functions ``f(z) = sum_k c_k (-1)**parity(z & mask_k)`` for one set of masks.

    Parameters
    ----------
    num_qubits
        The number of qubits; ``z`` runs over ``2**num_qubits`` indices.
    masks
        The masks, distinct and not zero.
    """

    def __init__(self, num_qubits: int, masks: Sequence[int]) -> None:
        self.num_qubits = num_qubits
        self.masks = tuple(masks)
        self._sums = _Split(num_qubits, _split_for_sums(num_qubits, self.masks), self.masks)
        self._prepare_factors(_split_for_factors(num_qubits, self.masks))

    def _prepare_factors(self, low: int) -> None:
        # Masks with low bits give each row a pattern of signs. Rows of one pattern share their phases, up to a factor per row.
        columns = 1 << low
        rows = 1 << (self.num_qubits - low)
        mixed = [k for k, mask in enumerate(self.masks) if mask & (columns - 1)]
        alone = [k for k, mask in enumerate(self.masks) if not mask & (columns - 1)]
        self._mixed, self._alone = np.array(mixed, dtype=np.intp), np.array(alone, dtype=np.intp)
        self._alone_signs = np.ascontiguousarray(_signs(rows, [self.masks[k] >> low for k in alone]).T)
        self._mixed_split = _Split(self.num_qubits, low, [self.masks[k] for k in mixed])
        patterns, self._pattern = np.unique(self._mixed_split.high_signs, axis=0, return_inverse=True)
        self._pattern_signs = np.ascontiguousarray(patterns)
        self._mixed_low_signs = np.ascontiguousarray(self._mixed_split.low_signs.T)
        self._pattern = self._pattern.reshape(-1)
        self._single = len(patterns) == 1

    def factors(self, coefficients: Real) -> tuple[Complex, Complex]:
        """Return the two factors of ``exp(-i f)``, for coefficients of shape (G, masks); only these need exponentials.

        The first is shared by rows of the same sign pattern, and the second has one entry per row.
        """
        table = self._mixed_split.table(coefficients[:, self._mixed])
        shared = cis(self._pattern_signs @ (table @ self._mixed_low_signs))
        return shared, cis(coefficients[:, self._alone] @ self._alone_signs)

    def full(self, shared: Complex, own: Complex) -> Complex:
        """Return ``exp(-i f)`` for all G members, shape (G, 2**num_qubits), given their factors; meant for few qubits."""
        if self._single:
            return np.asarray(shared * own[:, :, None]).reshape(len(own), -1)
        full = np.take(shared, self._pattern, axis=1)
        full *= own[:, :, None]
        return full.reshape(len(own), -1)

    def multiply(self, states: Complex, shared: Complex, own: Complex) -> None:
        """Multiply states of shape (B, 2**num_qubits) in place by ``exp(-i f)``, given the two factors of one member.

        To multiply by ``exp(i f)`` instead, give the conjugates of both factors.
        """
        grid = states.reshape(len(states), len(own), -1)
        size = max(1, _CHUNK // grid.shape[2])
        for start in range(0, len(own), size):
            rows = slice(start, start + size)
            grid[:, rows] *= self.block(shared, own, rows)

    def block(self, shared: Complex, own: Complex, rows: slice = slice(None)) -> Complex:
        """Return some rows of ``exp(-i f)``, seen as a matrix."""
        if self._single:
            return np.asarray(own[rows, None] * shared[0])
        block = np.take(shared, self._pattern[rows], axis=0)
        block *= own[rows, None]
        return np.asarray(block)

    def values(self, coefficients: Real) -> Real:
        """Return ``f(z)`` for all z, shape (G, 2**num_qubits), given coefficients of shape (G, masks)."""
        split = self._sums
        table = split.table(coefficients)
        return (split.high_signs @ (table @ split.low_signs.T)).reshape(len(coefficients), -1)

    def sums(self, vectors: Real) -> Real:
        """Return ``sum_z (-1)**parity(z & mask_k) v_z`` for each mask, shape (B, masks), for vectors (B, 2**num_qubits)."""
        split = self._sums
        rows = vectors.reshape(len(vectors), split.rows, -1)
        sums = (split.high_signs_t @ rows) @ split.low_signs
        return np.asarray(sums[:, split.high_index, split.low_index])

    def overlap_sums(self, left: Complex, right: Complex) -> Real:
        """Return the `sums` of ``Im(conj(left) * right)`` without storing the whole product; either B may be 1."""
        split = self._sums
        bra = left.reshape(len(left), split.rows, split.columns)
        ket = right.reshape(len(right), split.rows, split.columns)
        size = max(1, _CHUNK // split.columns)
        total = np.zeros((max(len(left), len(right)), len(split.high), 2 * split.columns))
        for start in range(0, split.rows, size):
            rows = slice(start, start + size)
            product = np.conjugate(bra[:, rows]) * ket[:, rows]
            total += split.high_signs_t[:, rows] @ product.view(np.float64)
        sums = np.ascontiguousarray(total[..., 1::2]) @ split.low_signs
        return np.asarray(sums[:, split.high_index, split.low_index])


def cis(angles: Real, out: Complex | None = None) -> Complex:
    """Return ``exp(-i angles)``, computed from the tangent of half the angle: one (vectorised) numpy function instead of two."""
    half = np.multiply(angles, -0.5)
    np.tan(half, out=half)
    scale = half * half
    scale += 1.0
    np.divide(2.0, scale, out=scale)
    result = np.empty(angles.shape, dtype=np.complex128) if out is None else out
    np.subtract(scale, 1.0, out=result.real)
    np.multiply(half, scale, out=result.imag)
    return result


def _split_for_sums(num_qubits: int, masks: Sequence[int]) -> int:
    def effort(low: int) -> float:
        high_masks = len({mask >> low for mask in masks})
        low_masks = len({mask & ((1 << low) - 1) for mask in masks})
        return 2.0 * high_masks * 2.0**num_qubits + high_masks * (low_masks + 3) * 2.0**low + 20.0 * 2 ** (num_qubits - low)

    return min(range(min(num_qubits, _LOWEST_IN_SUMS) + 1), key=effort)


def _split_for_factors(num_qubits: int, masks: Sequence[int]) -> int:
    def effort(low: int) -> float:
        columns = 1 << low
        high_masks = {mask >> low for mask in masks if mask & (columns - 1)}
        patterns = 2.0 ** _rank(sorted(high_masks))
        return patterns * columns * (30.0 + len(high_masks)) + (30.0 + 5.0) * 2.0 ** (num_qubits - low)

    return min(range(num_qubits + 1), key=effort)
