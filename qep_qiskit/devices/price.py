"""The price of jobs on a device that bills, by one formula for forecasts, confirmations, runs and the mock service."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from qep_qiskit.checks import shown
from qep_qiskit.devices.appraisal import backend_of, duration, repetition_delay
from qep_qiskit.errors import InputError

JOB_SECONDS = 2.0
"""QPU seconds of a job in addition to its shots, for loading and initialising. IBM bills about this much."""
FORMULA = "Σ jobs 2 s + Σ circuits shots × (repetition delay + circuit and readout duration)"


@dataclass(frozen=True)
class Tariff:
    """The prices of a provider: an amount per job, per circuit, per shot and per second on the device.

    A device or backend of a plug-in states it in its attribute `tariff`. IBM's tariff is in QPU seconds.

    Attributes
    ----------
    unit : str
        The unit of the amounts, such as ``"USD"`` or ``"credits"``.
    job, circuit, shot, second : float
        The amounts. A circuit counts once per execution. Seconds include the shots and the delays between them.

    Examples
    --------
    >>> tariff = Tariff("USD", circuit=0.3, shot=0.00035)
    >>> str(tariff), tariff.amount(jobs=1, circuits=6, shots=60_000, seconds=None)
    ('0.3 USD per circuit + 0.00035 USD per shot', 22.8)
    """

    unit: str
    job: float = 0.0
    circuit: float = 0.0
    shot: float = 0.0
    second: float = 0.0

    def __post_init__(self) -> None:
        amounts = [getattr(self, name) for name in ("job", "circuit", "shot", "second")]
        if not self.unit or not all(isinstance(a, int | float) and math.isfinite(a) and a >= 0 for a in amounts):
            raise InputError(f"tariff: {self!r} is not allowed; give a unit and finite amounts of at least 0")

    def __str__(self) -> str:
        amounts = {name: getattr(self, name) for name in ("job", "circuit", "shot", "second")}
        return " + ".join(f"{amount:g} {self.unit} per {name}" for name, amount in amounts.items() if amount) or "free of charge"

    def amount(self, *, jobs: int, circuits: int, shots: int, seconds: float | None) -> float | None:
        """Return the amount for some jobs, or None if it depends on unknown seconds."""
        if self.second and seconds is None:
            return None
        return self.job * jobs + self.circuit * circuits + self.shot * shots + self.second * (seconds or 0.0)


IBM = Tariff("QPU seconds", job=JOB_SECONDS, second=1.0)


def tariff_of(device: object) -> Tariff | None:
    """Return the tariff that a device or its backend states; None if the price is not known.

    Raises
    ------
    InputError
        If the attribute is not a Tariff.
    """
    tariff = getattr(device, "tariff", None)
    if tariff is None:
        tariff = getattr(getattr(device, "backend", None), "tariff", None)
    if tariff is not None and not isinstance(tariff, Tariff):
        raise InputError(
            f"device: the tariff {shown(tariff)} of {getattr(device, 'name', device)} is not a qep_qiskit.devices.Tariff"
        )
    return tariff


@dataclass(frozen=True)
class Price:
    """The price of some jobs.

    Attributes
    ----------
    jobs, circuits, shots : int
        The numbers of jobs, of executed circuits (one per row of values), and of shots in total.
    seconds : float or None
        QPU seconds by `FORMULA`; None if the device does not report durations.
    tariff : Tariff or None
        The provider's tariff; None if it is not known.
    """

    jobs: int = 0
    circuits: int = 0
    shots: int = 0
    seconds: float | None = 0.0
    tariff: Tariff | None = None

    @property
    def amount(self) -> float | None:
        """The amount that the provider will charge, in the unit of its tariff; None if it is not known."""
        if self.tariff is None:
            return None
        seconds = None if self.seconds is None else self.seconds - JOB_SECONDS * self.jobs
        return self.tariff.amount(jobs=self.jobs, circuits=self.circuits, shots=self.shots, seconds=seconds)

    def __str__(self) -> str:
        if self.tariff is None:
            return "price not known"
        if self.amount is None:
            return f"price not known: {self.tariff}"
        if self.tariff == IBM:
            return f"about {self.amount:.0f} {IBM.unit}"
        return f"about {self.amount:.2f} {self.tariff.unit} ({self.tariff})"

    def __add__(self, other: Price) -> Price:
        seconds = None if self.seconds is None or other.seconds is None else self.seconds + other.seconds
        tariffs = {price.tariff for price in (self, other) if price.jobs}
        tariff = tariffs.pop() if len(tariffs) == 1 else None
        return Price(self.jobs + other.jobs, self.circuits + other.circuits, self.shots + other.shots, seconds, tariff)

    def times(self, number: int) -> Price:
        """Return the price of this many repetitions."""
        seconds = None if self.seconds is None else number * self.seconds
        return Price(number * self.jobs, number * self.circuits, number * self.shots, seconds, self.tariff)

    def document(self) -> dict[str, Any]:
        """Return the price in the form stored by runs."""
        return {
            "jobs": self.jobs,
            "circuits": self.circuits,
            "shots": self.shots,
            "qpu_seconds": self.seconds,
            "formula": FORMULA,
            "amount": self.amount,
            "unit": None if self.tariff is None else self.tariff.unit,
            "price": str(self),
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
        Measured circuits, the number of executions of each, and the shots of each execution. A device with a method
        `executed_shots` runs and bills another number of shots than requested.
    """
    executed: Callable[[int], int] = getattr(device, "executed_shots", int)
    circuits = [(circuit, n, executed(each)) for circuit, n, each in circuits]
    executions, shots = sum(n for _, n, _ in circuits), sum(n * each for _, n, each in circuits)
    backend, tariff = backend_of(device), tariff_of(device)
    if backend is None:
        return Price(jobs, executions, shots, None, tariff)
    delay, _ = repetition_delay(backend)
    together = ((circuit, n * each) for circuit, n, each in circuits)
    return Price(jobs, executions, shots, qpu_seconds(jobs, together, target=backend.target, delay=delay), tariff)
