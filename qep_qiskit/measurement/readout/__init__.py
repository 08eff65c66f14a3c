"""Readout mitigation, one method a file, with the calibration's own error carried along."""

from qep_qiskit.measurement.readout.methods import METHODS, check_installed, mitigator
from qep_qiskit.measurement.readout.mitigator import CalibrationSamples, Mitigator
from qep_qiskit.measurement.readout.rates import Calibration, calibrate, merge

__all__ = ["METHODS", "Calibration", "CalibrationSamples", "Mitigator", "calibrate", "check_installed", "merge", "mitigator"]
