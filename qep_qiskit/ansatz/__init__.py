"""Parameterised circuits: the Hamiltonian ansatz, hardware-efficient ansätze, Trotter ramps, and OpenQASM 3 files."""

from qep_qiskit.ansatz.choice import BUILT_IN, build
from qep_qiskit.ansatz.rotations import evolve, pack

__all__ = ["BUILT_IN", "build", "evolve", "pack"]
