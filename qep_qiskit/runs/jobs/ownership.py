"""The rule for which jobs at a service are a run's own: those with its tag that hold its circuits, values and shots."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from qep_qiskit.devices.digests import mark_from, of_pubs
from qep_qiskit.devices.remote import UNDER_WAY, InspectedDevice, RemoteDevice, RemoteJob
from qep_qiskit.errors import ForgottenJobError
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.pubs import run_pubs

LOOKUP_SECONDS = 60.0
"""Seconds to look for a job that may exist, before it is sent again: new jobs appear late in a service's listings."""
LOOKUP_VARIABLE = "QEP_LOOKUP_SECONDS"
_RANKS = {"done": 0, "running": 1, "queued": 2, "submitted": 2, "unknown": 3, "cancelled": 4, "failed": 4}


def patience() -> float:
    """Return the number of seconds to look for a job that may exist."""
    return float(os.environ.get(LOOKUP_VARIABLE, LOOKUP_SECONDS))


def base_of(tag: str) -> tuple[str, int]:
    """Return the original tag of a job and the number of this attempt.

    Examples
    --------
    >>> base_of("qep-1-0-data"), base_of("qep-1-0-data+3")
    (('qep-1-0-data', 1), ('qep-1-0-data', 3))
    """
    base, plus, attempt = tag.rpartition("+")
    return (base, int(attempt)) if plus and attempt.isdecimal() else (tag, 1)


def attempts(tag: str) -> list[str]:
    """Return the tags of all attempts of a job, the latest first.

    Examples
    --------
    >>> attempts("qep-1-0-data+3")
    ['qep-1-0-data+3', 'qep-1-0-data+2', 'qep-1-0-data']
    """
    base, last = base_of(tag)
    return [base if number == 1 else f"{base}+{number}" for number in range(last, 0, -1)]


def usable(job: RemoteJob) -> bool:
    """Return whether a job has a result or may still get one."""
    return job.state == "done" or job.state in UNDER_WAY


def best_first(jobs: Sequence[RemoteJob]) -> list[RemoteJob]:
    """Return equal jobs, the best first: done, then running, then queued. All copies of a run agree on the order."""
    return sorted(jobs, key=lambda job: (_RANKS.get(job.state, 3), job.created, job.id))


@dataclass(frozen=True)
class Ownership:
    """A decision for each job at a device's service whether it belongs to a run."""

    store: RunStore
    device: RemoteDevice
    progress: Progress = silent

    def fits(self, job: JobRecord, job_id: str, *, tag: str, mark: str | None = None) -> bool | None:
        """Return whether a job at the service holds the circuits, values and shots of a run's job; None if that is unknown.

        If the service reports nothing about a job's contents, the tag alone decides, since no other run has it.
        """
        if mark is not None:
            return mark == mark_from(self._digest(job), tag)
        if not isinstance(self.device, InspectedDevice):
            return True
        try:
            return self.device.holds(job_id, run_pubs(self.store, job.pubs), shots=job.shots, tag=tag)
        except ForgottenJobError:
            return None

    def _digest(self, job: JobRecord) -> str:
        digests = self.store.standing.digests
        if job.tag not in digests:
            digests[job.tag] = of_pubs(run_pubs(self.store, job.pubs), job.shots)
        return digests[job.tag]

    def attempts(self, job: JobRecord) -> list[str]:
        """Return the tags that may have a usable job: the latest one, and those of earlier attempts that may not have ended."""
        present, *earlier = attempts(job.tag)
        records = [self.store.job(tag) for tag in earlier]
        ended = [job.tag for job in records if job.job_id is not None and job.detail.get("ended") in ("failed", "cancelled")]
        return [present, *(tag for tag in earlier if tag not in ended)]

    def listed(self, job: JobRecord) -> tuple[list[RemoteJob], list[RemoteJob]]:
        """Return the service's jobs with a job's tag, and the usable jobs of its earlier attempts.

        The first list has the jobs that hold the circuits, values and shots of the run's job, the best first. The second has the
        other jobs with the latest tag, and jobs with unknown contents.
        """
        own: list[RemoteJob] = []
        foreign: list[RemoteJob] = []
        for tag in self.attempts(job):
            for other in self.device.find(tag):
                if self.fits(job, other.id, tag=tag, mark=other.mark):
                    own += [other] if tag == job.tag or usable(other) else []
                elif tag == job.tag:
                    foreign.append(other)
        return best_first(own), foreign

    def sought(self, job: JobRecord, *, since: float | None) -> tuple[list[RemoteJob], list[RemoteJob]]:
        """Look for a job once, or, if it may have been created before `since` (monotonic clock), until listings must show it.

        The result is that of :meth:`listed`.
        """
        end = None if since is None else since + patience()
        pause = min(2.0, max(patience() / 10, 0.05))
        self.progress(f"looking for {job.tag} on {self.device.name}", None)
        while True:
            listed = self.listed(job)
            if any(listed) or end is None or time.monotonic() >= end:
                return listed
            time.sleep(min(pause, max(end - time.monotonic(), 0.0)))
