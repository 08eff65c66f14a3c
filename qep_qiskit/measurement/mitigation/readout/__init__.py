"""Readout mitigation, one method per file, with the calibration's own error carried along."""

from qep_qiskit.measurement.mitigation.readout.m3 import M3_METHOD
from qep_qiskit.measurement.mitigation.readout.method import ReadoutMethod
from qep_qiskit.measurement.mitigation.readout.mitigator import CalibrationSamples, Mitigator
from qep_qiskit.measurement.mitigation.readout.tensored import TENSORED
from qep_qiskit.measurement.mitigation.readout.trex import TREX

__all__ = ["METHODS", "CalibrationSamples", "Mitigator", "ReadoutMethod"]

METHODS: dict[str, ReadoutMethod] = {method.name: method for method in (TENSORED, M3_METHOD, TREX)}
