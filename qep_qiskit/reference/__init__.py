"""Exact gradients, as the reference for all others, at any size: linear response, diagonalisation and matrix product states."""

from qep_qiskit.reference.response import COMPARED_QUBITS, exact_gradient, variational_gradient
from qep_qiskit.reference.selection import DENSE_QUBITS, reference_gradient
from qep_qiskit.reference.value import Reference

__all__ = ["COMPARED_QUBITS", "DENSE_QUBITS", "Reference", "exact_gradient", "reference_gradient", "variational_gradient"]
