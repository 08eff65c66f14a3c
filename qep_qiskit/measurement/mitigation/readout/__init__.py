"""Readout mitigation, one method per file, with the calibration's own error carried along."""

from qep_qiskit.measurement.mitigation.readout.method import ReadoutMethod
from qep_qiskit.measurement.mitigator import CalibrationSamples, Mitigator

__all__ = ["CalibrationSamples", "Mitigator", "ReadoutMethod"]
