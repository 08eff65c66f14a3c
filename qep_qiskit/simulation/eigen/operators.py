"""Sums of Pauli strings compiled for fast products with state vectors and fast expectation values."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import PauliList, SparsePauliOp
from scipy.linalg.blas import cgemm, dgemm, sgemm, zgemm

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.eigen.strings import LOW_QUBITS, Block, Flip, SignTable, Strings, Window, cover
from qep_qiskit.simulation.eigen.vectors import single
from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]

MAX_QUBITS = 26
CHUNK_QUBITS = 14
MIDDLE_QUBITS = 12
"""From this many qubits on, the fields on qubits 4 to 7 are also applied as one small matrix product."""
WHOLE_QUBITS = 7
"""Up to this many qubits, a dense matrix is built entry by entry; beyond, column by column with products."""
MANY_KINDS = 12
SPARSE_QUBITS = 16
GEMM = {"f": sgemm, "d": dgemm, "F": cgemm, "D": zgemm}


def one_thread() -> AbstractContextManager[None]:
    """Cap BLAS at one thread for any number of qubits: two are never faster here, and slow next to other work."""
    return single_threaded(0)


class PauliStructure:
    """The Pauli strings of an operator without their coefficients, compiled once and bound many times.

    Diagonal strings (Z and I only) become one vector. Every other string is written as P_high ⊗ P_low, where P_low acts on
    the four lowest qubits. The strings with P_high = I form one 16 × 16 matrix. The strings that act only on the next four
    qubits form another. The rest are grouped by P_low, and each group becomes a sparse matrix of dimension 2**(n−4). Its
    product with 16 columns is much cheaper than a product with the full sparse matrix. Strings that act on none of the
    eight lowest qubits form one such matrix of dimension 2**(n−8), with 256 columns.

    Parameters
    ----------
    paulis : PauliList
        L Hermitian strings; qubit 0 is the least significant bit of the amplitude index.

    Attributes
    ----------
    num_qubits, dim, num_terms : int
        n, 2**n and L.
    is_real : bool
        Whether the matrix is real, that is, whether no string has an odd number of Y.

    Raises
    ------
    InputError
        If a string has an imaginary phase, or there are more than 26 qubits.
    """

    def __init__(self, paulis: PauliList) -> None:
        n = int(paulis.num_qubits)
        if n > MAX_QUBITS:
            raise InputError(f"{n} qubits do not fit in a state vector; at most {MAX_QUBITS}")
        if np.any(paulis.phase % 2):
            raise InputError("a Pauli string with an imaginary phase is not Hermitian; use phases +1 and -1 only")
        self.num_qubits, self.dim, self.num_terms = n, 1 << n, len(paulis)
        bits = 1 << np.arange(n, dtype=np.int64)
        y_count = np.count_nonzero(paulis.x & paulis.z, axis=1)
        # Every string is factor · X^x Z^z, and Y = i X Z.
        factor = np.array([1, 1j, -1, -1j])[(y_count - paulis.phase) % 4]
        self._strings = Strings(np.arange(len(paulis)), paulis.x @ bits, paulis.z @ bits, factor)
        self.is_real = not np.any(factor.imag)
        diagonal = self._strings.where(self._strings.x == 0)
        self._diagonal = SignTable(diagonal.terms, diagonal.z, n) if diagonal.terms.size else None
        self._diagonal_sign = diagonal.factor.real

    @property
    def flips_qubits(self) -> NDArray[np.bool_]:
        """Whether each string flips qubits, that is, is not diagonal; shape (L,)."""
        return self._strings.x > 0

    @cached_property
    def _low_qubits(self) -> int:
        """The number of qubits that P_low acts on; 0 if one sparse matrix is faster because there are many different P_low."""
        low = (1 << LOW_QUBITS) - 1
        flipping = self._strings.where(self._strings.x > 0)
        kinds = np.unique(flipping.x & low | (flipping.z & low) << LOW_QUBITS).size
        return 0 if kinds > MANY_KINDS and self.num_qubits <= SPARSE_QUBITS else min(LOW_QUBITS, self.num_qubits)

    @cached_property
    def _local(self) -> Window | None:
        strings = self._strings
        inside = strings.where((strings.x > 0) & ((strings.x | strings.z) >> self._low_qubits == 0))
        return Window(inside, 0, self._low_qubits) if inside.terms.size else None

    @cached_property
    def _middle(self) -> Window | None:
        if self.num_qubits < MIDDLE_QUBITS or self._low_qubits < LOW_QUBITS:
            return None
        inside = self._strings.where((self._strings.x > 0) & self._within_middle(self._strings))
        return Window(inside, LOW_QUBITS, 2 * LOW_QUBITS) if np.unique(inside.x).size > 2 else None

    @staticmethod
    def _within_middle(strings: Strings) -> NDArray[np.bool_]:
        return (strings.x | strings.z) & ~(((1 << LOW_QUBITS) - 1) << LOW_QUBITS) == 0

    @cached_property
    def _blocks(self) -> list[Block]:
        strings, q, n = self._strings, self._low_qubits, self.num_qubits
        outside = strings.where((strings.x > 0) & ((strings.x | strings.z) >> q > 0))
        above: list[Block] = []
        if self._middle is not None:
            outside, wide = outside.where(~self._within_middle(outside)), 2 * q
            alone = (outside.x | outside.z) & ((1 << wide) - 1) == 0
            above = [Block(outside.where(alone), wide, n - wide)] if np.any(alone) else []
            outside = outside.where(~alone)
        low = (1 << q) - 1
        kind = (outside.x & low) << q | outside.z & low
        return above + [Block(outside.where(kind == k), q, n - q) for k in np.unique(kind)]

    @cached_property
    def _whole(self) -> Window:
        """All strings as one window of all qubits; for few qubits."""
        return Window(self._strings, 0, self.num_qubits)

    @cached_property
    def _readings(self) -> list[Window | Flip]:
        windows, rest = cover(self._strings.where(self._strings.x > 0), self.num_qubits)
        return [*windows, *(Flip(rest.where(rest.x == mask), self.num_qubits) for mask in np.unique(rest.x))]

    def bind(self, coefficients: ArrayLike) -> PauliSum:
        """Return the operator Σ c_k P_k.

        Parameters
        ----------
        coefficients : array_like of float, shape (L,)

        Raises
        ------
        InputError
            If the number of coefficients is wrong, or a coefficient is not real and finite.
        """
        values = np.asarray(coefficients)
        if values.shape != (self.num_terms,):
            raise InputError(f"{values.size} coefficients for {self.num_terms} Pauli strings")
        if np.any(np.abs(values.imag) > 1e-12 * np.abs(values).max(initial=0.0)):
            worst = values[np.abs(values.imag).argmax()]
            raise InputError(f"the coefficient {worst} is not real; the operator must be Hermitian")
        c = np.array(values.real, dtype=float)
        if not np.all(np.isfinite(c)):
            raise InputError(f"the coefficient {c[~np.isfinite(c)][0]} is not finite")
        return PauliSum(self, c)

    def expectations(self, v: Array) -> Array:
        """Return ⟨v|P_k|v⟩ for every string.

        Parameters
        ----------
        v : array, shape (2**n,) or (B, 2**n)
            Normalised state vectors, real or complex.

        Returns
        -------
        array of float, shape (L,) or (B, L)
        """
        states = _as_states(v, self.dim)
        with one_thread():
            if states.ndim == 2:
                return np.array([self._expectations(s) for s in states]).reshape(len(states), self.num_terms)
            return self._expectations(states)

    def traces(self, matrix: Array) -> Array:
        """Return tr(P_k M) for every string, complex, shape (L,), for a dense M of shape (2**n, 2**n)."""
        strings, index = self._strings, np.arange(self.dim)
        values = np.empty(self.num_terms, complex)
        for mask in np.unique(strings.x):
            shifted = matrix[index, index ^ mask]
            for k in np.flatnonzero(strings.x == mask):
                signs = 1 - 2.0 * (np.bitwise_count(index & strings.z[k]) & 1)
                values[strings.terms[k]] = strings.factor[k] * (signs @ shifted)
        return values

    def _expectations(self, v: Array) -> Array:
        values = np.zeros(self.num_terms)
        if self._diagonal is not None:
            probability = np.multiply(v, v) if v.dtype == float else v.real**2 + v.imag**2
            values[self._diagonal.terms] = self._diagonal_sign * self._diagonal.moments(probability)
        for reading in self._readings:
            values[reading.terms] = reading.expectations(v)
        return values


class _Parts(NamedTuple):
    """The parts of an operator in one precision: diagonal, matrices on the lowest and middle qubits, entries of the blocks."""

    diagonal: Array | None
    local: Array | None
    middle: Array | None
    blocks: list[Array]


def _multiply_middle(matrix: Array, v: Array, out: Array) -> None:
    columns = 1 << LOW_QUBITS
    if v.dtype != matrix.dtype:  # a real matrix acts on real and imaginary parts
        v, out, columns = v.view(matrix.dtype), out.view(matrix.dtype), 2 * columns
    shape = (-1, len(matrix), columns)
    np.matmul(matrix, v.reshape(shape), out=out.reshape(shape))


@dataclass(frozen=True, eq=False)
class PauliSum:
    """A Hermitian operator Σ c_k P_k on 2**n amplitudes, applied without building its matrix.

    Create it with `PauliSum.from_operator`, or with `PauliStructure(paulis).bind(coefficients)` if the same strings
    are used again with other coefficients.

    Attributes
    ----------
    structure : PauliStructure
    coefficients : array of float, shape (L,)

    Examples
    --------
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> op = PauliSum.from_operator(SparsePauliOp(["ZZ", "IX"], [1.0, 0.5]))
    >>> op.apply(np.array([1.0, 0.0, 0.0, 0.0]))
    array([1. , 0.5, 0. , 0. ])
    """

    structure: PauliStructure
    coefficients: NDArray[np.float64]

    @classmethod
    def from_operator(cls, op: SparsePauliOp) -> PauliSum:
        """Compile one operator. Raise InputError if a coefficient is not real and finite."""
        return PauliStructure(op.paulis).bind(op.coeffs)

    @property
    def num_qubits(self) -> int:
        """The number of qubits n."""
        return self.structure.num_qubits

    @property
    def dim(self) -> int:
        """The number of amplitudes 2**n."""
        return self.structure.dim

    @property
    def is_real(self) -> bool:
        """Whether the matrix is real, so that its product with a real vector is real."""
        return self.structure.is_real

    @cached_property
    def scale(self) -> float:
        """Σ |c_k|, an upper bound of the norm."""
        return float(np.abs(self.coefficients).sum())

    @cached_property
    def diagonal(self) -> NDArray[np.float64]:
        """The diagonal of the matrix, shape (2**n,); all zeros if no string is diagonal."""
        table = self.structure._diagonal
        if table is None:
            return np.zeros(self.dim)
        with one_thread():
            return table.combine(self.structure._diagonal_sign * self.coefficients[table.terms])

    @cached_property
    def _double(self) -> _Parts:
        local, middle = (
            None if window is None else np.asfortranarray(window.matrix(self.coefficients))
            for window in (self.structure._local, self.structure._middle)
        )
        blocks = [block.entries(self.coefficients) for block in self.structure._blocks]
        return _Parts(None if self.structure._diagonal is None else self.diagonal, local, middle, blocks)

    @cached_property
    def _single(self) -> _Parts:
        wide = self._double
        local, middle = (None if m is None else np.asfortranarray(single(m)) for m in (wide.local, wide.middle))
        diagonal = None if wide.diagonal is None else single(wide.diagonal)
        return _Parts(diagonal, local, middle, [single(entries) for entries in wide.blocks])

    def fields(self) -> NDArray[np.float64]:
        """Return the coefficient of X on each single qubit, shape (n,); zero if there is no such string."""
        strings = self.structure._strings
        single = (strings.z == 0) & (np.bitwise_count(strings.x) == 1)
        values = np.zeros(self.num_qubits)
        qubits = np.bitwise_count(strings.x[single] - 1)
        np.add.at(values, qubits, self.coefficients[single] * strings.factor[single].real)
        return values

    def apply(self, v: Array, out: Array | None = None) -> Array:
        """Return H v.

        Parameters
        ----------
        v : array, shape (2**n,) or (B, 2**n)
            float64 or complex128.
        out : array, optional
            An array for the product. It must be C-contiguous, have the shape and type of the result, and not be v itself.

        Returns
        -------
        array
            Real if both the operator and v are real.
        """
        real = self.is_real and not np.iscomplexobj(v)
        v = np.ascontiguousarray(_as_states(v, self.dim), dtype=float if real else complex)
        if out is not None and (out.shape != v.shape or out.dtype != v.dtype):
            raise InputError(f"out must be a {v.dtype} array of shape {v.shape}, not {out.dtype} {out.shape}")
        result = np.empty_like(v) if out is None else out
        with one_thread():
            for state, product in zip(v.reshape(-1, self.dim), result.reshape(-1, self.dim), strict=True):
                self._product(state, product)
        return result

    def _product(self, v: Array, out: Array | None = None) -> Array:
        """Return H v for one contiguous state of the right type, in the state's precision.

        The caller sets the number of threads. From 4 MB on, allocating a new array takes longer than the product, so give `out`
        if an array is free.
        """
        parts = self._double if v.real.dtype.char == "d" else self._single
        result = np.empty_like(v) if out is None else out
        if parts.diagonal is None:
            result.fill(0)
        else:
            np.multiply(parts.diagonal, v, out=result)
        for block, entries in zip(self.structure._blocks, parts.blocks, strict=True):
            block.add_product(entries, v, result)
        local, middle = parts.local, parts.middle
        if local is None and middle is None:
            return result
        gemm, size = GEMM[v.dtype.char], 1 << min(self.num_qubits, CHUNK_QUBITS)
        spare = None if middle is None else np.empty(size, v.dtype)
        for i in range(0, self.dim, size):
            source, target = v[i : i + size], result[i : i + size]
            if middle is not None and spare is not None:
                _multiply_middle(middle, source, spare)
                target += spare
            if local is not None:
                part, total = source.reshape(-1, len(local)), target.reshape(-1, len(local))
                gemm(1.0, local, part.T, 1.0, total.T, overwrite_c=1)
        return result

    def to_matrix(self) -> Array:
        """Return the dense matrix, for few qubits."""
        if self.num_qubits <= WHOLE_QUBITS:
            matrix = self.structure._whole.matrix(self.coefficients)
            return np.ascontiguousarray(matrix.real) if self.is_real and np.iscomplexobj(matrix) else matrix
        strings, rows = self.structure._strings, np.arange(self.dim)
        values = self.coefficients[strings.terms] * strings.factor
        matrix = np.zeros((self.dim, self.dim), dtype=float if self.is_real else complex)
        for k in np.flatnonzero(values):
            columns, value = rows ^ strings.x[k], values[k].real if self.is_real else values[k]
            matrix[rows, columns] += value * (1 - 2.0 * (np.bitwise_count(strings.z[k] & columns) & 1))
        return matrix


def _as_states(v: Array, dim: int) -> Array:
    array = np.asarray(v)
    if array.ndim not in (1, 2) or array.shape[-1] != dim:
        raise InputError(f"a state vector has shape {array.shape}; it must be ({dim},) or (B, {dim})")
    return array
