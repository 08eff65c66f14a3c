"""Readout mitigation, one method per file, with the calibration's own error carried along."""

from qep_qiskit.measurement.mitigation.readout.methods import METHODS, check_installed, mitigator
from qep_qiskit.measurement.mitigation.readout.mitigator import CalibrationSamples, Mitigator
from qep_qiskit.measurement.mitigation.readout.rates import Calibration, calibrate, merge

__all__ = ["METHODS", "Calibration", "CalibrationSamples", "Mitigator", "calibrate", "check_installed", "merge", "mitigator"]
