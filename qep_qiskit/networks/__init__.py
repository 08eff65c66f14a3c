"""Networks: Hamiltonians that are linear in named weights."""

from qep_qiskit.networks.ising import ising
from qep_qiskit.networks.network import Network, Term
from qep_qiskit.networks.pauli import pauli
from qep_qiskit.networks.phase_oscillators import phase_oscillators
from qep_qiskit.networks.quadratic.linear import elastic, resistors
from qep_qiskit.networks.quadratic.oscillators import oscillators

__all__ = ["Network", "Term", "elastic", "ising", "oscillators", "pauli", "phase_oscillators", "resistors"]
