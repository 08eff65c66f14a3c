"""Counts measured earlier, as the measurements of an error budget."""

from __future__ import annotations

from dataclasses import dataclass

from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.equilibrium import Outcomes, Plan


@dataclass(frozen=True)
class Measured:
    """Counts measured earlier.

    Attributes
    ----------
    plan : Plan
        The last round.
    outcomes : Outcomes
        The outcomes of all rounds.
    noisy : SimulatedDevice or str
        A simulation of the device with the noise that it had then; if that is not known, the reason.
    """

    plan: Plan
    outcomes: Outcomes
    noisy: SimulatedDevice | str

    @property
    def layout(self) -> Outcomes:
        """Outcomes without samples, whose layout a simulation takes over."""
        return Outcomes(start=self.outcomes.start)

    @property
    def words(self) -> str:
        """The source of the noise in words."""
        if isinstance(self.noisy, str):
            return self.noisy
        date = self.noisy.describe().get("calibration_date")
        return f"simulated with the noise of {self.noisy.name} that the run stored (calibration of {date})"
