"""Submit, watch, collect and cancel a run, one step at a time, so that it can stop and go on anywhere.

Every step first writes down what it is about to do. A job is known by its tag: what may have been sent is looked up under it
before it is sent again, so nothing is paid twice (the client itself may make two jobs of one; the second is reported and
cancelled).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qep_qiskit.devices.remote import DeviceError, GroupingDevice, RemoteDevice, RemoteJob
from qep_qiskit.equilibrium.planned import Plan, advance, plan
from qep_qiskit.equilibrium.reduced import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import InputError
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.runs.costs import estimate
from qep_qiskit.runs.drift import AFTER, BEFORE, drift_warnings
from qep_qiskit.runs.plans import from_document, to_document
from qep_qiskit.runs.points import reached
from qep_qiskit.runs.records import JobRecord
from qep_qiskit.runs.rounds import intend_round, outcomes_of, run_pubs
from qep_qiskit.runs.store import RunStore
from qep_qiskit.runs.stored import measured
from qep_qiskit.spec import Spec

LOOKUP_SECONDS = 60.0
"""How long a job that may have been made is looked for before it is sent again: listings lag."""
LOOKUP_VARIABLE = "QEP_LOOKUP_SECONDS"
OPEN = ("intended", "sending", "submitted", "queued", "running")
ENDED_BADLY = ("failed", "cancelled", "lost")


class CancelledRunError(InputError):
    """The run was cancelled."""


@dataclass
class Lifecycle:
    """A run on a device, open for writing.

    Attributes
    ----------
    store : RunStore
    spec : Spec
    device : RemoteDevice
    confirm : callable
        Called with the plan of a round before anything of it is sent; what it raises stops the run.
    progress : callable
    """

    store: RunStore
    spec: Spec
    device: RemoteDevice
    confirm: Callable[[Plan, RunStore], None] = lambda plan, store: None
    progress: Progress = silent
    _problem: Any = field(default=None, repr=False)

    def advance(self) -> Gradient | None:
        """Do all that can be done now. Return the gradient, or None while jobs are under way.

        Raises
        ------
        DeviceError
            If the device or its service fails; the same call may be made again.
        InputError
            If a job ended badly and has to be sent again first.
        """
        first = self._round(None)
        if first is None:
            return None
        done, outcomes = first
        if not done.complete:
            later = self._round(done, observed=lambda: observed_free(done, outcomes), outcomes=outcomes)
            if later is None:
                return None
            done, more = later
            outcomes = outcomes.followed_by(more)
        reached("collect: before the gradient")
        gradient = reduce(done, outcomes)
        gradient = self._recorded(gradient, done)
        reached("collect: gradient written")
        self._close_group()
        return gradient

    def _round(
        self, earlier: Plan | None, *, observed: Callable[[], Any] | None = None, outcomes: Any = None
    ) -> tuple[Plan, Any] | None:
        number = 0 if earlier is None else 1
        if self.store.imported is not None and not self.store.jobs(number):
            raise InputError(
                f"{self._name}: is a copy, from which nothing is sent; `qep collect` the original, or submit its spec.toml again"
            )
        current = self._plan(number, earlier, observed)
        if not self.store.jobs(number):
            start = None if outcomes is None else outcomes.start
            reached(f"round {number}: before compiling")
            self.progress(f"compiling for {self.device.name}", None)
            intend_round(self.store, current, self.device, start=start, run_id=self.store.description["id"])
            reached(f"round {number}: intents written")
        jobs = self.store.jobs(number)
        if any(job.state in ("intended", "sending") for job in jobs):
            if not self.store.get("confirmed", str(number)):
                self.store.put("estimate", str(number), estimate(self.store, number, self.device))
                self.confirm(current, self.store)
                self.store.put("confirmed", str(number), True)
            self._open_group()
            for job in jobs:
                if job.state in ("intended", "sending"):
                    self._send(job)
        results = {}
        for job in self.store.jobs(number):
            bits = self._result(job)
            if bits is not None:
                results[job.tag] = bits
        if len(results) < len(jobs):
            return None
        self._note_calibration(number)
        about = {**self.device.describe(), **(self.store.get("calibration", str(number)) or {})}
        return current, outcomes_of(self.store, current, results, about)

    def _note_calibration(self, number: int) -> None:
        """Keep the calibration that the device has once the results of a round are there."""
        before = self.store.get(BEFORE, str(number)) or {}
        if self.store.get(AFTER, str(number)) is None and before.get("readout"):
            self.store.put(AFTER, str(number), self.device.calibration([int(q) for q in before["readout"]]))

    def _plan(self, number: int, earlier: Plan | None, observed: Callable[[], Any] | None) -> Plan:
        if self._problem is None:
            self._problem = self.spec.problem()
        problem, settings = self._problem, self.spec.settings()
        document = self.store.get("plan", str(number))
        if document is not None:
            return from_document(document, problem, settings["preparer"], settings["stencil"], earlier=earlier)
        if earlier is None:
            made = plan(
                problem,
                preparer=settings["preparer"],
                stencil=settings["stencil"],
                shots=settings["shots"],
                mitigation=settings["mitigation"],
                calibration_shots=settings["calibration_shots"],
                seed=self.spec.seed,
                progress=self.progress,
            )
            if made.shots is None:
                raise InputError("measurement.shots: missing; a device measures, so give the shots of each circuit")
        else:
            assert observed is not None
            made = advance(earlier, observed(), progress=self.progress)
        self.store.put("plan", str(number), to_document(made))
        reached(f"round {number}: plan written")
        return made

    def _open_group(self) -> None:
        """Open the batch or session that the spec asks for, or go on with the run's own while it takes jobs."""
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

    def _close_group(self) -> None:
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

    def _send(self, job: JobRecord) -> None:
        if self.store.imported is not None:
            raise InputError(f"{self._name}: is a copy, from which nothing is sent; `qep collect` the original")
        if job.state == "sending" and self._adopted(job):
            return
        pubs = run_pubs(self.store, job.pubs)
        self.progress(f"sending {job.purpose} to {self.device.name}", None)
        self.store.move(job.tag, "sending", text="about to send")
        reached(f"submit {job.purpose}: before sending")
        try:
            job_id = self.device.submit(pubs, shots=job.shots, tag=job.tag)
        except DeviceError as error:
            self.store.note(f"sending failed: {error}", tag=job.tag)
            reached(f"submit {job.purpose}: reply lost")
            if self._adopted(job, str(error)):
                return
            raise DeviceError(f"{error}; no job of it exists. Nothing is lost: `qep collect {self._name}` tries again") from None
        reached(f"submit {job.purpose}: sent, id not written")
        self.store.move(job.tag, "submitted", job_id=job_id, text=f"job {job_id}")
        reached(f"submit {job.purpose}: id written")

    def _adopted(self, job: JobRecord, error: str = "the process ended") -> bool:
        """Look for jobs that an attempt to send has left behind; take the earliest."""
        if not getattr(self.device, "finds", True):
            why = f"{self.device.name} cannot be asked whether it was sent before this happened: {error}"
            self.store.move(job.tag, "lost", text=why, reason=why)
            raise InputError(
                f"job {job.tag}: {why}; look at the provider's list of jobs, and `qep collect {self._name} --resubmit` "
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
            if other.state in ("submitted", "queued", "running"):
                try:
                    self.device.cancel(other.id)
                    text += " and was cancelled"
                except DeviceError as error:
                    text += f"; it could not be cancelled: {error}"
            known = [*known, other.id]
            self.store.put("duplicates", job.tag, known)
            self.store.note(text, tag=job.tag)

    def _result(self, job: JobRecord) -> Any:
        kept = self.store.result(job.tag)
        if kept is not None:
            return kept
        if job.state in ENDED_BADLY:
            why = job.detail.get("reason") or job.state
            raise InputError(
                f"job {job.job_id} ({job.purpose}) {job.state}: {why}; `qep collect {self._name} --resubmit` sends it again"
            )
        assert job.job_id is not None
        self.progress(f"asking {self.device.name} for {job.purpose}", None)
        state, reason = self.device.status(job.job_id)
        reached(f"collect {job.purpose}: status read")
        self._drop_duplicates(job, self.device.find(job.tag))
        if state != job.state:
            self.store.move(job.tag, state, text=reason, reason=reason)
            reached(f"collect {job.purpose}: status written")
        if state in ENDED_BADLY:
            return self._result(self.store.job(job.tag))
        if state != "done":
            return None
        self.store.reserve(sum(len(pub.values) * job.shots * ((len(pub.axes) + 7) // 8) + 4096 for pub in job.pubs))
        reached(f"collect {job.purpose}: before the result")
        bits = self.device.result(job.job_id)
        reached(f"collect {job.purpose}: result read")
        self.store.keep_result(job.tag, bits)
        reached(f"collect {job.purpose}: result written")
        seconds = self.device.seconds(job.job_id)
        self.store.put("seconds", job.tag, seconds)
        return bits

    def resubmit(self) -> list[str]:
        """Let jobs that ended badly be sent again, under new tags. Return the old tags."""
        dropped = []
        for job in self.store.jobs():
            if job.state in ENDED_BADLY and self.store.result(job.tag) is None:
                attempt = int(job.detail.get("attempt", 1)) + 1
                base = job.tag.rsplit("+", 1)[0] if "+" in job.tag else job.tag
                self.store.replace(job.tag, f"{base}+{attempt}", attempt=attempt)
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
        self._close_group()
        return cancelled

    def _recorded(self, gradient: Gradient, done: Plan) -> Gradient:
        more: Mapping[str, object] = {
            "versions": versions(),
            "run": self.store.description["id"],
            "jobs": {job.tag: job.job_id for job in self.store.jobs()},
            "qpu_seconds": dict(self.store.all("seconds")),
        }
        drift = drift_warnings(self.store)
        diagnostics = {**gradient.diagnostics, "warnings": [*gradient.diagnostics["warnings"], *drift]}  # type: ignore[misc]
        gradient = replace(gradient, provenance={**gradient.provenance, **more}, diagnostics=diagnostics)
        known = [entry for entry in self.store.gradients() if entry.get("mitigation") == done.mitigation]
        if not known:
            self.store.add_gradient({"mitigation": done.mitigation, **gradient.to_dict()})
        return gradient

    @property
    def _name(self) -> str:
        return str(self.store.folder)


def read_again(store: RunStore, spec: Spec, mitigation: str) -> Gradient:
    """Return the gradient that the stored counts give with another mitigation, and keep it. Nothing is sent."""
    gradient = reread(store, spec, mitigation)
    store.add_gradient({"mitigation": mitigation, **gradient.to_dict()})
    return gradient


def reread(store: RunStore, spec: Spec, mitigation: str) -> Gradient:
    """Return the gradient that the stored counts give with another mitigation. Nothing is sent and nothing is written.

    Raises
    ------
    InputError
        If counts are missing, or the method needs a calibration that was not measured.
    """
    return reduce(*measured(store, spec), mitigation=mitigation)
