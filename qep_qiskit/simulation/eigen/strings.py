"""Groups of Pauli strings with fast arithmetic, from which `operators` is assembled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

try:
    from scipy.sparse._sparsetools import csr_matvecs
except ImportError:  # not public; scipy's operator @ does the same with more overhead
    csr_matvecs = None

Array: TypeAlias = NDArray[Any]

LOW_QUBITS = 4
WINDOW_WIDTH = 5


@dataclass(frozen=True, eq=False)
class Strings:
    """Some Pauli strings factor · X^x Z^z: their positions in the full list, bit masks and factors."""

    terms: NDArray[np.int64]
    x: NDArray[np.int64]
    z: NDArray[np.int64]
    factor: NDArray[np.complex128]

    def where(self, selected: NDArray[np.bool_]) -> Strings:
        """Return the selected strings."""
        return Strings(self.terms[selected], self.x[selected], self.z[selected], self.factor[selected])


class SignTable:
    """The signs (-1)^(z·j) of several Z strings, as products of a sign for the high half of the bits and one for the low half.

    The sum Σ_k c_k (-1)^(z_k·j) is then a product of three small matrices. Its cost depends on the number of different
    halves, not on the number of strings.
    """

    def __init__(self, terms: NDArray[np.int64], z: NDArray[np.int64], num_qubits: int) -> None:
        low_bits = num_qubits // 2
        high, self._row = np.unique(z >> low_bits, return_inverse=True)
        low, self._column = np.unique(z & ((1 << low_bits) - 1), return_inverse=True)
        self.terms = terms
        self._high = _signs(high, num_qubits - low_bits)
        self._low = _signs(low, low_bits)

    def combine(self, coefficients: Array) -> Array:
        """Return Σ_k c_k (-1)^(z_k·j) for every j."""
        table = np.zeros((len(self._high), len(self._low)), coefficients.dtype)
        np.add.at(table, (self._row, self._column), coefficients)
        if len(self._high) <= len(self._low):
            return (self._high.T @ (table @ self._low)).reshape(-1)
        return ((self._high.T @ table) @ self._low).reshape(-1)

    def moments(self, weights: Array) -> Array:
        """Return Σ_j w_j (-1)^(z_k·j) for every k."""
        square = weights.reshape(self._high.shape[1], self._low.shape[1])
        first = len(self._high) <= len(self._low)
        table = (self._high @ square) @ self._low.T if first else self._high @ (square @ self._low.T)
        return np.asarray(table[self._row, self._column])


def _signs(masks: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
    parity = np.bitwise_count(masks[:, None] & np.arange(1 << bits)) & 1
    return np.asarray(1.0 - 2.0 * parity)


def _real_if_possible(values: Array) -> Array:
    return values if np.any(values.imag) else np.ascontiguousarray(values.real)


class Block:
    """All strings with the same P_low, as a sparse matrix on the high qubits."""

    def __init__(self, strings: Strings, low_qubits: int, high_qubits: int) -> None:
        self.terms = strings.terms
        self._size = size = 1 << high_qubits
        low = (1 << low_qubits) - 1
        x, z = strings.x >> low_qubits, strings.z >> low_qubits
        masks = np.unique(x)
        sign = 1 - 2.0 * (np.bitwise_count(z & x) & 1)
        self._factor = _real_if_possible(strings.factor * sign)
        self._members = [np.flatnonzero(x == mask) for mask in masks]
        self._tables = [SignTable(m, z[m], high_qubits) if np.any(z[m]) else None for m in self._members]
        self._columns = (np.arange(size)[:, None] ^ masks).astype(np.int32).ravel()
        self._starts = np.arange(0, len(self._columns) + 1, len(masks), dtype=np.int32)
        x_low, z_low = int(strings.x[0]) & low, int(strings.z[0]) & low
        rows = np.arange(low + 1)
        self._low: Array | None = None
        if x_low or z_low:
            self._low = np.zeros((low + 1, low + 1))
            self._low[rows, rows ^ x_low] = 1 - 2.0 * (np.bitwise_count(z_low & (rows ^ x_low)) & 1)

    def entries(self, coefficients: Array) -> Array:
        """Return the entries of the sparse matrix Σ c_k P_high,k, row by row; their positions do not depend on the c_k."""
        c = coefficients[self.terms] * self._factor
        data = np.empty((self._size, len(self._members)), c.dtype)
        for k, (members, table) in enumerate(zip(self._members, self._tables, strict=True)):
            data[:, k] = c[members].sum() if table is None else table.combine(c[members])
        return data.reshape(-1)

    def add_product(self, entries: Array, v: Array, result: Array) -> None:
        """Add (matrix ⊗ P_low) v to `result`, which has the type of v.

        This calls scipy's internal routine directly. For a dozen qubits, the checks and the new array of scipy's public product
        take longer than the product itself.
        """
        columns = v.reshape(self._size, -1)
        if self._low is not None:
            columns = columns @ self._low.T.astype(v.dtype)
        total = result.reshape(self._size, -1)
        if columns.dtype != entries.dtype:  # a real matrix acts on real and imaginary parts
            columns, total = columns.view(entries.dtype), total.view(entries.dtype)
        size, places = self._size, (self._starts, self._columns)
        if csr_matvecs is None:
            total += scipy.sparse.csr_array((entries, places[1], places[0]), shape=(size, size)) @ columns
        else:
            csr_matvecs(size, size, columns.shape[1], *places, entries, columns.reshape(-1), total.reshape(-1))


class Window:
    """Strings that act only on the qubits start ≤ q < stop."""

    def __init__(self, strings: Strings, start: int, stop: int) -> None:
        self.terms, self._start = strings.terms, start
        self._size = size = 1 << (stop - start)
        column = np.arange(size) ^ (strings.x[:, None] >> start)
        sign = 1 - 2.0 * (np.bitwise_count((strings.z[:, None] >> start) & column) & 1)
        entries = _real_if_possible(strings.factor[:, None] * sign)
        position = np.arange(size) * size + column
        term = np.broadcast_to(np.arange(len(self.terms))[:, None], position.shape)
        self._entries = scipy.sparse.csr_array(
            (entries.ravel(), (position.ravel(), term.ravel())), shape=(size * size, len(self.terms))
        )
        self._readings = self._entries.T.tocsr()

    def matrix(self, coefficients: Array) -> Array:
        """Return Σ c_k P_k on the window's qubits."""
        return np.asarray(self._entries @ coefficients[self.terms]).reshape(self._size, self._size)

    def expectations(self, v: Array) -> Array:
        """Return the expectations of the strings, from the reduced density matrix of the window."""
        if self._start == 0:
            rows = v.reshape(-1, self._size)
            density = rows.conj().T @ rows
        else:
            blocks = v.reshape(-1, self._size, 1 << self._start)
            rows = np.ascontiguousarray(blocks.transpose(1, 0, 2)).reshape(self._size, -1)
            density = rows.conj() @ rows.T
        return np.asarray(self._readings @ density.reshape(-1)).real


class Flip:
    """Strings that flip the same qubits: (P v)[j] = factor · sign · v[j ^ mask]."""

    def __init__(self, strings: Strings, num_qubits: int) -> None:
        self.terms, self._mask, self._num_qubits = strings.terms, int(strings.x[0]), num_qubits
        self._factor = strings.factor * (1 - 2.0 * (np.bitwise_count(strings.z & self._mask) & 1))
        self._table = SignTable(strings.terms, strings.z, num_qubits) if np.any(strings.z) else None

    def expectations(self, v: Array) -> Array:
        """Return the expectations of the strings, from the product of v and v with the qubits flipped."""
        low = min(LOW_QUBITS, self._num_qubits)
        rows = np.arange(1 << (self._num_qubits - low)) ^ (self._mask >> low)
        partner = v.reshape(-1, 1 << low)[rows]
        within = self._mask & ((1 << low) - 1)
        if within:
            partner = partner[:, np.arange(1 << low) ^ within]
        partner = partner.reshape(-1)
        if self._table is None:
            return np.asarray((self._factor * np.vdot(v, partner)).real)
        product = v.conj() * partner
        moments = self._table.moments(product.real).astype(complex)
        if product.dtype == complex:
            moments += 1j * self._table.moments(product.imag)
        return np.asarray((self._factor * moments).real)


def cover(rest: Strings, num_qubits: int) -> tuple[list[Window], Strings]:
    """Cover strings with windows, and return the windows and the strings that are left.

    If there are single-qubit strings, the first windows divide the qubits evenly. Further windows are added while one can cover
    strings with at least two different masks.
    """
    windows: list[Window] = []

    def bounds() -> tuple[Array, Array]:
        support = [int(s) for s in rest.x | rest.z]
        first = np.array([(s & -s).bit_length() - 1 for s in support], dtype=np.int64)
        return first, np.array([s.bit_length() for s in support], dtype=np.int64)

    def take(start: int, stop: int) -> None:
        nonlocal rest
        first, last = bounds()
        inside = (first >= start) & (last <= stop)
        if np.any(inside):
            windows.append(Window(rest.where(inside), int(first[inside].min()), int(last[inside].max())))
            rest = rest.where(~inside)

    first, last = bounds()
    if np.any(last - first == 1):
        parts = -(-num_qubits // LOW_QUBITS)
        edges = [num_qubits * i // parts for i in range(parts + 1)]
        for start, stop in pairwise(edges):
            take(start, stop)
    while rest.terms.size:
        first, last = bounds()
        masks = [np.unique(rest.x[(first >= s) & (last <= s + WINDOW_WIDTH)]).size for s in range(num_qubits)]
        best = int(np.argmax(masks))
        if masks[best] < 2:
            break
        take(best, best + WINDOW_WIDTH)
    return windows, rest
