"""The seconds that a service bills for the jobs of a run."""

from __future__ import annotations

from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.runs.file.records import BILL, JobRecord
from qep_qiskit.runs.file.store import RunStore


def ask_bill(store: RunStore, device: RemoteDevice, job: JobRecord) -> bool:
    """Ask for the seconds billed for a job that has ended and record them, unless they are known. Return whether they are.

    A service may report them later than the result. A job that ended badly may never have a bill, and needs none.
    """
    recorded = store.get(BILL, job.tag, "not asked")
    if isinstance(recorded, int | float) or job.job_id is None or job.state not in ("done", "failed", "cancelled"):
        return True
    seconds = device.seconds(job.job_id)
    if seconds is not None or (job.state == "done" and recorded is not None):
        store.put(BILL, job.tag, seconds)
    return seconds is not None


def note_bill(store: RunStore, device: RemoteDevice, job: JobRecord, duplicate: str) -> None:
    """Record the seconds billed for a duplicate of a job that ended before it was found, if the service reports them."""
    if (seconds := device.seconds(duplicate)) is not None:
        store.put(BILL, f"{job.tag} {duplicate}", seconds)


def ask_bills(store: RunStore, device: RemoteDevice) -> None:
    """Ask again for bills that the service had not reported when it returned the results."""
    missing = (tag for tag, seconds in store.all(BILL).items() if seconds is None)
    all(ask_bill(store, device, store.job(tag)) for tag in missing)  # ends at the first that is still missing
