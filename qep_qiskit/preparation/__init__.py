"""Preparation of the states of all phases."""

from qep_qiskit.preparation.adiabatic import Adiabatic
from qep_qiskit.preparation.capabilities import Capabilities, GroundStateAim
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.mean_field import MeanField
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.preparer import Held, Phase, Prepared, Preparer, StateCircuit
from qep_qiskit.preparation.state_loader import loading_circuit
from qep_qiskit.preparation.thermal import Thermal
from qep_qiskit.preparation.vqe import VQE
from qep_qiskit.progress import Progress, silent

__all__ = [
    "MPS",
    "VQE",
    "Adiabatic",
    "Capabilities",
    "Exact",
    "Family",
    "GroundStateAim",
    "Held",
    "MeanField",
    "Phase",
    "Prepared",
    "Preparer",
    "Progress",
    "StateCircuit",
    "Thermal",
    "loading_circuit",
    "silent",
]
