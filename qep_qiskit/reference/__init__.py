"""Exact gradients of networks of any size, as the reference for other gradients.

They come from linear response and diagonalisation, or from matrix product states for large networks.
"""

from qep_qiskit.reference.response import COMPARED_QUBITS, exact_gradient, variational_gradient
from qep_qiskit.reference.selection import DENSE_QUBITS, reference_gradient
from qep_qiskit.reference.value import Reference

__all__ = ["COMPARED_QUBITS", "DENSE_QUBITS", "Reference", "exact_gradient", "reference_gradient", "variational_gradient"]
