"""The readout methods by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation.readout.m3 import M3, require_mthree
from qep_qiskit.measurement.mitigation.readout.mitigator import CalibrationSamples, Mitigator
from qep_qiskit.measurement.mitigation.readout.rates import Calibration, calibrate, merge
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored
from qep_qiskit.measurement.mitigation.readout.trex import trex


def _rates(calibrations: Sequence[CalibrationSamples]) -> Calibration:
    parts = []
    for counts in calibrations:
        if counts.ones is None:
            raise InputError("mitigation: these calibration counts were measured behind random flips; they hold no rates")
        parts.append(calibrate(counts.zeros, counts.ones, counts.qubits))
    return merge(parts)


def _tensored(calibrations: Sequence[CalibrationSamples]) -> Mitigator:
    return Tensored(_rates(calibrations))


def _m3(calibrations: Sequence[CalibrationSamples]) -> Mitigator:
    require_mthree()
    return M3(_rates(calibrations))


METHODS: dict[str, Callable[[Sequence[CalibrationSamples]], Mitigator]] = {"tensored": _tensored, "m3": _m3, "trex": trex}


def mitigator(method: str, calibrations: Sequence[CalibrationSamples]) -> Mitigator:
    """Return the mitigator of a method, from what its calibration circuits gave."""
    return METHODS[method](calibrations)


def check_installed(method: str) -> None:
    """Refuse, with the remedy, a method whose package is not installed."""
    if method == "m3":
        require_mthree()
