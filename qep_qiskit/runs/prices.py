"""The price of a run's recorded jobs."""

from __future__ import annotations

from collections.abc import Sequence

from qep_qiskit.devices.price import Price, price_of
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore


def price_of_jobs(store: RunStore, jobs: Sequence[JobRecord], device: object) -> Price:
    """Return the price of jobs on their device.

    Parameters
    ----------
    store : RunStore
        The run, which has the circuits of the jobs.
    jobs : sequence of JobRecord
    device : RemoteDevice
    """
    circuits = [(store.circuit(pub.circuit), len(pub.values), job.shots) for job in jobs for pub in job.pubs]
    return price_of(len(jobs), circuits, device)
