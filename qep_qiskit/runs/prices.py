"""The price of jobs that a run has written down."""

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
        Has their circuits.
    jobs : sequence of JobRecord
    device : RemoteDevice
    """
    circuits = [(store.circuit(pub.circuit), len(pub.values), job.shots) for job in jobs for pub in job.pubs]
    return price_of(len(jobs), circuits, device)
