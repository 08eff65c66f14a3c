"""Frames: operators over one list of Pauli strings, so that a Hamiltonian is a vector of coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.memory import require


@dataclass(frozen=True)
class Frame:
    """A list of distinct Pauli strings, with the coefficients of several operators.

    Attributes
    ----------
    paulis : PauliList of length L
    matrix : ndarray of shape (operators, L)
    """

    paulis: PauliList
    matrix: NDArray[np.float64]

    @property
    def strings(self) -> PauliList:
        """The strings, for which a prepared state gives expectations."""
        return self.paulis

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The strings as Qiskit labels."""
        return tuple(self.paulis.to_labels())

    @cached_property
    def busy(self) -> NDArray[np.bool_]:
        """True for strings that are not the identity, shape (L,)."""
        return np.asarray((self.paulis.x | self.paulis.z).any(axis=1))

    @cached_property
    def qubits(self) -> tuple[tuple[int, ...], ...]:
        """The qubits on which each string acts."""
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in self.paulis.x | self.paulis.z)

    def operator(self, coefficients: NDArray[np.float64]) -> SparsePauliOp:
        """Return Σ_l coefficients[l] P_l without strings of coefficient zero."""
        keep = np.flatnonzero(coefficients)
        if keep.size == 0:
            return SparsePauliOp(["I" * self.paulis.num_qubits], [0.0])
        return SparsePauliOp(self.paulis[keep], coefficients[keep])


def require_terms(count: int) -> None:
    """Refuse a network if its matrix of terms over all strings does not fit into memory.

    Raises
    ------
    InputError
    """
    require(16.0 * count**2, f"network: {count:,} terms", "take fewer sites or a sparser graph")


def frame_of(operators: Sequence[SparsePauliOp]) -> Frame:
    """Return the frame of these operators: strings in order of appearance, one row per operator.

    Examples
    --------
    >>> frame = frame_of([SparsePauliOp(["ZZ", "IX"], [1.0, 2.0]), SparsePauliOp(["ZZ"], [-1.0])])
    >>> frame.labels, frame.matrix.tolist()
    (('ZZ', 'IX'), [[1.0, 2.0], [-1.0, 0.0]])
    """
    position: dict[str, int] = {}
    rows = []
    for operator in operators:
        row: dict[int, float] = {}
        for label, coefficient in zip(operator.paulis.to_labels(), operator.coeffs.real, strict=True):
            sign = -1.0 if label[0] == "-" else 1.0
            column = position.setdefault(label.lstrip("-"), len(position))
            row[column] = row.get(column, 0.0) + sign * float(coefficient)
        rows.append(row)
    require_terms(max(len(rows), len(position)))
    matrix = np.zeros((len(rows), len(position)))
    for r, row in enumerate(rows):
        for column, value in row.items():
            matrix[r, column] = value
    return Frame(PauliList(list(position)), matrix)
