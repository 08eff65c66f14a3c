"""IBM Quantum devices, accessed through the current Runtime client."""

from __future__ import annotations

import atexit
import contextlib
import functools
import math
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from qep_qiskit.checks import shown, word
from qep_qiskit.devices.backends.results import Request, read_result
from qep_qiskit.devices.client_errors import client_errors
from qep_qiskit.devices.compilation import Cache, compile_with
from qep_qiskit.devices.device import Compiled, Measuring, Work
from qep_qiskit.devices.device_card import device_card
from qep_qiskit.devices.digests import mark_in, mark_of
from qep_qiskit.devices.ibm.account import connect, mock_url
from qep_qiskit.devices.ibm.checks import age_note, refuse_faulty
from qep_qiskit.devices.ibm.jobs import job_of, named_if_left, result_of, same_inputs
from qep_qiskit.devices.limits import Limits, limits_of
from qep_qiskit.devices.price import IBM, Tariff
from qep_qiskit.devices.remote import UNDER_WAY, RemoteJob, RunPub, pubs_of, read_state, samples_of
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.kinds import DEVICES, Key
from qep_qiskit.samples import Samples
from qep_qiskit.secrets import scrubbed
from qep_qiskit.values import brief

T = TypeVar("T")
MODES = ("job", "batch", "session")
SESSION_NOTE = "a session is billed from its first job until it is closed, pauses included; the price counts its jobs alone"
DECOUPLING = ("XX", "XpXm", "XY4")
WAIT_SECONDS = 5.0
RANDOMIZATIONS, LEAST_TWIRLED = 32, 64
"""The client's most randomisations of a twirled circuit, and its fewest shots of each."""


@dataclass(frozen=True, repr=False)
class IBMDevice(Measuring):
    """An IBM Quantum device, accessed through the current Runtime client; see :func:`ibm`."""

    tariff: ClassVar[Tariff] = IBM

    name: str
    seed: int = 0
    dynamical_decoupling: str | None = None
    gate_twirling: bool = False
    measure_twirling: bool = False
    fractional_gates: bool = False
    instance: str | None = None
    mode: str = "job"
    service_factory: Callable[[], Any] | None = field(default=None, compare=False, repr=False)
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)
    _group: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __repr__(self) -> str:
        return brief(self, "ibm")

    def _repr_html_(self) -> str:
        backend = vars(self).get("backend")  # a display does not ask the service
        return device_card(repr(self), self.describe(), None if backend is None else backend.target)

    @functools.cached_property
    def service(self) -> Any:
        """The client, logged in to its saved account or to the account in the environment."""
        with client_errors("the service cannot be reached"):
            return connect(self.instance) if self.service_factory is None else self.service_factory()

    @functools.cached_property
    def backend(self) -> BackendV2:
        """The device as a Qiskit backend with its current calibration."""

        def read(service: Any) -> BackendV2:
            backend: BackendV2 = service.backend(self.name, use_fractional_gates=self.fractional_gates)
            _ = backend.target  # the client converts the service's data here, and may fail
            return backend

        return self._ask(f"{self.name} is not available", read)

    def _ask(self, what: str, question: Callable[[Any], T]) -> T:
        """Ask the service; if it rejects the access token, get a new token and ask again."""
        from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

        with client_errors(what):
            try:
                return question(self.service)
            except IBMNotAuthorizedError:
                # nothing was done, since the service checks the token first
                for name in ("service", "backend"):
                    self.__dict__.pop(name, None)
                return question(self.service)

    @property
    def limits(self) -> Limits:
        """The largest number of shots of a circuit in one job; the number of circuits is not limited."""
        return Limits(None, limits_of(self.backend).shots)

    def executed_shots(self, shots: int) -> int:
        """Return the number of shots that are run and billed: twirled, it is a multiple of the shots per randomisation."""
        if not (self.gate_twirling or self.measure_twirling):
            return shots
        each = max(LEAST_TWIRLED, -(-shots // RANDOMIZATIONS))
        return each * -(-shots // each)

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit in the device's gates, on the given qubits or on those that its calibration favours."""
        return self.cache.compiled(circuit, qubits, lambda c, q: compile_with(self.backend, c, q))

    def ready(self) -> None:
        """Connect to the service and check that the device accepts jobs."""
        _ = self.backend
        status = self._ask(f"the status of {self.name} could not be read", lambda _: self.backend.status())
        if not status.operational:
            raise DeviceError(f"device: {self.name} takes no jobs now ({scrubbed(str(status.status_msg))}); try again later")

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for a measurement along these axes."""
        return self.cache.measured(compiled, axes)

    def sent(self, circuit: QuantumCircuit, values: np.ndarray) -> list[tuple[QuantumCircuit, np.ndarray]]:
        """Return the pubs for a circuit and its rows of values: one pub, or one per row if angles must be folded.

        The device's rzz accepts only angles from 0 to π/2, and the client does not fold angles that are still parameters.
        """
        if not any(item.operation.name == "rzz" for item in circuit.data) or not circuit.num_parameters:
            return [(circuit, values)]
        from qiskit.transpiler import PassManager
        from qiskit_ibm_runtime.transpiler.passes import FoldRzzAngle

        fold = PassManager([FoldRzzAngle()])
        rows = [circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True))) for row in values]
        return [(fold.run(bound), np.zeros((1, 0))) for bound in rows]

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse circuits that the device cannot run, since the client does not check them."""
        from qiskit.primitives.containers.sampler_pub import SamplerPub
        from qiskit_ibm_runtime.utils import validate_isa_circuits, validate_rzz_pubs

        with client_errors(f"{self.name} cannot run a circuit", kind=InputError):
            validate_isa_circuits([pub.circuit for pub in pubs], self.backend.target)
            validate_rzz_pubs([SamplerPub.coerce((pub.circuit, pub.values)) for pub in pubs])
        properties = self.backend.properties() if hasattr(self.backend, "properties") else None
        if properties is not None:
            refuse_faulty((pub.circuit for pub in pubs), properties, self.name)

    def cautions(self) -> list[str]:
        """Return the warnings to show before payment, one line each: time of a session, and an old calibration."""
        notes = [SESSION_NOTE] if self.mode == "session" else []
        if mock_url() is None and hasattr(self.backend, "properties"):
            notes.append(age_note(getattr(self.backend.properties(), "last_update_date", None), self.name))
        return [note for note in notes if note]

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id. If this raises, the job may still exist: look up its tag before sending again."""
        from qiskit_ibm_runtime.executor_sampler import Sampler

        def send(service: Any) -> str:
            sampler = Sampler(mode=self._joined(service, self._group["id"]) if self._group else self.backend)
            options = sampler.options
            options.environment.job_tags = [tag, mark_of(pubs, shots, tag)]
            if self.dynamical_decoupling is not None:
                options.dynamical_decoupling.enable = True
                options.dynamical_decoupling.sequence_type = self.dynamical_decoupling
            options.twirling.enable_gates = self.gate_twirling
            options.twirling.enable_measure = self.measure_twirling
            return str(sampler.run([(pub.circuit, pub.values) for pub in pubs], shots=shots).job_id())

        return self._ask("the job could not be sent", send)

    def open_group(self) -> str:
        group = self._ask(f"the {self.mode} could not be opened", lambda _: _group_class(self.mode)(backend=self.backend))
        if group.session_id is None:
            raise DeviceError(f"device: the {self.mode} could not be opened: {self.name} offers none")
        self._group["id"] = str(group.session_id)
        return self._group["id"]

    def join_group(self, group_id: str) -> bool:
        """Use this batch or session for subsequent jobs; return False if it accepts no more jobs."""
        details = self._ask(f"the {self.mode} could not be looked up", lambda s: self._joined(s, group_id).details())
        if details is None or details["state"] == "closed" or details["accepting_jobs"] is False:
            self._group.clear()
            return False
        self._group["id"] = group_id
        return True

    def close_group(self, group_id: str) -> None:
        self._group.clear()
        self._ask(f"the {self.mode} could not be closed", lambda service: self._joined(service, group_id).close())

    def _joined(self, service: Any, group_id: str) -> Any:
        return _group_class(self.mode).from_id(group_id, service, use_fractional_gates=self.fractional_gates)

    def find(self, tag: str) -> list[RemoteJob]:

        def listed(service: Any) -> list[RemoteJob]:
            jobs = service.jobs(job_tags=[tag], limit=None, backend_name=self.name)
            return [
                RemoteJob(str(job.job_id()), read_state(job.status())[0], str(job.creation_date), mark_in(job.tags))
                for job in jobs
            ]

        return sorted(self._ask("the jobs could not be listed", listed), key=lambda job: (job.created, job.id))

    def status(self, job_id: str) -> tuple[str, str]:

        def read(service: Any) -> tuple[str, str]:
            job = job_of(service, job_id)
            state, word = read_state(job.status())
            if state == "unknown":
                return state, scrubbed(word)
            reason = "" if state != "failed" else str(job.error_message() or "the service gives no reason")
            reason = " ".join(reason.split()).removeprefix(f"Job {job_id} has failed: ")
            return state, scrubbed(reason)[:500]

        return self._ask(f"the status of job {job_id} could not be read", read)

    def result(self, job_id: str, *, timeout: float = 300.0) -> Any:
        """Return the result of a job. Each call downloads it again; the result of a private job can be read only once."""
        return self._ask(
            f"the result of job {job_id} could not be read", lambda service: result_of(job_of(service, job_id), timeout)
        )

    def cancel(self, job_id: str) -> None:
        self._ask(f"job {job_id} could not be cancelled", lambda service: job_of(service, job_id).cancel())

    def holds(self, job_id: str, pubs: Sequence[RunPub], *, shots: int, tag: str) -> bool | None:
        """Return whether a job has these circuits, values and shots, or None if this cannot be determined.

        The job's second tag is compared. If it was sent without one, its inputs are compared, as stored by the service.
        """

        def compared(service: Any) -> bool | None:
            job = job_of(service, job_id)
            mark = mark_in(job.tags)
            return same_inputs(job.inputs, pubs, shots) if mark is None else mark == mark_of(pubs, shots, tag)

        return self._ask(f"job {job_id} could not be looked at", compared)

    def seconds(self, job_id: str) -> float | None:
        """Return the QPU seconds billed for a job, or None if the service has not reported them yet as a number."""

        def read(service: Any) -> float | None:
            usage = service.job(job_id).metrics()["usage"]
            seconds = float(usage["qpu_charge_time_seconds"])
            return seconds if usage.get("status") != "pending" and 0 <= seconds < math.inf else None

        try:
            return self._ask("", read)
        except DeviceError:
            return None

    def calibration(self, qubits: Sequence[int]) -> dict[str, object]:
        """Return the current calibration of these qubits, to be recorded."""

        def read(_: Any) -> dict[str, object]:
            properties = self.backend.properties(refresh=True)
            if properties is None:
                return {"date": None}
            readout = {int(q): [_value(properties, q, k) for k in ("prob_meas1_prep0", "prob_meas0_prep1")] for q in qubits}
            times = {int(q): [_value(properties, q, k) for k in ("T1", "T2")] for q in qubits}
            date = str(properties.last_update_date)
            return {"date": date, "calibration_date": date, "readout": readout, "t1_t2_seconds": times}

        return self._ask("the calibration could not be read", read)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Send all circuits as one job, or several if the shots exceed the device's limit, and wait for the results.

        `qep submit` does the same in steps that survive a crash.
        """
        pubs, places = pubs_of(self, work)
        if self.mode != "job" and not (self._group and self.join_group(self._group["id"])):
            atexit.register(self._close_at_exit, self.open_group())
        shares = [part.shots for part in self.limits.parts(len(pubs), shots)]
        requests, answers = [Request.of(pub.circuit, len(pub.values)) for pub in pubs], []
        jobs: list[str] = []
        tag = f"qep-{uuid.uuid4().hex}-{seed}"
        with named_if_left(jobs, tag, self.name):
            for share in shares:
                jobs.append(self.submit(pubs, shots=share, tag=tag))
            for job_id, share in zip(jobs, shares, strict=True):
                answers.append(read_result(self._waited_for(job_id), requests, shots=share, source=self.name))
        return samples_of(places, list(zip(*answers, strict=True)))

    def _waited_for(self, job_id: str) -> Any:
        """Wait for a job and return its result."""
        pause = 0.2
        while (state := self.status(job_id))[0] in UNDER_WAY:
            time.sleep(pause)
            pause = min(1.5 * pause, WAIT_SECONDS)
        if state[0] != "done":
            raise DeviceError(f"job {job_id} on {self.name} {state[0]}: {state[1]}")
        return self.result(job_id)

    def _close_at_exit(self, group_id: str) -> None:
        with contextlib.suppress(DeviceError):
            self.close_group(group_id)

    def describe(self) -> dict[str, object]:
        """Return the device's name and its options."""
        description: dict[str, object] = {
            "name": self.name,
            "dynamical_decoupling": self.dynamical_decoupling,
            "gate_twirling": self.gate_twirling,
            "measure_twirling": self.measure_twirling,
            "fractional_gates": self.fractional_gates,
            "mode": self.mode,
        }
        if mock_url() is not None:
            description["service"] = "a mock service on this machine, not IBM Quantum"
        return description


@DEVICES.register("ibm_<name>")
def ibm(
    name: str,
    *,
    dynamical_decoupling: Annotated[str | None, Key(words=DECOUPLING)] = None,
    gate_twirling: bool = False,
    measure_twirling: bool = False,
    fractional_gates: bool = False,
    instance: Annotated[str | None, Key("the name of an instance of your account")] = None,
    mode: Annotated[str, Key(words=MODES)] = "job",
    seed: int = 0,
) -> IBMDevice:
    """Return an IBM Quantum device.

    Parameters
    ----------
    name : str
        The device's name, such as ``"ibm_torino"``.
    dynamical_decoupling : {"XX", "XpXm", "XY4"}, optional
    gate_twirling, measure_twirling : bool
        Whether gates and measurements are Pauli twirled. Twirling rounds the number of shots up; results have the rounded number.
    fractional_gates : bool
        Whether to use rx and rzz of any angle, if the device has them. They cannot be twirled.
    instance : str, optional
        The instance's name. Default: the instance of the saved account.
    mode : {"job", "batch", "session"}
        A batch keeps the jobs of a gradient together in the queue. A session, meant for training, reserves the device from its
        first job until it is closed, and all of this time is billed.
    seed : int

    Raises
    ------
    InputError
        If an option is not allowed.

    Notes
    -----
    The account is the Runtime client's, saved with ``QiskitRuntimeService.save_account`` or given in environment variables.
    It is read, and the service contacted, only when needed. This package never writes the account anywhere.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"device.name: {shown(name)} is not allowed; give a device's name such as 'ibm_torino'")
    if dynamical_decoupling is not None:
        word("device.dynamical_decoupling", dynamical_decoupling, DECOUPLING)
    if fractional_gates and gate_twirling:
        raise InputError("device.gate_twirling: true does not go with fractional_gates = true; choose one of them")
    word("device.mode", mode, MODES)
    return IBMDevice(name, seed, dynamical_decoupling, gate_twirling, measure_twirling, fractional_gates, instance, mode)


def _group_class(mode: str) -> Any:
    from qiskit_ibm_runtime import Batch, Session

    return Batch if mode == "batch" else Session


def _value(properties: Any, qubit: int, name: str) -> float | None:
    """Return a property of a qubit, or None if the calibration does not have it as a number."""
    entry: Mapping[str, Any] = properties.qubit_property(qubit)
    value = float(entry[name][0]) if name in entry else math.nan
    return value if math.isfinite(value) else None
