"""A remote device for trainings and layers: the run records every job, so that a repeated step finds the jobs it sent before.

A step, or a call of a layer, is deterministic: with the same initial state and results, it sends the same circuits in the same
order. The k-th job of a step therefore always has the same tag, and jobs left behind by a dead process are found by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray
from qiskit.providers import BackendV2

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Measuring, Work
from qep_qiskit.devices.digests import of_circuit, of_pubs
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.price import Tariff, tariff_of
from qep_qiskit.devices.remote import RunPub
from qep_qiskit.documents import plain
from qep_qiskit.errors import DeviceError, InputError, UnreadableResultError
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.jobs.delivery import fetch_all, send_all, together
from qep_qiskit.runs.jobs.pubs import OwnedPub, pubs_of, samples_of, written
from qep_qiskit.runs.turning_points import reached
from qep_qiskit.samples import Samples

LAYOUT = "layout"
"""The kind of the documents that record compiled circuits by digest, so that a run keeps its qubits as calibrations change."""
WAIT_SECONDS = 15.0
LISTEN_SECONDS = 0.5
MOST_FAILURES = 5
"""Waiting ends after this many consecutive failures of the service."""


@dataclass
class JournalDevice(Measuring):
    """A remote device that sends every job through a run, which records it and finds it again.

    Attributes
    ----------
    run_id : str
        The prefix of the jobs' tags.
    stop : callable
        Called with a progress text before a job is sent and while it is awaited. If it raises an exception, all jobs are kept.
    unit : str
        The word for a step in messages and purposes.
    confirm : callable, optional
        Called with the recorded jobs that are about to be sent. If it raises an exception, none of them is.
    """

    gathers: ClassVar[bool] = True
    """Circuits share jobs if possible, since every job costs money and time in the queue."""

    courier: Courier
    run_id: str
    stop: Callable[[str], None] = lambda what: None
    unit: str = "step"
    confirm: Callable[[list[JobRecord]], None] | None = None
    cache: Cache = field(default_factory=Cache, repr=False)
    _step: int = 0
    _calls: int = 0
    _kept: set[str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.courier.device.name

    @property
    def seed(self) -> int:
        return self.courier.device.seed

    @property
    def backend(self) -> BackendV2 | None:
        """The device's backend in Qiskit."""
        return backend_of(self.courier.device)

    @property
    def tariff(self) -> Tariff | None:
        """The tariff of the device's provider."""
        return tariff_of(self.courier.device)

    def executed_shots(self, shots: int) -> int:
        """Return the number of shots that the device runs and bills."""
        return int(getattr(self.courier.device, "executed_shots", int)(shots))

    def at(self, step: int) -> None:
        """Begin a step and number its jobs from the first again."""
        self._step, self._calls = step, 0

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit as the run first compiled it, on the qubits chosen then."""
        return self.cache.compiled(circuit, qubits, self._compiled)

    def placed(self, circuit: QuantumCircuit, qubits: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """Return the qubits recorded for this circuit in the run; if there are none yet, record the given qubits."""
        store, digest = self.courier.store, of_circuit(circuit)[:24]
        earlier = store.get(LAYOUT, f"{digest} placed") or store.get(LAYOUT, f"{digest} on any")
        if earlier is not None:
            return tuple(int(q) for q in earlier["start"])
        if qubits is not None:
            store.put(LAYOUT, f"{digest} placed", {"start": list(qubits)})
        return qubits

    def _compiled(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        store = self.courier.store
        where = "any" if qubits is None else ",".join(str(int(q)) for q in qubits)
        key = f"{of_circuit(circuit)[:24]} on {where}"
        layout = store.get(LAYOUT, key)
        if layout is None:
            compiled = self.courier.device.compile(circuit, qubits=qubits)
            store.add_circuit(f"compiled {key}", compiled.circuit, compiled.summary())
            layout = {"wires": list(compiled.wires), "qubits": list(compiled.qubits), "start": list(compiled.start)}
            layout["calibration"] = plain(self.courier.device.calibration(compiled.qubits))
            store.put(LAYOUT, key, layout)
        # read back even if it was just written, so that a resumed run computes with the same object
        wires, ends, starts = (tuple(int(q) for q in layout[name]) for name in ("wires", "qubits", "start"))
        return Compiled(store.circuit(f"compiled {key}"), wires, ends, starts)

    @property
    def limits(self) -> Limits:
        """The device's limits per job."""
        return getattr(self.courier.device, "limits", Limits())

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Return the samples of the step's next jobs; jobs that were not sent before are sent now.

        Raises
        ------
        InputError
            If the recorded job differs from this one, or ended badly.
        DeviceError
            If the service fails; jobs that were sent are found again later.
        """
        pubs: list[OwnedPub] = []
        for number, item in enumerate(work):
            pubs += pubs_of(self.courier.device, item, [[number, row] for row in range(len(item.values))])
        jobs = []
        for number, part in enumerate(self.limits.parts(len(pubs), shots)):
            self._calls += 1
            jobs.append(self._intended(pubs[part.circuits], part.shots, seed, first=not number))
        if failures := send_all(self.courier, jobs, self.confirm):
            raise together(list(failures.values()))
        results = self._results(jobs)
        samples: list[list[Samples]] = [[] for _ in work]
        for (number, _), _, row in samples_of((job, results[job.tag]) for job in jobs):
            samples[number].append(row)
        return samples

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        return self.courier.device.distribution(work)

    def describe(self) -> dict[str, object]:
        return self.courier.device.describe()

    def _intended(self, pubs: Sequence[OwnedPub], shots: int, seed: int, *, first: bool) -> JobRecord:
        """Return the recorded next job of the step; if there is none, record it first."""
        store = self.courier.store
        digest = of_pubs([item.pub for item in pubs], shots)
        tag = f"{self.run_id}-{self._step + 1}-{self._calls}"
        purpose = f"{self.unit} {self._step + 1} job {self._calls}"
        job = self._latest(tag)
        if job is not None:
            if job.detail.get("digest") != digest:
                raise InputError(
                    f"run: {purpose} of {store.folder} was sent with other circuits, values or shots than it has now; resume "
                    "with the program and the packages that began the run, or give another folder"
                )
            return job
        if first:
            self.stop("no job is under way")
        self._check([item.pub for item in pubs])
        reached(f"{purpose}: before it is intended")
        if self._kept is None:
            self._kept = set(store.circuits())
        records = []
        for item in pubs:
            key = f"sent {of_circuit(item.pub.circuit)[:24]}"
            records.append(written(store, item, key, there=self._kept))
            self._kept.add(key)
        job = JobRecord(tag, self._step, purpose, shots, seed, tuple(records), device=self.name, detail={"digest": digest})
        store.intend(job)
        reached(f"{purpose}: intended")
        return store.job(tag)

    def _latest(self, tag: str) -> JobRecord | None:
        """Return the job with this tag, or its latest replacement."""
        try:
            job = self.courier.store.job(tag)
        except KeyError:
            return None
        attempt = 1
        while job.state == "replaced":
            attempt += 1
            job = self.courier.store.job(f"{tag}+{attempt}")
        return job

    def _check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse circuits that the device would not run. If a step's first job is refused, drop all layouts, to be made anew."""
        device, store = self.courier.device, self.courier.store
        try:
            device.check(pubs)
        except InputError as error:
            if self._calls > 1:
                began = f"{self.unit} {self._step + 1} began on these qubits"
                raise InputError(f"{error}; {began}: try again when they are back, or give another folder") from None
            store.forget(LAYOUT)
            store.note(f"circuits are to be compiled again: {error}")
            raise InputError(f"{error}; `{self.courier.again}` does") from None

    def _results(self, jobs: Sequence[JobRecord]) -> dict[str, list[BitArray]]:
        """Wait for the results of jobs; if the service does not answer, try again for a while."""
        failures, pause = 0, 0.2
        while True:
            try:
                results = fetch_all(self.courier, jobs)
                failures = 0
            except UnreadableResultError:
                raise  # a second try would fail in the same way
            except DeviceError as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise DeviceError(f"{error}; nothing is lost: `{self.courier.again}` resumes it") from None
                self.courier.progress(f"{error}; asking again", None)
                results = None
            if results is not None:
                return results
            self._wait(jobs, pause)
            pause = min(1.5 * pause, WAIT_SECONDS)

    def _wait(self, jobs: Sequence[JobRecord], seconds: float) -> None:
        waiting = [job for job in map(self.courier.store.job, (job.tag for job in jobs)) if job.state != "done"] or list(jobs)
        what = " and ".join(job.purpose for job in waiting)
        self.courier.progress(f"waiting for {what} on {self.name} ({waiting[0].state})", None)
        end = time.monotonic() + seconds
        while True:
            self.stop(f"{what} is under way on {self.name}" if len(waiting) == 1 else f"{what} are under way on {self.name}")
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LISTEN_SECONDS))
