"""Preparing the states of all phases."""

from qep_qiskit.preparation.adiabatic import Adiabatic
from qep_qiskit.preparation.capabilities import Capabilities, GroundStateAim
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.mean_field import MeanField
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer, StateCircuit
from qep_qiskit.preparation.thermal import Thermal
from qep_qiskit.preparation.vqe import VQE

__all__ = [
    "MPS",
    "VQE",
    "Adiabatic",
    "Capabilities",
    "Exact",
    "Family",
    "GroundStateAim",
    "MeanField",
    "Phase",
    "Prepared",
    "Preparer",
    "StateCircuit",
    "Thermal",
]
