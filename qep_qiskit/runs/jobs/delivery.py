"""Sending several jobs of a run together and fetching their results; all failures are reported together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qiskit.primitives import BitArray

from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.jobs.courier import Courier

Failures = dict[str, InputError | DeviceError]


def send_all(courier: Courier, jobs: Sequence[JobRecord], confirm: Callable[[list[JobRecord]], None] | None = None) -> Failures:
    """Send the unsent jobs, once it is certain that the service has none of them.

    If sending a job fails, the jobs after it are not sent.

    Parameters
    ----------
    confirm : callable, optional
        Called with the jobs that would be sent now; an exception stops the run.

    Returns
    -------
    dict of str to error
        The errors by tag.
    """
    failures: Failures = {}
    unsent = []
    for job in jobs:
        if job.state not in ("intended", "sending"):
            continue
        try:
            if not courier.adopted(job):
                unsent.append(job)
        except (InputError, DeviceError) as error:
            failures[job.tag] = error
    if not unsent or failures:
        return failures
    courier.refuse_copy()
    if confirm is not None:
        confirm(unsent)
    courier.open_group()
    for job in unsent:
        try:
            courier.send(job, looked=True)
        except (InputError, DeviceError) as error:
            return {job.tag: error}
    return {}


def fetch_all(courier: Courier, jobs: Sequence[JobRecord], failures: Failures | None = None) -> dict[str, list[BitArray]] | None:
    """Fetch the results that are ready, except of jobs whose sending failed.

    Returns
    -------
    dict of str to list of BitArray, or None
        The results by tag; None while a job is under way.

    Raises
    ------
    InputError, DeviceError
        If any job failed; the error covers all failures and is raised after the other results were fetched.
    """
    failures, results = dict(failures or {}), {}
    for tag in [job.tag for job in jobs]:
        job = courier.store.job(tag)
        if job.state in ("intended", "sending") or tag in failures:
            continue
        try:
            bits = courier.result(job)
        except (InputError, DeviceError) as error:
            failures[tag] = error
            continue
        if bits is not None:
            results[tag] = bits
    if failures:
        raise together(list(failures.values()))
    return results if len(results) == len(jobs) else None


def together(errors: Sequence[InputError | DeviceError]) -> InputError | DeviceError:
    """Combine the errors of several jobs into one error."""
    if len(errors) == 1:
        return errors[0]
    kind = InputError if any(isinstance(error, InputError) for error in errors) else DeviceError
    return kind(". ".join(str(error).rstrip(".") for error in errors))
