"""The price of jobs on a device that bills, by one formula for forecasts, confirmations and the mock service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from qep_qiskit.devices.appraisal import backend_of, duration, repetition_delay

JOB_SECONDS = 2.0
"""QPU seconds of a job in addition to its shots, for loading and initialising. IBM bills about this much."""
FORMULA = "Σ jobs 2 s + Σ circuits shots × (repetition delay + circuit and readout duration)"


@dataclass(frozen=True)
class Price:
    """The price of some jobs.

    Attributes
    ----------
    jobs, circuits, shots : int
        The numbers of jobs, of executed circuits (one per row of values), and of shots in total.
    seconds : float or None
        QPU seconds by `FORMULA`; None if the device does not report durations.
    """

    jobs: int = 0
    circuits: int = 0
    shots: int = 0
    seconds: float | None = 0.0

    def __add__(self, other: Price) -> Price:
        seconds = None if self.seconds is None or other.seconds is None else self.seconds + other.seconds
        return Price(self.jobs + other.jobs, self.circuits + other.circuits, self.shots + other.shots, seconds)

    def times(self, number: int) -> Price:
        """Return the price of this many repetitions."""
        seconds = None if self.seconds is None else number * self.seconds
        return Price(number * self.jobs, number * self.circuits, number * self.shots, seconds)

    def document(self) -> dict[str, Any]:
        """Return the price in the form stored by runs."""
        return {
            "jobs": self.jobs,
            "circuits": self.circuits,
            "shots": self.shots,
            "qpu_seconds": self.seconds,
            "formula": FORMULA,
        }


def qpu_seconds(jobs: int, circuits: Iterable[tuple[QuantumCircuit, int]], *, target: Target, delay: float) -> float:
    """Return the QPU seconds of jobs by `FORMULA`.

    Parameters
    ----------
    circuits : iterable of (QuantumCircuit, int)
        Measured circuits in the device's gates, with the shots of all their executions.
    target : Target
        The device's instructions. Those without a duration count as 0 s.
    delay : float
        Seconds between two shots.
    """
    return JOB_SECONDS * jobs + sum(shots * (delay + (duration(circuit, target) or 0.0)) for circuit, shots in circuits)


def price_of(jobs: int, circuits: Iterable[tuple[QuantumCircuit, int, int]], device: object) -> Price:
    """Return the price of jobs on a device.

    Parameters
    ----------
    circuits : iterable of (QuantumCircuit, int, int)
        Measured circuits, the number of executions of each, and the shots of each execution.
    """
    circuits = list(circuits)
    executions, shots = sum(n for _, n, _ in circuits), sum(n * each for _, n, each in circuits)
    backend = backend_of(device)
    if backend is None:
        return Price(jobs, executions, shots, None)
    delay, _ = repetition_delay(backend)
    together = ((circuit, n * each) for circuit, n, each in circuits)
    return Price(jobs, executions, shots, qpu_seconds(jobs, together, target=backend.target, delay=delay))
