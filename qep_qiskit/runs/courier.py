"""Jobs between a run and its device: sent by their tags, found again after a crash, and fetched, each once.

Everything is written down before it is done. What may have been sent is looked up by its tag before it is sent again, so
nothing is paid twice (the client itself may make two jobs of one; the second is reported and cancelled).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from qiskit.primitives import BitArray

from qep_qiskit.devices.remote import UNDER_WAY, DeviceError, GroupingDevice, RemoteDevice, RemoteJob
from qep_qiskit.devices.results import Asked, circuit_name, read_result
from qep_qiskit.errors import FailedCircuitError, InputError, RefusedJobError, UnreadableResultError
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.runs.points import reached
from qep_qiskit.runs.records import JobRecord
from qep_qiskit.runs.rounds import run_pubs
from qep_qiskit.runs.store import RunStore

LOOKUP_SECONDS = 60.0
"""How long a job that may have been made is looked for before it is sent again: listings lag."""
LOOKUP_VARIABLE = "QEP_LOOKUP_SECONDS"
OPEN = ("intended", "sending", *UNDER_WAY)
ENDED_BADLY = ("failed", "cancelled", "lost")


@dataclass
class Courier:
    """What takes a run's jobs to its device and their results back.

    Attributes
    ----------
    store : RunStore
        Open for writing.
    device : RemoteDevice
    progress : callable
    again : str
        What the user types to go on; ``qep collect`` of the run where empty.
    once_more : str
        What the user types to have a job that ended badly sent again.
    """

    store: RunStore
    device: RemoteDevice
    progress: Progress = silent
    again: str = ""
    once_more: str = ""

    def __post_init__(self) -> None:
        self.again = self.again or f"qep collect {self.store.folder}"
        self.once_more = self.once_more or f"{self.again} --resubmit"

    def open_group(self) -> None:
        """Open the batch or session that the device is to keep jobs in, or go on with the run's own while it takes jobs."""
        if not isinstance(self.device, GroupingDevice) or self.device.mode == "job" or self.store.imported is not None:
            return
        known = self.store.get("group", "id")
        if known is not None and self.device.join_group(known):
            return
        reached("submit group: before opening")
        opened = self.device.open_group()
        reached("submit group: opened, id not written")
        self.store.put("group", "id", opened)
        self.store.note(f"{self.device.mode} {opened} opened")
        reached("submit group: id written")

    def close_group(self) -> None:
        """Close the run's batch or session; what cannot be closed now closes by itself."""
        known = self.store.get("group", "id")
        if known is None or self.store.get("group", "closed") == known or not isinstance(self.device, GroupingDevice):
            return
        try:
            self.device.close_group(known)
        except DeviceError as error:
            self.store.note(f"{self.device.mode} {known} could not be closed and closes by itself: {error}")
            return
        self.store.put("group", "closed", known)
        self.store.note(f"{self.device.mode} {known} closed")

    def send(self, job: JobRecord) -> None:
        """Send a job that is intended, unless an earlier attempt has made one.

        Raises
        ------
        DeviceError
            If no job of it exists; the same call may be made again.
        InputError
            If the run is a copy, or nobody can tell whether the job exists.
        """
        if self.store.imported is not None:
            raise InputError(f"{self.store.folder}: is a copy, from which nothing is sent; `qep collect` the original")
        if job.state == "sending" and self._adopted(job):
            return
        pubs = run_pubs(self.store, job.pubs)
        self.progress(f"sending {job.purpose} to {self.device.name}", None)
        self.store.move(job.tag, "sending", text="about to send")
        reached(f"submit {job.purpose}: before sending")
        try:
            job_id = self.device.submit(pubs, shots=job.shots, tag=job.tag)
        except RefusedJobError as error:
            self.store.move(job.tag, "intended", text=str(error))
            raise RefusedJobError(f"{error}; `{self.again}` tries again") from None
        except DeviceError as error:
            self.store.note(f"sending failed: {error}", tag=job.tag)
            reached(f"submit {job.purpose}: reply lost")
            if self._adopted(job, str(error)):
                return
            raise DeviceError(f"{error}; no job of it exists. Nothing is lost: `{self.again}` tries again") from None
        reached(f"submit {job.purpose}: sent, id not written")
        self.store.move(job.tag, "submitted", job_id=job_id, text=f"job {job_id}")
        reached(f"submit {job.purpose}: id written")

    def _adopted(self, job: JobRecord, error: str = "the process ended") -> bool:
        """Look for jobs that an attempt to send has left behind; take the earliest."""
        if not getattr(self.device, "finds", True):
            why = f"{self.device.name} cannot be asked whether it was sent before this happened: {error}"
            self.store.move(job.tag, "lost", text=why, reason=why)
            raise InputError(
                f"job {job.tag}: {why}; look at the provider's list of jobs, and `{self.once_more}` "
                "(resubmit=True) sends it again"
            )
        patience = float(os.environ.get(LOOKUP_VARIABLE, LOOKUP_SECONDS))
        self.progress(f"looking for {job.tag} on {self.device.name}", None)
        end = time.monotonic() + patience
        while not (found := self.device.find(job.tag)):
            if time.monotonic() >= end:
                self.store.note(f"no job with this tag after {patience:g} s", tag=job.tag)
                return False
            time.sleep(min(2.0, max(patience / 10, 0.05)))
        self.store.move(job.tag, "submitted", job_id=found[0].id, text=f"adopted job {found[0].id}, found by its tag")
        reached(f"submit {job.purpose}: adopted")
        self._drop_duplicates(self.store.job(job.tag), found)
        return True

    def _drop_duplicates(self, job: JobRecord, found: list[RemoteJob]) -> None:
        known = self.store.get("duplicates", job.tag) or []
        for other in found:
            if other.id == job.job_id or other.id in known:
                continue
            text = f"job {other.id} is a duplicate of {job.job_id}"
            if other.state in UNDER_WAY:
                try:
                    self.device.cancel(other.id)
                    text += " and was cancelled"
                except DeviceError as error:
                    text += f"; it could not be cancelled: {error}"
            known = [*known, other.id]
            self.store.put("duplicates", job.tag, known)
            self.store.note(text, tag=job.tag)

    def result(self, job: JobRecord) -> list[BitArray] | None:
        """Return the shots of every pub of a job, fetched and kept if they are there now; None while they are not.

        Raises
        ------
        InputError
            If the job ended badly and has to be sent again first.
        """
        kept = self.store.result(job.tag)
        if kept is not None:
            return kept
        if job.state in ENDED_BADLY:
            why = job.detail.get("reason") or job.state
            raise InputError(f"job {job.job_id} ({job.purpose}) {job.state}: {why}; `{self.once_more}` sends it again")
        assert job.job_id is not None
        self.progress(f"asking {self.device.name} for {job.purpose}", None)
        state, reason = self.device.status(job.job_id)
        reached(f"collect {job.purpose}: status read")
        self._drop_duplicates(job, self.device.find(job.tag))
        if state != job.state:
            self.store.move(job.tag, state, text=reason, reason=reason)
            reached(f"collect {job.purpose}: status written")
        if state in ENDED_BADLY:
            return self.result(self.store.job(job.tag))
        if state != "done":
            return None
        self.store.reserve(sum(len(pub.values) * job.shots * ((len(pub.axes) + 7) // 8) + 4096 for pub in job.pubs))
        reached(f"collect {job.purpose}: before the result")
        try:
            bits = self._read(job)
        except FailedCircuitError as error:
            self.store.move(job.tag, "failed", text=str(error), reason=str(error))
            return self.result(self.store.job(job.tag))
        except UnreadableResultError as error:
            self.store.note(str(error), tag=job.tag)
            raise UnreadableResultError(f"{error}; nothing of it is kept, `{self.again}` reads it again") from None
        reached(f"collect {job.purpose}: result read")
        self.store.keep_result(job.tag, bits)
        reached(f"collect {job.purpose}: result written")
        seconds = self.device.seconds(job.job_id)
        self.store.put("seconds", job.tag, seconds)
        return bits

    def _read(self, job: JobRecord) -> list[BitArray]:
        """Fetch a job's result and check it against what was asked, before anything of it is kept."""
        asked = [
            Asked.of(pub.circuit, len(pub.values), circuit_name(job.tag, number))
            for number, pub in enumerate(run_pubs(self.store, job.pubs))
        ]
        answer = self.device.result(str(job.job_id))
        return read_result(answer, asked, shots=job.shots, source=self.device.name)

    def resubmit(self) -> list[str]:
        """Let jobs that ended badly be sent again, under new tags. Return the old tags."""
        dropped = []
        for job in self.store.jobs():
            if job.state in ENDED_BADLY and self.store.result(job.tag) is None:
                attempt = int(job.detail.get("attempt", 1)) + 1
                base = job.tag.rsplit("+", 1)[0] if "+" in job.tag else job.tag
                kept = {key: value for key, value in job.detail.items() if key != "reason"}
                self.store.replace(job.tag, f"{base}+{attempt}", **{**kept, "attempt": attempt})
                dropped.append(job.tag)
        return dropped

    def cancel(self) -> list[str]:
        """Cancel every job that has not ended. Return their ids."""
        cancelled = []
        for job in self.store.jobs():
            if job.state not in OPEN or self.store.result(job.tag) is not None:
                continue
            if job.job_id is not None:
                self.device.cancel(job.job_id)
                cancelled.append(job.job_id)
            elif job.state == "sending":
                for other in self.device.find(job.tag):
                    self.device.cancel(other.id)
                    cancelled.append(other.id)
            self.store.move(job.tag, "cancelled", text="cancelled by the user", reason="cancelled by the user")
            reached(f"cancel {job.purpose}: written")
        self.close_group()
        return cancelled
