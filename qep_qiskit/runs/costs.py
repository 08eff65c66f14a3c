"""What a round that is written down will cost on its device, before it is sent."""

from __future__ import annotations

from typing import Any

from qep_qiskit.devices.backends import backend_of, duration, repetition_delay
from qep_qiskit.planning.sending import FORMULA, JOB_SECONDS
from qep_qiskit.runs.store import RunStore


def estimate(store: RunStore, number: int, device: object) -> dict[str, Any]:
    """Return the QPU seconds of a round's jobs by the plan's formula; None for a device that does not tell its durations.

    Parameters
    ----------
    store : RunStore
    number : int
        0 or 1.
    device : RemoteDevice
    """
    jobs, backend = store.jobs(number), backend_of(device)
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
