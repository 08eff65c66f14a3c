"""The rule for which jobs at a service are a run's own: those with its tag that hold its circuits, values and shots."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from qep_qiskit.devices.digests import mark_from, of_pubs
from qep_qiskit.devices.remote import UNDER_WAY, ForgottenJobError, InspectedDevice, RemoteDevice, RemoteJob
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.pubs import run_pubs

LOOKUP_SECONDS = 60.0
"""Time for which a job that may have been made is looked for before it is sent again: listings lag."""
LOOKUP_VARIABLE = "QEP_LOOKUP_SECONDS"
_RANKS = {"done": 0, "running": 1, "queued": 2, "submitted": 2, "unknown": 3, "cancelled": 4, "failed": 4}


def patience() -> float:
    """Return how many seconds to look for a job that may exist."""
    return float(os.environ.get(LOOKUP_VARIABLE, LOOKUP_SECONDS))


def base_of(tag: str) -> tuple[str, int]:
    """Return the tag that a job had at first, and which attempt this is.

    Examples
    --------
    >>> base_of("qep-1-0-data"), base_of("qep-1-0-data+3")
    (('qep-1-0-data', 1), ('qep-1-0-data', 3))
    """
    base, plus, attempt = tag.rpartition("+")
    return (base, int(attempt)) if plus and attempt.isdecimal() else (tag, 1)


def attempts(tag: str) -> list[str]:
    """Return the tags of a job's attempts, the present one first.

    Examples
    --------
    >>> attempts("qep-1-0-data+3")
    ['qep-1-0-data+3', 'qep-1-0-data+2', 'qep-1-0-data']
    """
    base, last = base_of(tag)
    return [base if number == 1 else f"{base}+{number}" for number in range(last, 0, -1)]


def usable(job: RemoteJob) -> bool:
    """Return whether a job has a result or may get one."""
    return job.state == "done" or job.state in UNDER_WAY


def best_first(jobs: Sequence[RemoteJob]) -> list[RemoteJob]:
    """Return jobs that hold the same in an order on which everyone who sees them agrees: the nearest to its end first."""
    return sorted(jobs, key=lambda job: (_RANKS.get(job.state, 3), job.created, job.id))


@dataclass(frozen=True)
class Listed:
    """The jobs at a service under a job's tags.

    Attributes
    ----------
    own : list of RemoteJob
        Those that hold the job's circuits, values and shots, the best first.
    foreign : list of RemoteJob
        Others under the job's present tag, and those of which it cannot be told what they hold.
    """

    own: list[RemoteJob]
    foreign: list[RemoteJob]


@dataclass(frozen=True)
class Ownership:
    """The rule that decides whether jobs at a device's service belong to a run.

    Attributes
    ----------
    store : RunStore
    device : RemoteDevice
    progress : callable
    """

    store: RunStore
    device: RemoteDevice
    progress: Progress = silent

    def fits(self, job: JobRecord, job_id: str, *, tag: str, mark: str | None = None) -> bool | None:
        """Return whether a job at the service holds the circuits, values and shots of one of the run; None if it cannot be told.

        A service that tells nothing of what its jobs hold has only the tag to go by, which no other run has.
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
        """Return the tags under which there may be a usable job: the present one, and earlier ones whose end is not certain."""
        present, *earlier = attempts(job.tag)
        return [present] + [tag for tag in earlier if not self._ended(tag)]

    def _ended(self, tag: str) -> bool:
        job = self.store.job(tag)
        return job.job_id is not None and job.detail.get("ended") in ("failed", "cancelled")

    def listed(self, job: JobRecord) -> Listed:
        """Return what the service has under a job's tag, and the usable jobs of its earlier attempts."""
        own: list[RemoteJob] = []
        foreign: list[RemoteJob] = []
        for tag in self.attempts(job):
            for other in self.device.find(tag):
                if self.fits(job, other.id, tag=tag, mark=other.mark):
                    own += [other] if tag == job.tag or usable(other) else []
                elif tag == job.tag:
                    foreign.append(other)
        return Listed(best_first(own), foreign)

    def sought(self, job: JobRecord, *, since: float | None) -> Listed:
        """Look for a job once or, if it may have been made before `since` on the monotonic clock, for as long as listings lag."""
        end = None if since is None else since + patience()
        pause = min(2.0, max(patience() / 10, 0.05))
        self.progress(f"looking for {job.tag} on {self.device.name}", None)
        while True:
            listed = self.listed(job)
            if listed.own or listed.foreign or end is None or time.monotonic() >= end:
                return listed
            time.sleep(min(pause, max(end - time.monotonic(), 0.0)))
