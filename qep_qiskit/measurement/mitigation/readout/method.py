"""Readout methods: how each is calibrated, and the mitigator made from the calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qep_qiskit.measurement.mitigator import CalibrationSamples, Mitigator


def nothing_needed() -> None:
    """Require no package."""


@dataclass(frozen=True)
class ReadoutMethod:
    """A readout mitigation.

    Attributes
    ----------
    combine : callable
        Returns the mitigator, from the samples of the calibration circuits of one or several sets of qubits.
    twirled : bool
        Whether circuits, data and calibration alike, are measured behind random flips. The calibration is then |0…0⟩ alone.
    require : callable
        Raises InputError with the remedy if a package is not installed.
    """

    combine: Callable[[Sequence[CalibrationSamples]], Mitigator]
    twirled: bool = False
    require: Callable[[], None] = nothing_needed
