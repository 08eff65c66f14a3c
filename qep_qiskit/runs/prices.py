"""The price of a run's recorded jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qep_qiskit.devices.appraisal import backend_of, repetition_delay
from qep_qiskit.devices.price import price_of
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore


def price_of_jobs(store: RunStore, jobs: Sequence[JobRecord], device: object) -> dict[str, Any]:
    """Return the price of jobs on their device as the run keeps it, with the device's delay between two shots if it has one.

    Parameters
    ----------
    store : RunStore
        The run, which has the circuits of the jobs.
    """
    circuits = [(store.circuit(pub.circuit), len(pub.values), job.shots) for job in jobs for pub in job.pubs]
    price, backend = price_of(len(jobs), circuits, device).document(), backend_of(device)
    return price if backend is None else {**price, "repetition_delay": repetition_delay(backend)[0]}
