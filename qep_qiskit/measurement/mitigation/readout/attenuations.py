"""The common part of mitigators that divide each string by an attenuation, measured on |0…0⟩ after random flips."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.measurement.mitigator import CalibrationSamples

LEAST_SIGNAL, LEAST_DEVIATIONS = 0.02, 4.0
"""The smallest attenuation by which signs are divided, and the same in its standard deviations: the quotient of a less certain
one has outliers that no error bar describes."""
NO_SIGNAL = "give more calibration_shots, or choose other qubits"
Block = TypeVar("Block", bound=Sized)


@dataclass(frozen=True)
class Attenuations(Generic[Block]):
    """A base class for mitigators with one block of parameters per calibration.

    Attributes
    ----------
    calibrations : tuple of CalibrationSamples
    circuit : str
        The circuit whose outcomes are corrected, if each circuit was calibrated separately.
    """

    calibrations: tuple[CalibrationSamples, ...]
    circuit: str = ""

    @abstractmethod
    def block(self, part: CalibrationSamples) -> Block:
        """Return the data of one calibration, one item per parameter."""

    def of(self, circuit: str) -> Self:
        """Return the mitigator for the outcomes of one circuit."""
        corrected = replace(self, circuit=circuit)
        vars(corrected)["_blocks"] = self._blocks  # those of the same calibrations
        return corrected

    @property
    def num_parameters(self) -> int:
        """The number of parameters of all calibrations."""
        return sum(len(block) for block in self._blocks)

    @property
    def _starts(self) -> NDArray[np.intp]:
        """The first parameter of each calibration, followed by the number of parameters."""
        return np.cumsum([0, *(len(block) for block in self._blocks)])

    @functools.cached_property
    def _blocks(self) -> list[Block]:
        return [self.block(part) for part in self.calibrations]
