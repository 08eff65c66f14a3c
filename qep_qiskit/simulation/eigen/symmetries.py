"""Pauli symmetries of an operator, and the smaller operators on their common eigenspaces ("sectors")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector

Array: TypeAlias = NDArray[Any]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Reduced:
    """Pauli strings on the qubits that are left inside a sector.

    Attributes
    ----------
    paulis : PauliList of length L
        The strings without the pivots. A string that does not commute with every symmetry is the identity here.
    masks : ndarray of int64, shape (L,)
        The bits of the sector whose parity is the string's sign.
    signs : ndarray of float, shape (L,)
        The sign in sector 0; 0 for a string that does not commute with every symmetry. It leads out of the sector.
    """

    paulis: PauliList
    masks: NDArray[np.int64]
    signs: NDArray[np.float64]

    def signs_in(self, sectors: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sign of every string in each sector, shape (S, L)."""
        return self.signs * (1.0 - 2.0 * (np.bitwise_count(sectors[:, None] & self.masks) & 1))


@dataclass(frozen=True, eq=False)
class Symmetries:
    """Independent Pauli strings that commute with an operator's strings and with each other.

    A Clifford circuit U turns symmetry i into Z on the qubit ``pivots[i]``. In the rotated basis the operator is diagonal on the
    pivots, so it consists of 2**m blocks, one per sector; in each of them n − m qubits are left (Bravyi et al. 2017,
    arXiv:1701.08213).

    Attributes
    ----------
    num_qubits : int
    pivots : tuple of int
    circuit : QuantumCircuit
        U, made of H, S, CX and CZ.
    """

    num_qubits: int
    pivots: tuple[int, ...]
    circuit: QuantumCircuit

    @cached_property
    def left(self) -> tuple[int, ...]:
        """The qubits that are left inside a sector."""
        return tuple(q for q in range(self.num_qubits) if q not in self.pivots)

    @property
    def sectors(self) -> int:
        """The number of sectors."""
        return 1 << len(self.pivots)

    def reduce(self, paulis: PauliList) -> Reduced:
        """Return Pauli strings inside the sectors."""
        turned = paulis.evolve(self.circuit, frame="s")
        pivots, left = list(self.pivots), list(self.left)
        inside = ~turned.x[:, pivots].any(axis=1)
        x, z = turned.x[:, left] & inside[:, None], turned.z[:, left] & inside[:, None]
        masks = turned.z[:, pivots] @ (1 << np.arange(len(pivots), dtype=np.int64)) if pivots else np.zeros(len(paulis), np.int64)
        # `phase` belongs to the letters, of which each Y counts −i in terms of X and Z; Z on a pivot changes no letter
        signs = np.where(inside, 1.0 - np.asarray(turned.phase, float), 0.0)
        return Reduced(PauliList.from_symplectic(z, x), masks, signs)

    def embed(self, sector: int, vector: Array) -> Array:
        """Return the state of all qubits for a state inside a sector, shape (2**n,)."""
        index = np.zeros(1 << len(self.left), np.int64)
        inner = np.arange(len(index))
        for place, qubit in enumerate(self.left):
            index |= (inner >> place & 1) << qubit
        for place, qubit in enumerate(self.pivots):
            index |= (sector >> place & 1) << qubit
        whole = np.zeros(1 << self.num_qubits, complex)
        whole[index] = vector
        return np.asarray(Statevector(whole).evolve(self.circuit.inverse()).data)


def symmetries_of(paulis: PauliList) -> Symmetries:
    """Return a largest set of commuting Pauli symmetries of the operators Σ c_k P_k with any coefficients.

    Parameters
    ----------
    paulis : PauliList of length L
    """
    n = int(paulis.num_qubits)
    kernel = _kernel(np.hstack([paulis.z, paulis.x]).astype(np.uint8))
    circuit = QuantumCircuit(n)
    pivots: list[int] = []
    for symmetry in _commuting(list(kernel), n):
        pivots.append(_to_z(symmetry, circuit, pivots))
    return Symmetries(n, tuple(pivots), circuit)


def _kernel(matrix: Bits) -> Bits:
    """Return a basis of the vectors that a matrix over the field of two elements maps to zero, as rows."""
    rows, columns = matrix.shape
    matrix = matrix.copy()
    leading: list[int] = []
    for column in range(columns):
        top = len(leading)
        below = np.flatnonzero(matrix[top:, column])
        if top == rows or not below.size:
            continue
        matrix[[top, top + below[0]]] = matrix[[top + below[0], top]]
        others = np.flatnonzero(matrix[:, column])
        matrix[others[others != top]] ^= matrix[top]
        leading.append(column)
    free = [column for column in range(columns) if column not in leading]
    basis = np.zeros((len(free), columns), np.uint8)
    for row, column in enumerate(free):
        basis[row, column] = 1
        basis[row, leading] = matrix[: len(leading), column]
    return basis


def _commuting(strings: list[Bits], n: int) -> list[Bits]:
    """Return independent commuting strings (x, then z) by symplectic elimination, which drops one of each anticommuting pair."""
    commuting = []
    while strings:
        first = strings.pop(0)
        partner = next((k for k, other in enumerate(strings) if _anticommute(first, other, n)), None)
        if partner is not None:
            second = strings.pop(partner)
            strings = [s ^ second if _anticommute(s, first, n) else s for s in strings]
            strings = [s ^ first if _anticommute(s, second, n) else s for s in strings]
        commuting.append(first)
    return commuting


def _anticommute(a: Bits, b: Bits, n: int) -> bool:
    return bool((np.count_nonzero(a[:n] & b[n:]) + np.count_nonzero(a[n:] & b[:n])) % 2)


def _to_z(symmetry: Bits, circuit: QuantumCircuit, pivots: Sequence[int]) -> int:
    """Add gates that turn a symmetry into Z on one qubit and keep Z on the pivots; return that qubit."""
    n = circuit.num_qubits
    string = PauliList.from_symplectic(symmetry[n:].astype(bool)[None], symmetry[:n].astype(bool)[None])
    turned = string.evolve(circuit, frame="s")
    x, z = turned.x[0], turned.z[0]
    if x.any():
        pivot = int(np.flatnonzero(x)[0])
        for q in np.flatnonzero(x & z).tolist():
            circuit.s(q)
        for q in np.flatnonzero(x).tolist()[1:]:
            circuit.cx(pivot, q)
        for q in np.flatnonzero(z & ~x).tolist():
            circuit.cz(pivot, q)
        circuit.h(pivot)
    else:
        pivot = next(q for q in np.flatnonzero(z).tolist() if q not in pivots)
        for q in np.flatnonzero(z).tolist():
            if q != pivot:
                circuit.cx(q, pivot)
    return pivot
