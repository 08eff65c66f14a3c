"""Readout mitigation with error bars that include the calibration's own error; one method per file."""

from qep_qiskit.measurement.mitigator import CalibrationSamples, Mitigator, ReadoutMethod

__all__ = ["CalibrationSamples", "Mitigator", "ReadoutMethod"]
