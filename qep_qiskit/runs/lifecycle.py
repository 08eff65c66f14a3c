"""Submit, watch, collect and cancel a run, one step at a time, so that it can stop and go on anywhere.

Every step first writes down what it is about to do; jobs go through the :class:`~qep_qiskit.runs.jobs.courier.Courier`, which
knows them by their tags, so nothing is paid twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qep_qiskit.devices.remote import DeviceError, RemoteDevice
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import Spec
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.runs.drift import AFTER, BEFORE, drift_warnings
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.jobs.rounds import intend_round, outcomes_of
from qep_qiskit.runs.plan_documents import from_document, to_document
from qep_qiskit.runs.prices import estimate
from qep_qiskit.runs.stored_results import measured
from qep_qiskit.runs.turning_points import reached


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

    @property
    def courier(self) -> Courier:
        """What sends the jobs and fetches their results."""
        return Courier(self.store, self.device, self.progress)

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
        self.courier.close_group()
        return gradient

    def _round(
        self, earlier: Plan | None, *, observed: Callable[[], Any] | None = None, outcomes: Any = None
    ) -> tuple[Plan, Any] | None:
        number = 0 if earlier is None else 1
        if not self.store.jobs(number):
            self.courier.refuse_copy()
            self._refuse_other_circuits()
        current = self._plan(number, earlier, observed)
        if not self.store.jobs(number):
            start = None if outcomes is None else outcomes.start
            reached(f"round {number}: before compiling")
            self.progress(f"compiling for {self.device.name}", None)
            intend_round(self.store, current, self.device, start=start, run_id=self.store.description["id"])
            reached(f"round {number}: intents written")
        errors = self._sent(number, current)
        results = {}
        jobs = self.store.jobs(number)
        for job in jobs:
            if job.state in ("intended", "sending") or job.tag in errors:
                continue
            try:
                bits = self.courier.result(job)
            except (InputError, DeviceError) as error:
                errors[job.tag] = error
                continue
            if bits is not None:
                results[job.tag] = bits
        if errors:
            raise together(list(errors.values()))
        if len(results) < len(jobs):
            return None
        self._note_calibration(number)
        about = {**self.device.describe(), **(self.store.get("calibration", str(number)) or {})}
        return current, outcomes_of(self.store, current, results, about)

    def _refuse_other_circuits(self) -> None:
        """Refuse to make circuits by another preparation than the run began with: other options, or an edited ansatz file."""
        preparer = self.spec.preparer()
        now, before = fingerprint(preparer), self.store.get("identity", "preparer")
        if before is None and not self.store.jobs():
            self.store.put("identity", "preparer", now)
        elif before is not None and before != now:
            what = f"the ansatz {preparer.describe().get('ansatz')}" if "ansatz" in preparer.describe() else "the preparation"
            raise InputError(
                f"preparation: {what} changed since this run began, so its next round would not fit the first; "
                "put it back as it was, or begin another run"
            )

    def _sent(self, number: int, current: Plan) -> dict[str, InputError | DeviceError]:
        """Send what is to be sent of a round, once it is known that the service has none of it; return what went wrong, by tag.

        Nothing more of the round is paid for once a job of it cannot be sent; what is under way is fetched all the same.
        """
        waiting = [job for job in self.store.jobs(number) if job.state in ("intended", "sending")]
        errors: dict[str, InputError | DeviceError] = {}
        left = []
        for job in waiting:
            try:
                if not self.courier.adopted(job):
                    left.append(job)
            except (InputError, DeviceError) as error:
                errors[job.tag] = error
        if not left or errors:
            return errors
        self.courier.refuse_copy()
        if not self.store.get("confirmed", str(number)):
            self.store.put("estimate", str(number), estimate(self.store, self.store.jobs(number), self.device))
            self.store.put("asked", str(number), estimate(self.store, left, self.device))
            self.confirm(current, self.store)
            self.store.put("confirmed", str(number), True)
        self.courier.open_group()
        for job in left:
            try:
                self.courier.send(job, looked=True)
            except (InputError, DeviceError) as error:
                return {job.tag: error}
        return {}

    def _note_calibration(self, number: int) -> None:
        """Keep the calibration that the device has once the results of a round are there."""
        before = self.store.get(BEFORE, str(number)) or {}
        if self.store.get(AFTER, str(number)) is None and before.get("readout"):
            self.store.put(AFTER, str(number), self.device.calibration([int(q) for q in before["readout"]]))

    def _plan(self, number: int, earlier: Plan | None, observed: Callable[[], Any] | None) -> Plan:
        if self._problem is None:
            self._problem = self.spec.problem()
        problem, settings = self._problem, replace(self.spec.settings(), device=self.device)
        document = self.store.get("plan", str(number))
        if document is not None:
            return from_document(document, problem, settings, earlier=earlier)
        if earlier is None:
            made = plan(problem, settings, progress=self.progress)
            if made.shots is None:
                raise InputError("measurement.shots: missing; a device measures, so give the shots of each circuit")
        else:
            assert observed is not None
            made = advance(earlier, observed(), progress=self.progress)
        self.store.put("plan", str(number), to_document(made))
        reached(f"round {number}: plan written")
        return made

    def resubmit(self) -> list[str]:
        """Let jobs that ended badly be sent again, under new tags, after the price of them is confirmed. Return the old tags."""
        jobs = self.courier.ended_badly()
        for number in {job.round for job in jobs}:
            self.store.put("confirmed", str(number), False)
        return self.courier.replace(jobs)

    def cancel(self) -> list[str]:
        """Cancel every job that has not ended. Return their ids."""
        return self.courier.cancel()

    def _recorded(self, gradient: Gradient, done: Plan) -> Gradient:
        more: Mapping[str, object] = {
            "versions": versions(),
            "run": self.store.description["id"],
            "jobs": {job.tag: job.job_id for job in self.store.jobs()},
            "qpu_seconds": dict(self.store.all("seconds")),
        }
        drift = drift_warnings(self.store)
        diagnostics = gradient.diagnostics.with_warnings(drift)
        gradient = replace(gradient, provenance={**gradient.provenance, **more}, diagnostics=diagnostics)
        known = [entry for entry in self.store.gradients() if entry.get("mitigation") == str(done.mitigation)]
        if not known:
            self.store.add_gradient({"mitigation": str(done.mitigation), **gradient.to_dict()})
        return gradient


def together(errors: Sequence[InputError | DeviceError]) -> InputError | DeviceError:
    """Return one error that says what went wrong with each of several jobs."""
    if len(errors) == 1:
        return errors[0]
    kind = InputError if any(isinstance(error, InputError) for error in errors) else DeviceError
    return kind(". ".join(str(error).rstrip(".") for error in errors))


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
