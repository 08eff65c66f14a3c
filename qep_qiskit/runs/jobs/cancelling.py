"""Cancellation of a run's jobs: a job that was sent is recorded as "cancelled" only if the service confirms it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from qep_qiskit.devices.remote import UNDER_WAY, RemoteJob
from qep_qiskit.errors import DeviceError
from qep_qiskit.runs.file.records import FORGOTTEN, JobRecord
from qep_qiskit.runs.jobs.bills import ask_bill
from qep_qiskit.runs.jobs.courier import NOT_OURS, Courier
from qep_qiskit.runs.jobs.ownership import patience, usable
from qep_qiskit.runs.turning_points import reached

CONFIRM_SECONDS = 5.0
"""Seconds to wait for the service to confirm a cancellation."""
CANNOT_KNOW = "it cannot be known whether it was sent"


@dataclass(frozen=True)
class JobEnd:
    """The outcome of cancelling one job.

    Attributes
    ----------
    cancelled : tuple of str
        The ids of the jobs that the service has just cancelled.
    handled : bool
        False if the job may still be under way.
    """

    tag: str
    title: str
    job_id: str | None
    state: str
    text: str
    cancelled: tuple[str, ...] = ()
    handled: bool = True


def cancel_jobs(courier: Courier) -> list[JobEnd]:
    """Cancel all unfinished jobs of a run, and return the outcome for each.

    Raises
    ------
    InputError
        If the run is a copy, since the jobs belong to the original.
    """
    courier.refuse_copy()
    ends = []
    for job in courier.store.jobs():
        if courier.store.result(job.tag) is not None or job.state in ("failed", "cancelled", "given up"):
            continue
        try:
            ends.append(_without_id(courier, job) if job.job_id is None else _with_id(courier, job))
        except DeviceError as error:
            text = f"could not be cancelled: {str(error).removeprefix('device: ')}"
            courier.store.note(text, tag=job.tag)
            ends.append(_end(courier, job, text, handled=False))
        reached(f"cancel {job.purpose}: written")
    courier.close_group()
    return ends


def _without_id(courier: Courier, job: JobRecord) -> JobEnd:
    """Search the service for a job without a recorded id, as long as before a resubmission, and cancel it if found."""
    store, device = courier.store, courier.device
    doubt = job.state in ("sending", "lost") or store.standing.uncertain
    jobs = courier.ownership.sought(job, since=time.monotonic() if doubt else None)[0] if courier.finds else []
    if not jobs and not doubt:
        return _written(courier, job, "cancelled", "was never sent")
    if not jobs:
        listed = f"no job with its tag was listed for {patience():g} s"
        return _unknown(courier, job, listed if courier.finds else f"look at the list of jobs of {device.name}")
    store.move(job.tag, "submitted", job_id=jobs[0].id, text=f"adopted job {jobs[0].id}, found by its tag")
    return _with_id(courier, store.job(job.tag), jobs)


def _unknown(courier: Courier, job: JobRecord, more: str) -> JobEnd:
    """Record that the job may or may not exist at the service; give it up if this was already recorded."""
    if job.state == "lost":
        return _written(courier, job, "given up", f"{CANNOT_KNOW}, {more}; it was given up")
    return _written(courier, job, "lost", f"{CANNOT_KNOW}: {more}. Cancel again to give it up", handled=False)


def _with_id(courier: Courier, job: JobRecord, jobs: list[RemoteJob] | None = None) -> JobEnd:
    assert job.job_id is not None
    state, _ = courier.asked(job.job_id)
    jobs = courier.candidates(job, state, jobs)
    if jobs is None:
        return _written(courier, job, "lost", f"job {job.job_id} {NOT_OURS}")
    if state == FORGOTTEN:
        del jobs[0]
        if not any(map(usable, jobs)):
            return _written(courier, job, "given up", f"job {job.job_id} is unknown to the service, and was given up")
    states = {other.id: _ended(courier, job, other) for other in jobs}
    gone = tuple(other.id for other in jobs if other.state in UNDER_WAY and states[other.id][0] == "cancelled")
    state, text = _overall(states, job.job_id)
    return _written(courier, job, state, text, cancelled=gone, handled=not any(s in UNDER_WAY for s, _ in states.values()))


def _ended(courier: Courier, job: JobRecord, other: RemoteJob) -> tuple[str, str]:
    """Cancel one job at the service; return the state that the service then reports, and a sentence for the user."""
    if other.state not in UNDER_WAY:
        return other.state, f"job {other.id} has ended: {other.state}"
    refusal = ""
    try:
        courier.device.cancel(other.id)
        reached(f"cancel {job.purpose}: asked")
    except DeviceError as error:
        refusal = str(error).removeprefix("device: ")
    end = time.monotonic() + min(patience(), CONFIRM_SECONDS)
    while True:
        state = _state(courier, job, other.id)
        if state not in UNDER_WAY or refusal or time.monotonic() >= end:
            break
        time.sleep(0.2)
    if state == "cancelled":
        return state, f"job {other.id} is cancelled"
    if state in UNDER_WAY:
        return state, refusal or f"job {other.id} was asked to end, but the service still calls it {state}"
    return state, f"job {other.id} has ended: {state}"


def _state(courier: Courier, job: JobRecord, job_id: str) -> str:
    """Return the state of a job, or "cancelled" if only the service's list of jobs says so."""
    state, _ = courier.asked(job_id)
    if state in UNDER_WAY and courier.finds:
        listed = [other.state for other in courier.device.find(job.tag) if other.id == job_id]
        return "cancelled" if listed == ["cancelled"] else state
    return state


def _overall(states: dict[str, tuple[str, str]], job_id: str) -> tuple[str, str]:
    """Return the state to record and the sentence to show; an unfinished job takes precedence over a finished one."""
    alive = [state for state, _ in states.values() if state in UNDER_WAY]
    done = [state for state, _ in states.values() if state == "done"]
    first = states[job_id][0] if job_id in states else next(iter(states.values()))[0]
    return (alive or done or [first])[0], "; ".join(text for _, text in states.values())


def _written(
    courier: Courier,
    job: JobRecord,
    state: str,
    text: str,
    *,
    cancelled: tuple[str, ...] = (),
    handled: bool = True,
) -> JobEnd:
    reason = "cancelled by the user" if state == "cancelled" else text if state in ("lost", "given up", "failed") else ""
    courier.store.move(job.tag, state, text=text, reason=reason)
    ask_bill(courier.store, courier.device, courier.store.job(job.tag))
    return _end(courier, job, text, cancelled=cancelled, handled=handled)


def _end(courier: Courier, job: JobRecord, text: str, *, cancelled: tuple[str, ...] = (), handled: bool) -> JobEnd:
    job = courier.store.job(job.tag)
    return JobEnd(job.tag, job.title, job.job_id, job.state, text, cancelled, handled)
