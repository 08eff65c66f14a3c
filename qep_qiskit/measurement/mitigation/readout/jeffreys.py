"""The tensored inverse with rates by Jeffreys' prior: (k + ½)/(N + 1) for k flips in N shots, so that no rate is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout.method import ReadoutMethod
from qep_qiskit.measurement.mitigation.readout.mitigator import CalibrationSamples
from qep_qiskit.measurement.mitigation.readout.rates import rates_of
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored


def combine(calibrations: Sequence[CalibrationSamples]) -> Tensored:
    """Return the mitigator with the rates that the calibration circuits and the prior give."""
    rates = rates_of(calibrations)
    if rates.shots is None:
        return Tensored(rates)
    up, down = ((flips * rates.shots + 0.5) / (rates.shots + 1) for flips in (rates.flip_up, rates.flip_down))
    return Tensored(replace(rates, flip_up=up, flip_down=down))


MITIGATIONS.register("jeffreys")(ReadoutMethod(combine))
