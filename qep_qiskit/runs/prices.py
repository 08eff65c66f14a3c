"""What circuits will cost on their device, before they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.appraisal import backend_of, duration, repetition_delay
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.equilibrium.bench import Bench
from qep_qiskit.equilibrium.execution import calibrating
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.forecasting.sending import FORMULA, JOB_SECONDS
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore


def estimate(store: RunStore, jobs: Sequence[JobRecord], device: object) -> dict[str, Any]:
    """Return the QPU seconds of jobs by the plan's formula; None for a device that does not tell its durations.

    Parameters
    ----------
    store : RunStore
    jobs : sequence of JobRecord
    device : RemoteDevice
    """
    backend = backend_of(device)
    found: dict[str, Any] = {
        "jobs": len(jobs),
        "circuits": sum(len(pub.values) for job in jobs for pub in job.pubs),
        "shots": sum(len(pub.values) * job.shots for job in jobs for pub in job.pubs),
        "qpu_seconds": None,
        "formula": FORMULA,
    }
    if backend is None:
        return found
    delay, _ = repetition_delay(backend)
    seconds = JOB_SECONDS * len(jobs)
    for job in jobs:
        for pub in job.pubs:
            took = duration(store.circuit(pub.circuit), backend.target)
            seconds += len(pub.values) * job.shots * (delay + (took or 0.0))
    return {**found, "qpu_seconds": seconds, "repetition_delay": delay}


@dataclass(frozen=True)
class Cost:
    """What some jobs take.

    Attributes
    ----------
    jobs, circuits, shots : int
        Circuits are executions of a circuit with its values; shots are those of all of them.
    seconds : float or None
        QPU seconds by the plan's formula; None for a device that does not tell its durations.
    """

    jobs: int = 0
    circuits: int = 0
    shots: int = 0
    seconds: float | None = 0.0

    def __add__(self, other: Cost) -> Cost:
        seconds = None if self.seconds is None or other.seconds is None else self.seconds + other.seconds
        return Cost(self.jobs + other.jobs, self.circuits + other.circuits, self.shots + other.shots, seconds)

    def times(self, number: int) -> Cost:
        """Return the cost of so many of the same."""
        seconds = None if self.seconds is None else number * self.seconds
        return Cost(number * self.jobs, number * self.circuits, number * self.shots, seconds)

    def document(self) -> dict[str, Any]:
        """Return it as runs write it down."""
        return {
            "jobs": self.jobs,
            "circuits": self.circuits,
            "shots": self.shots,
            "qpu_seconds": self.seconds,
            "formula": FORMULA,
        }


def of_jobs(number: int, device: object) -> Cost:
    """Return what so many jobs cost beside their circuits."""
    return Cost(number, 0, 0, None if backend_of(device) is None else JOB_SECONDS * number)


def of_circuit(circuit: QuantumCircuit, rows: int, shots: int, device: object) -> Cost:
    """Return what a measured circuit costs with so many rows of values."""
    backend = backend_of(device)
    if backend is None:
        return Cost(0, rows, rows * shots, None)
    delay, _ = repetition_delay(backend)
    return Cost(0, rows, rows * shots, rows * shots * (delay + (duration(circuit, backend.target) or 0.0)))


def of_rounds(rounds: Sequence[Plan], device: Device, remote: RemoteDevice, *, samples: int = 1) -> Cost:
    """Return what the rounds of a gradient cost, their readout calibration included.

    Parameters
    ----------
    rounds : sequence of Plan
    device : Device
        Compiles the circuits.
    remote : RemoteDevice
        Is sent them.
    samples : int
        How many of a batch have circuits like these.
    """
    found, start = Cost(), None
    for part in rounds:
        bench = Bench(device, start, part.mitigation)
        bench.add_plans([part])
        start = bench.start
        sent = [(work, len(rows) * samples, each or 0) for (work, rows), each in zip(bench.work(), bench.shots(), strict=True)]
        if part.earlier is None and part.mitigation.calibrated:
            parts, each = calibrating(device, bench.all_qubits, part)
            sent += [(own.work, len(own.work.values), each or 0) for own in parts]
        limits = getattr(remote, "limits", Limits())
        executions: dict[int, int] = {}
        for _, rows, each in sent:
            executions[each] = executions.get(each, 0) + rows
        found += of_jobs(sum(len(limits.parts(rows, each)) for each, rows in executions.items()), remote)
        for work, rows, each in sent:
            found += of_circuit(remote.measured(work.compiled, work.axes), rows, each, remote)
    return found


def expected(first: Plan, device: RemoteDevice, *, progress: Progress = silent) -> Cost:
    """Return what all rounds of a gradient will cost, from the plan of its first one.

    The circuits of the nudged phases are the same whatever the free phase answers.
    """
    rounds = [first]
    if not first.complete:
        rounds.append(advance(first, np.zeros(len(first.problem.cost_rows)), progress=progress))
    return of_rounds(rounds, device, device)
