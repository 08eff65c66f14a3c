"""The description of a readout method: its calibration, and the mitigator made from the calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qep_qiskit.measurement.mitigator import CalibrationSamples, Mitigator


@dataclass(frozen=True)
class ReadoutMethod:
    """A method of readout mitigation.

    Attributes
    ----------
    combine : callable
        A function that returns the mitigator, given the samples of calibration circuits on one or several sets of qubits.
    twirled : bool
        Whether all circuits, also those of the calibration, are measured after random flips. The calibration then needs only
        |0…0⟩.
    require : callable
        A function that raises InputError with the remedy if a package is not installed.
    """

    combine: Callable[[Sequence[CalibrationSamples]], Mitigator]
    twirled: bool = False
    require: Callable[[], None] = lambda: None
