"""A remote device inside a training: every job is the run's, so that a step that is begun again goes on with what it had sent.

A step is deterministic: given the state before it and the results so far it asks for the same circuits in the same order. So the
k-th job of a step has one tag, and what a process left behind is found under it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray
from qiskit.providers import BackendV2

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Measuring, Work
from qep_qiskit.devices.digests import of_circuit, of_pubs
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.remote import DeviceError, RunPub
from qep_qiskit.errors import InputError, UnreadableResultError
from qep_qiskit.runs.file.records import JobRecord, Pub
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.turning_points import reached
from qep_qiskit.samples import Samples, from_bit_array

LAYOUT = "layout"
"""The documents of the circuits that were compiled, by digest: a run keeps its qubits whatever the calibration of the day."""
WAIT_SECONDS = 15.0
LISTEN_SECONDS = 0.5
MOST_FAILURES = 5
"""So often in a row may the service fail to answer before waiting is given up."""


def go_on(what: str) -> None:
    """Do nothing: nobody asks for a stop."""


@dataclass
class JournalDevice(Measuring):
    """A remote device whose jobs are sent, found again and kept by a run.

    Attributes
    ----------
    courier : Courier
        Of the run, with its device.
    run_id : str
        What the tags begin with.
    stop : callable
        Called with where things are, before a job is sent and while it is waited for; what it raises leaves everything kept.
    """

    courier: Courier
    run_id: str
    stop: Callable[[str], None] = go_on
    cache: Cache = field(default_factory=Cache, repr=False)
    _step: int = 0
    _calls: int = 0
    _kept: set[str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The device's."""
        return self.courier.device.name

    @property
    def seed(self) -> int:
        """The device's."""
        return self.courier.device.seed

    @property
    def backend(self) -> BackendV2 | None:
        """The device's, as Qiskit sees it."""
        return backend_of(self.courier.device)

    @property
    def gathers(self) -> bool:
        """True: what can go with another job does, for each is paid for and waits for its turn."""
        return True

    def at(self, step: int) -> None:
        """Count the jobs of this step, from the first one on."""
        self._step, self._calls = step, 0

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit as the run compiled it first, on the qubits that were best then."""
        return self.cache.compiled(circuit, qubits, self._compiled)

    def _compiled(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        store = self.courier.store
        where = "any" if qubits is None else ",".join(str(int(q)) for q in qubits)
        key = f"{of_circuit(circuit)[:24]} on {where}"
        known = store.get(LAYOUT, key)
        if known is None:
            made = self.courier.device.compile(circuit, qubits=qubits)
            store.add_circuit(f"compiled {key}", made.circuit, made.summary())
            known = {"wires": list(made.wires), "qubits": list(made.qubits), "start": list(made.start)}
            known["calibration"] = self.courier.device.calibration(made.qubits)
            store.put(LAYOUT, key, known)
        # read back even where it was just written, so that a run that is gone on with computes with the same object
        wires, ends, starts = (tuple(int(q) for q in known[name]) for name in ("wires", "qubits", "start"))
        return Compiled(store.circuit(f"compiled {key}"), wires, ends, starts)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Return the samples of the step's next job: kept, under way, or sent now.

        Raises
        ------
        InputError
            If this job was another one when it was sent, or ended badly.
        DeviceError
            If the service fails; what was sent is found again.
        """
        pubs, places = self._pubs(work)
        jobs: list[tuple[slice, JobRecord]] = []
        for number, part in enumerate(getattr(self.courier.device, "limits", Limits()).parts(len(pubs), shots)):
            self._calls += 1
            some = part.circuits
            jobs.append((some, self._intended(work, pubs[some], places[some], part.shots, seed, first=not number)))
        for _, job in jobs:
            self._send(job)
        found: dict[int, list[BitArray]] = {}
        for some, job in jobs:
            for place, bits in zip(range(some.start, some.stop), self._results(job), strict=True):
                found.setdefault(place, []).append(bits)
        samples: list[list[Samples]] = [[] for _ in work]
        for place, owners in enumerate(places):
            samples[owners[0][0]] += from_bit_array(BitArray.concatenate_shots(found[place]))
        return samples

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Refuse: a device gives shots."""
        return self.courier.device.distribution(work)

    def describe(self) -> dict[str, object]:
        """Return what describes the device."""
        return self.courier.device.describe()

    def _pubs(self, work: Sequence[Work]) -> tuple[list[RunPub], list[list[list[int]]]]:
        """Return what is sent for some work, and the (item, row) of every execution."""
        device = self.courier.device
        pubs: list[RunPub] = []
        places: list[list[list[int]]] = []
        for number, item in enumerate(work):
            row = 0
            for circuit, values in device.sent(device.measured(item.compiled, item.axes), item.values):
                pubs.append(RunPub(circuit, values))
                places.append([[number, row + i] for i in range(len(values))])
                row += len(values)
        return pubs, places

    def _intended(
        self,
        work: Sequence[Work],
        pubs: Sequence[RunPub],
        places: Sequence[list[list[int]]],
        shots: int,
        seed: int,
        *,
        first: bool,
    ) -> JobRecord:
        """Return a job of this call as it is written down; write it down where it is not."""
        device, store = self.courier.device, self.courier.store
        digest = of_pubs(pubs, shots)
        tag = f"{self.run_id}-{self._step + 1}-{self._calls}"
        purpose = f"step {self._step + 1} job {self._calls}"
        known = self._known(tag)
        if known is not None:
            if known.detail.get("digest") != digest:
                raise InputError(
                    f"run: {purpose} of {store.folder} was sent with other circuits, values or shots than it has now; go on with "
                    "the program and the packages that began the run, or give another folder"
                )
            return known
        if first:
            self.stop("no job is under way")
        self._check(pubs)
        reached(f"{purpose}: before it is intended")
        if self._kept is None:
            self._kept = set(store.circuits())
        records = []
        for pub, owners in zip(pubs, places, strict=True):
            axes = work[owners[0][0]].axes
            key = f"sent {of_circuit(pub.circuit)[:24]}"
            if key not in self._kept:
                two = sum(1 for part in pub.circuit.data if part.operation.num_qubits == 2)
                store.add_circuit(key, pub.circuit, {"axes": axes, "depth": pub.circuit.depth(), "two_qubit_gates": two})
                self._kept.add(key)
            names = tuple(p.name for p in pub.circuit.parameters)
            records.append(Pub(key, axes, names, pub.values.tolist(), owners))
        job = JobRecord(
            tag=tag,
            round=self._step,
            purpose=purpose,
            shots=shots,
            seed=seed,
            pubs=tuple(records),
            device=device.name,
            detail={"digest": digest},
        )
        store.intend(job)
        reached(f"{purpose}: intended")
        return store.job(tag)

    def _known(self, tag: str) -> JobRecord | None:
        """Return the job with this tag, or the one that was sent in its place last."""
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
        """Refuse what the device would not run; what was compiled for qubits that it lacks now is compiled anew another time."""
        device, store = self.courier.device, self.courier.store
        try:
            device.check(pubs)
        except InputError as error:
            if self._calls > 1:
                again = f"step {self._step + 1} began on these qubits: try again when they are back, or give another folder"
                raise InputError(f"{error}; {again}") from None
            store.forget(LAYOUT)
            store.note(f"circuits are to be compiled again: {error}")
            raise InputError(f"{error}; `{self.courier.again}` does") from None

    def _send(self, job: JobRecord) -> None:
        if job.state in ("intended", "sending"):
            self.courier.open_group()
            self.courier.send(job)

    def _results(self, job: JobRecord) -> list[BitArray]:
        failures, pause = 0, 0.2
        while True:
            try:
                found = self.courier.result(self.courier.store.job(job.tag))
                failures = 0
            except UnreadableResultError:
                raise  # asked again at once it would be the same
            except DeviceError as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise DeviceError(f"{error}; nothing is lost: `{self.courier.again}` goes on") from None
                self.courier.progress(f"{error}; asking again", None)
                found = None
            if found is not None:
                return found
            self._wait(job, pause)
            pause = min(1.5 * pause, WAIT_SECONDS)

    def _wait(self, job: JobRecord, seconds: float) -> None:
        state = self.courier.store.job(job.tag).state
        self.courier.progress(f"waiting for {job.purpose} on {self.name} ({state})", None)
        end = time.monotonic() + seconds
        while True:
            self.stop(f"{job.purpose} is under way on {self.name}")
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LISTEN_SECONDS))
