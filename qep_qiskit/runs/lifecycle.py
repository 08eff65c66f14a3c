"""The life of a run: its steps can stop after any one of them and resume later.

Every step is recorded before it is taken. Jobs are sent by the :class:`~qep_qiskit.runs.jobs.courier.Courier`, which finds them
by their tags, so nothing is paid twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from qep_qiskit.devices.price import Price
from qep_qiskit.devices.remote import RemoteDevice, cautions_of
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.all_rounds import price_of_rounds, rounds_of
from qep_qiskit.equilibrium.execution import compile_after
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import Spec
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.measurement.mitigation.mitigation import parse, readable
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.runs.drift import AFTER, BEFORE, change_before_sending, drift_warnings
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.jobs.delivery import fetch_all, send_all
from qep_qiskit.runs.jobs.pubs import run_pubs
from qep_qiskit.runs.jobs.rounds import outcomes_of, write_down
from qep_qiskit.runs.plan_documents import from_document, to_document
from qep_qiskit.runs.stored_results import measured
from qep_qiskit.runs.turning_points import reached
from qep_qiskit.settings import Settings

CONFIRMED = "confirmed"
"""The kind of the documents that record confirmed prices, keyed by the round's number or ``"all"``."""


@dataclass
class Lifecycle:
    """A run on a device, open for writing.

    Attributes
    ----------
    confirm : callable
        Called with the plan of a round before any of it is sent; an exception stops the run.
    """

    store: RunStore
    spec: Spec
    device: RemoteDevice
    confirm: Callable[[Plan, RunStore], None] = lambda plan, store: None
    progress: Progress = silent
    _compiled: set[int] = field(default_factory=set)  # the rounds that this process compiled

    @property
    def courier(self) -> Courier:
        """The messenger that sends the jobs and fetches their results."""
        return Courier(self.store, self.device, self.progress)

    def advance(self) -> Gradient | None:
        """Do all that is possible now. Return the gradient, or None while jobs are under way.

        Raises
        ------
        DeviceError
            If the device or its service fails; the same call may be repeated.
        InputError
            If a job ended badly and must be resubmitted first.
        """
        first = self._written(self.first)
        outcomes = self._outcomes(first)
        if outcomes is None:
            return None
        last = first
        if not first.complete:
            observed = outcomes
            last = self._written(lambda: self._second(first, observed), outcomes)
            later = self._outcomes(last)
            if later is None:
                return None
            outcomes = outcomes.followed_by(later)
        reached("collect: before the gradient")
        gradient = self._recorded(reduce(last, outcomes), last)
        reached("collect: gradient written")
        self.courier.close_group()
        return gradient

    def price(self) -> Price | None:
        """Record the first round and return the price of all rounds, or None if it was confirmed before."""
        if self.store.get(CONFIRMED, "all") or self.store.gradients():
            return None
        self.courier.refuse_copy()
        first = self._written(self.first)
        self.progress("working out the price", None)
        return price_of_rounds(rounds_of(first, self.progress), self.device)

    def confirm_all(self) -> None:
        """Record that the price of all rounds was confirmed."""
        self.store.put(CONFIRMED, "all", True)

    def _written(self, planned: Callable[[], Plan], earlier: Outcomes | None = None) -> Plan:
        """Record the plan of a round and its jobs if they are not yet recorded, and return the plan."""
        number = 0 if earlier is None else 1
        if self.store.jobs(number):
            return planned()
        self.courier.refuse_copy()
        self._refuse_other_circuits()
        current = planned()
        reached(f"round {number}: before compiling")
        self.progress(f"compiling for {self.device.name}", None)
        write_down(self.store, compile_after([current], self.device, None if earlier is None else [earlier]), self.device)
        self._compiled.add(number)
        reached(f"round {number}: intents written")
        return current

    def _outcomes(self, current: Plan) -> Outcomes | None:
        """Send and fetch the jobs of a round, and return its outcomes; None while some jobs are unfinished."""
        number = current.round
        jobs = self.store.jobs(number)
        failures = send_all(self.courier, jobs, lambda unsent: self._ask(current, jobs, unsent))
        results = fetch_all(self.courier, jobs, failures)
        if results is None:
            return None
        self._note_calibration(number)
        described = {**self.device.describe(), **(self.store.get(BEFORE, str(number)) or {})}
        return outcomes_of(self.store, number, results, described)

    def _ask(self, current: Plan, jobs: list[JobRecord], unsent: list[JobRecord]) -> None:
        """Record the price of a round and have it confirmed, unless it was confirmed before."""
        number = str(current.round)
        confirmed = self.store.get(CONFIRMED, number)
        if confirmed:
            return
        self.store.put("estimate", number, self.courier.price(jobs))
        self.store.put("asked", number, {**self.courier.price(unsent), "cautions": self._cautions(current.round, unsent)})
        if confirmed is False or not self.store.get(CONFIRMED, "all"):
            self.confirm(current, self.store)
        self.store.put(CONFIRMED, number, True)

    def _cautions(self, number: int, unsent: list[JobRecord]) -> list[str]:
        """Return the warnings to show before payment, one line each; refuse circuits that the device can no longer run."""
        cautions = cautions_of(self.device)
        if number not in self._compiled:
            self.device.check(run_pubs(self.store, [pub for job in unsent for pub in job.pubs]))
            cautions.append(change_before_sending(self.store, number, self.device))
        return [line for line in cautions if line]

    @cached_property
    def _settings(self) -> Settings:
        return replace(self.spec.settings(), device=self.device)

    def first(self) -> Plan:
        """Return the plan of the first round, which is recorded."""

        def planned() -> Plan:
            if self._settings.open:
                raise InputError(
                    "stencil.beta, measurement.split: this run was begun before its β and its shots were chosen, and nothing was "
                    "sent; submit the spec again"
                )
            first = plan(self._problem, self._settings, progress=self.progress)
            if first.shots is None:
                raise InputError("measurement.shots: missing; a device measures, so give the shots of each circuit")
            return first

        return self._planned(0, planned)

    def _second(self, first: Plan, outcomes: Outcomes) -> Plan:
        return self._planned(1, lambda: advance(first, observed_free(first, outcomes), progress=self.progress), first)

    def _planned(self, number: int, planned: Callable[[], Plan], earlier: Plan | None = None) -> Plan:
        """Return the recorded plan of a round; if there is none, make and record it."""
        document = self.store.get("plan", str(number))
        if document is not None:
            return from_document(document, self._problem, self._settings, earlier=earlier)
        current = planned()
        self.store.put("plan", str(number), to_document(current))
        reached(f"round {number}: plan written")
        return current

    @cached_property
    def _problem(self) -> Problem:
        return self.spec.problem()

    def _refuse_other_circuits(self) -> None:
        """Refuse to continue if the preparation changed since the run began: its options, a file, or a version's circuits."""
        preparer = self.spec.preparer()
        now, before = fingerprint(preparer), self.store.get("identity", "preparer")
        if before is None and not self.store.jobs():
            self.store.put("identity", "preparer", now)
        elif before is not None and before != now:
            what = f"the ansatz {preparer.describe().get('ansatz')}" if "ansatz" in preparer.describe() else "the preparation"
            raise InputError(
                f"preparation: {what} changed since this run began, so its next round would not fit the first; "
                "restore it (for a run of an earlier version, install that version), or begin another run"
            )

    def _note_calibration(self, number: int) -> None:
        """Record the device's calibration once the results of a round are there."""
        before = self.store.get(BEFORE, str(number)) or {}
        if self.store.get(AFTER, str(number)) is None and before.get("readout"):
            self.store.put(AFTER, str(number), plain(self.device.calibration([int(q) for q in before["readout"]])))

    def resubmit(self) -> list[str]:
        """Record all jobs that ended badly under new tags, to be sent once the price is confirmed. Return the old tags."""
        jobs = self.courier.ended_badly()
        for number in {job.round for job in jobs}:
            self.store.put(CONFIRMED, str(number), False)
        return self.courier.replace(jobs)

    def _recorded(self, gradient: Gradient, last: Plan) -> Gradient:
        record: Mapping[str, object] = {
            "versions": versions(),
            "run": self.store.description["id"],
            "jobs": {job.tag: job.job_id for job in self.store.jobs()},
            "qpu_seconds": dict(self.store.all("seconds")),
        }
        drift = drift_warnings(self.store)
        diagnostics = gradient.diagnostics.with_warnings(drift)
        gradient = replace(gradient, provenance={**gradient.provenance, **record}, diagnostics=diagnostics)
        if all(entry.get("mitigation") != str(last.mitigation) for entry in self.store.gradients()):
            self.store.add_gradient({"mitigation": str(last.mitigation), **gradient.to_dict()})
        return gradient


def read_again(store: RunStore, spec: Spec, mitigation: str) -> Gradient:
    """Return the gradient from the stored counts with another mitigation, and store it. Nothing is sent.

    Raises
    ------
    InputError
        If counts are missing, or the mitigation needs a calibration that was not measured.
    """
    plan, outcomes = measured(store, spec)
    gradient = reduce(plan, outcomes, mitigation=readable(plan.mitigation, parse(mitigation)))
    store.add_gradient({"mitigation": mitigation, **gradient.to_dict()})
    return gradient
