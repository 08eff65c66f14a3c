"""Delivery of a run's jobs: send them by tag, find them again after a crash, and fetch each result once.

Every step is recorded before it is taken, and no job is sent before its tag was looked up at the service. So nothing is paid
twice, neither after a crash nor from a restored copy of the file. (The client itself may create two jobs from one request; the
duplicate is reported and cancelled.) A job with the tag belongs to the run only if it holds the run's circuits, values and
shots.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qiskit.primitives import BitArray

from qep_qiskit.devices.appraisal import backend_of, repetition_delay
from qep_qiskit.devices.backends.results import Request, circuit_name, read_result
from qep_qiskit.devices.price import price_of
from qep_qiskit.devices.remote import UNDER_WAY, GroupingDevice, RemoteDevice, RemoteJob
from qep_qiskit.errors import (
    DeviceError,
    FailedCircuitError,
    ForgottenJobError,
    InputError,
    RefusedJobError,
    UnreadableResultError,
)
from qep_qiskit.files import typed
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.records import ENDED_BADLY, FORGOTTEN, JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.bills import ask_bill, note_bill
from qep_qiskit.runs.jobs.ownership import Ownership, attempts, base_of, best_first, patience, usable
from qep_qiskit.runs.jobs.pubs import run_pubs
from qep_qiskit.runs.turning_points import reached

NOT_OURS = "at the service holds other circuits, values or shots than this run's; it was left alone"


@dataclass
class Courier:
    """The messenger that takes a run's jobs to its device and brings their results back.

    Attributes
    ----------
    store : RunStore
        Open for writing.
    again : str
        The command that resumes the run, for messages; ``qep collect`` of the run by default.
    once_more : str
        The command that resubmits a job that ended badly, for messages.
    """

    store: RunStore
    device: RemoteDevice
    progress: Progress = silent
    again: str = ""
    once_more: str = ""

    def __post_init__(self) -> None:
        self.again = self.again or f"qep collect {typed(self.store.folder)}"
        self.once_more = self.once_more or f"{self.again} --resubmit"

    @property
    def ownership(self) -> Ownership:
        """The rule that tells the run's jobs from other jobs at the service."""
        return Ownership(self.store, self.device, self.progress)

    @property
    def finds(self) -> bool:
        """Whether the device's jobs can be found by their tags."""
        return bool(getattr(self.device, "finds", True))

    def refuse_copy(self) -> None:
        """Refuse to send or cancel from a copy of a run."""
        if (why := self.store.a_copy) is not None:
            raise InputError(why)

    def price(self, jobs: Sequence[JobRecord]) -> dict[str, Any]:
        """Return the price of jobs as the run keeps it, with the device's delay between two shots if it has one."""
        circuits = [(self.store.circuit(pub.circuit), len(pub.values), job.shots) for job in jobs for pub in job.pubs]
        price, backend = price_of(len(jobs), circuits, self.device).document(), backend_of(self.device)
        return price if backend is None else {**price, "repetition_delay": repetition_delay(backend)[0]}

    def open_group(self) -> None:
        """Join the run's batch or session if it still takes jobs, else open a new one."""
        if not isinstance(self.device, GroupingDevice) or self.device.mode == "job" or self.store.a_copy:
            return
        group = self.store.get("group", "id")
        if group is not None and self.device.join_group(group):
            return
        reached("submit group: before opening")
        opened = self.device.open_group()
        reached("submit group: opened, id not written")
        self.store.put("group", "id", opened)
        self.store.note(f"{self.device.mode} {opened} opened")
        reached("submit group: id written")

    def close_group(self) -> None:
        """Close the run's batch or session; if that fails, the service closes it after a while."""
        group = self.store.get("group", "id")
        if group is None or self.store.get("group", "closed") == group or not isinstance(self.device, GroupingDevice):
            return
        if self.store.a_copy:
            return
        try:
            self.device.close_group(group)
        except DeviceError as error:
            self.store.note(f"{self.device.mode} {group} could not be closed and closes by itself: {error}")
            return
        self.store.put("group", "closed", group)
        self.store.note(f"{self.device.mode} {group} closed")

    def send(self, job: JobRecord, *, looked: bool = False) -> None:
        """Send a recorded job, unless the service already has it.

        Parameters
        ----------
        looked : bool
            Whether :meth:`adopted` already looked for the job since the run was opened, and did not find it.

        Raises
        ------
        DeviceError
            If no job was created; the same call may be repeated.
        InputError
            If the run is a copy, if it is unknown whether the job exists, or if another job has its tag.
        """
        if not looked and self.adopted(job):
            return
        self.refuse_copy()
        pubs = run_pubs(self.store, job.pubs)
        self.progress(f"sending {job.purpose} to {self.device.name}", None)
        none = "; no job with this tag is at the service" if self.finds else ""
        self.store.move(job.tag, "sending", text=f"about to send{none}")
        reached(f"submit {job.purpose}: before sending")
        try:
            job_id = self.device.submit(pubs, shots=job.shots, tag=job.tag)
        except RefusedJobError as error:
            self.store.move(job.tag, "intended", text=str(error))
            raise RefusedJobError(f"{error}; `{self.again}` tries again") from None
        except DeviceError as error:
            self.store.note(f"sending failed: {error}", tag=job.tag)
            reached(f"submit {job.purpose}: reply lost")
            try:
                if self._taken(job, time.monotonic(), str(error)):
                    return
            except DeviceError as silent_too:
                raise DeviceError(
                    f"{error}; the service could not be asked whether it has the job: {silent_too}. Nothing is lost: "
                    f"`{self.again}` resumes it"
                ) from None
            raise DeviceError(f"{error}; no job of it exists. Nothing is lost: `{self.again}` tries again") from None
        reached(f"submit {job.purpose}: sent, id not written")
        self.store.move(job.tag, "submitted", job_id=job_id, text=f"job {job_id}")
        reached(f"submit {job.purpose}: id written")

    def adopted(self, job: JobRecord) -> bool:
        """Return whether the service already has a job of this record; if so, record that job's id.

        One query is enough unless the job may have been sent before: by a process that died, before the file was restored, or in
        an earlier attempt without a reply. Then the query is repeated until the job would appear in the service's delayed
        listings.
        """
        if not self.finds:
            unknown = f"{self.device.name} cannot be asked whether it was sent before"
            if job.state == "sending":
                self._lost(job, f"{unknown} the process ended")
            if self.store.standing.restored:
                self._lost(job, f"the run was restored from a copy, and {unknown}")
            return False
        unheard = any(self.store.job(tag).job_id is None for tag in attempts(job.tag)[1:])  # may have been created all the same
        doubt = job.state == "sending" or self.store.standing.uncertain or unheard
        try:
            return self._taken(job, self.store.standing.opened if doubt else None)
        except DeviceError as error:
            detail = str(error).removeprefix("device: ")
            raise DeviceError(
                f"device: the job could not be sent, because it must be looked up first: {detail}. Nothing is lost: "
                f"`{self.again}` tries again"
            ) from None

    def _taken(self, job: JobRecord, since: float | None, error: str = "") -> bool:
        """Look for a job at the service; if several belong to the run, adopt the best one."""
        if not self.finds:
            self._lost(job, f"{self.device.name} cannot be asked whether it was sent before this happened: {error}")
        own, foreign = self.ownership.sought(job, since=since)
        if not own:
            if foreign:
                why = f"job {foreign[0].id} at the service has its tag and other circuits, values or shots; it was left alone"
                self._lost(job, why, f". `{self.once_more}` sends this run's own under another tag")
            if since is not None:
                self.store.note(f"no job with this tag after {patience():g} s", tag=job.tag)
            return False
        best = own[0]
        self.store.move(job.tag, "submitted", job_id=best.id, text=f"adopted job {best.id}, found by its tag")
        reached(f"submit {job.purpose}: adopted")
        self._drop_duplicates(self.store.job(job.tag), own)
        return True

    def _lost(self, job: JobRecord, why: str, remedy: str = "") -> None:
        """Mark a job as lost and raise InputError: only the user can find out whether it exists."""
        self.store.move(job.tag, "lost", text=why, reason=why)
        look = f"; look at the provider's list of jobs, and `{self.once_more}` (resubmit=True) sends it again"
        raise InputError(f"job {job.tag}: {why}{remedy or look}")

    def _drop_duplicates(self, job: JobRecord, jobs: list[RemoteJob]) -> None:
        """Report and cancel the duplicates of a job, each once."""
        if self.store.a_copy:
            return
        duplicates = self.store.get("duplicates", job.tag) or []
        for other in jobs:
            if other.id == job.job_id or other.id in duplicates:
                continue
            text = f"job {other.id} is a duplicate of {job.job_id}"
            if other.state in UNDER_WAY:
                try:
                    self.device.cancel(other.id)
                    text += " and was cancelled"
                except DeviceError as error:
                    text += f"; it could not be cancelled: {error}"
            else:
                note_bill(self.store, self.device, job, other.id)
            duplicates = [*duplicates, other.id]
            self.store.put("duplicates", job.tag, duplicates)
            self.store.note(text, tag=job.tag)

    def result(self, job: JobRecord) -> list[BitArray] | None:
        """Return the shots of every pub of a job, fetching and storing them if they are ready; None if they are not.

        Raises
        ------
        InputError
            If the job ended badly and must be resubmitted first.
        """
        bits = self.store.result(job.tag)
        if bits is not None:
            ask_bill(self.store, self.device, job)  # it may not have been reported before
            return bits
        if job.state in ENDED_BADLY and job.state != FORGOTTEN:
            raise self._ended(job)
        assert job.job_id is not None
        self.progress(f"asking {self.device.name} for {job.purpose}", None)
        state, reason = self.asked(job.job_id)
        reached(f"collect {job.purpose}: status read")
        job, state, reason = self._own(job, state, reason)
        if state != job.state or reason != job.detail.get("reason", ""):
            self.store.move(job.tag, state, text=reason, reason=reason)
            reached(f"collect {job.purpose}: status written")
        if state in ENDED_BADLY:
            ask_bill(self.store, self.device, self.store.job(job.tag))
            raise self._ended(self.store.job(job.tag))
        if state != "done":
            return None
        self.store.reserve(sum(len(pub.values) * job.shots * ((len(pub.axes) + 7) // 8) + 4096 for pub in job.pubs))
        reached(f"collect {job.purpose}: before the result")
        assert job.job_id is not None
        try:
            bits = self._read(job)
        except (ForgottenJobError, FailedCircuitError) as error:
            why = str(error).removeprefix("device: ")
            self.store.move(job.tag, FORGOTTEN if isinstance(error, ForgottenJobError) else "failed", text=why, reason=why)
            raise self._ended(self.store.job(job.tag)) from None
        except UnreadableResultError as error:
            self.store.note(str(error), tag=job.tag)
            ask_bill(self.store, self.device, self.store.job(job.tag))
            again = f"`{self.again}` reads it again, `{self.once_more}` sends the job again if it still cannot be used"
            raise UnreadableResultError(f"{error}; nothing of it is kept, {again}") from None
        reached(f"collect {job.purpose}: result read")
        self.store.keep_result(job.tag, bits)
        reached(f"collect {job.purpose}: result written")
        ask_bill(self.store, self.device, self.store.job(job.tag))
        return bits

    def _read(self, job: JobRecord) -> list[BitArray]:
        """Fetch a job's result and check it against the request, before any of it is stored."""
        requests = [
            Request.of(pub.circuit, len(pub.values), circuit_name(job.tag, number))
            for number, pub in enumerate(run_pubs(self.store, job.pubs))
        ]
        answer = self.device.result(str(job.job_id))
        return read_result(answer, requests, shots=job.shots, source=self.device.name)

    def asked(self, job_id: str) -> tuple[str, str]:
        """Return the state of a job as the service reports it, with a reason or the service's word for the state."""
        try:
            return self.device.status(job_id)
        except ForgottenJobError as error:
            return FORGOTTEN, str(error).rpartition(f"{FORGOTTEN}: ")[2].removeprefix("device: ")

    def _own(self, job: JobRecord, state: str, reason: str) -> tuple[JobRecord, str, str]:
        """Return a job, its state and the reason, after a search for other jobs with its tag.

        If several jobs at the service match, one is kept, by a rule that is the same in every copy of the run. A job that the
        run does not know yet may be nearer to its end, or may replace one that ended badly.
        """
        candidates = self.candidates(job, state)
        if candidates is None:
            return job, "lost", f"job {job.job_id} {NOT_OURS}"
        better = [other for other in best_first(candidates) if usable(other)]
        if better and better[0].id != job.job_id:
            best = better[0].id
            self.store.move(job.tag, job.state, job_id=best, text=f"job {best} is kept in the place of {job.job_id}")
            job = self.store.job(job.tag)
            state, reason = self.asked(best)
        self._drop_duplicates(job, [other for other in candidates if other.state != FORGOTTEN])
        return job, state, reason

    def candidates(self, job: JobRecord, state: str, others: list[RemoteJob] | None = None) -> list[RemoteJob] | None:
        """Return the jobs at the service that belong to a record with an id: the one with this id, in this state, and the others.

        They are looked up unless `others` are given. The result is None if the job with the recorded id holds other circuits,
        values or shots than the run's.
        """
        assert job.job_id is not None
        if others is None:
            others = self.ownership.listed(job)[0] if self.finds else []
        listed = {other.id: other for other in others}
        if self.finds and job.job_id not in listed and state != FORGOTTEN:
            fit = (self.ownership.fits(job, job.job_id, tag=tag) for tag in attempts(job.tag))
            if all(answer is False for answer in fit):
                return None
        created = listed[job.job_id].created if job.job_id in listed else job.created
        return [RemoteJob(job.job_id, state, created)] + [other for other in others if other.id != job.job_id]

    def _ended(self, job: JobRecord) -> InputError:
        why = job.detail.get("reason") or job.state
        which = f"job {job.job_id or job.tag} ({job.purpose})"
        return InputError(
            f"{which} {'is ' if job.state == FORGOTTEN else ''}{job.state}: {why}; `{self.once_more}` sends it again"
        )

    def ended_badly(self) -> list[JobRecord]:
        """Return the jobs that ended badly and must be resubmitted.

        The service is first asked about the jobs recorded as under way, since it may have forgotten some. A job counts as
        forgotten only if it is still not found by its tag once the service's delayed listings must show it. A job that is done
        counts as failed if its result still cannot be used.
        """
        self.refuse_copy()
        ended = []
        for job in self.store.jobs():
            if self.store.result(job.tag) is not None:
                continue
            if job.job_id is not None and (job.state in UNDER_WAY or job.state == FORGOTTEN):
                job = self._remembered(job)
            if job.state == "done":
                job = self._readable(job)
            if job.state in ENDED_BADLY:
                ended.append(job)
        return ended

    def replace(self, jobs: list[JobRecord]) -> list[str]:
        """Record the same jobs again under new tags, to be sent in place of the old ones. Return the old tags."""
        self.refuse_copy()
        for job in jobs:
            base, attempt = base_of(job.tag)
            detail = {key: value for key, value in job.detail.items() if key not in ("reason", "attempt", "ended")}
            self.store.replace(job.tag, f"{base}+{attempt + 1}", **detail, attempt=attempt + 1)
        if jobs and not self.finds:  # the user has decided about jobs that the file may not record
            self.store.standing.restored = self.store.standing.uncertain = False
        return [job.tag for job in jobs]

    def _readable(self, job: JobRecord) -> JobRecord:
        """Return the record of a job that is done, after its result was read once more."""
        try:
            self.result(job)
        except UnreadableResultError as error:
            self.store.move(job.tag, "failed", text=str(error), reason=str(error).partition(";")[0].removeprefix("device: "))
        except (InputError, DeviceError):  # recorded if the job ended badly, else met again when it is collected
            pass
        return self.store.job(job.tag)

    def _remembered(self, job: JobRecord) -> JobRecord:
        """Return the record of a job, updated if the service has forgotten it or knows it again."""
        assert job.job_id is not None
        state, reason = self.asked(job.job_id)
        if state != FORGOTTEN:
            if job.state == FORGOTTEN:
                self.store.move(job.tag, state, text="the service knows the job again", reason=reason)
            return self.store.job(job.tag)
        jobs = self.ownership.sought(job, since=time.monotonic())[0] if self.finds else []
        others = [other for other in jobs if other.id != job.job_id]
        if others:
            self.store.move(job.tag, "submitted", job_id=others[0].id, text=f"adopted job {others[0].id}, found by its tag")
        elif job.state != FORGOTTEN:
            self.store.move(job.tag, FORGOTTEN, text=reason, reason=reason)
        return self.store.job(job.tag)
