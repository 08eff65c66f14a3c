"""Any provider's `BackendV2` as a device: the backend runs the circuits, and its results are checked."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives import BitArray
from qiskit.providers import BackendV2, JobError
from qiskit.transpiler import generate_preset_pass_manager

from qep_qiskit.checks import shown
from qep_qiskit.devices.backends.independence import Repeats, fresh_backend, options_of, seed_options
from qep_qiskit.devices.backends.results import Request, read_result
from qep_qiskit.devices.client_errors import line_of
from qep_qiskit.devices.compilation import Cache, compile_anywhere, compile_with
from qep_qiskit.devices.device import Compiled, Measuring, Work
from qep_qiskit.devices.device_card import device_card
from qep_qiskit.devices.limits import Limits, limits_of
from qep_qiskit.devices.remote import RunPub, pubs_of, read_state, samples_of
from qep_qiskit.errors import DeviceError, FailedCircuitError, InputError, RefusedJobError
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import integer


class Compiling(Measuring):
    """Base class of devices whose circuits are compiled for a backend, or in rz, sx, x and cx without one."""

    backend: BackendV2 | None
    cache: Cache

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit in the backend's gates, or in rz, sx, x and cx if the backend has no fixed number of qubits."""
        return self.cache.compiled(circuit, qubits, self._compile)

    def _compile(self, circuit: QuantumCircuit, qubits: Sequence[int] | None) -> Compiled:
        if self.backend is not None and target_of(self.backend).num_qubits:
            return compile_with(self.backend, circuit, qubits)
        return compile_anywhere(circuit)

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for a measurement along these axes, in the backend's own gates."""
        circuit = self.cache.measured(compiled, axes)
        target = None if self.backend is None else target_of(self.backend)
        if target is None or {"rz", "sx"} <= set(target.operation_names):
            return circuit
        passes = generate_preset_pass_manager(
            optimization_level=0, target=target, initial_layout=list(range(circuit.num_qubits)), seed_transpiler=11
        )
        translated: QuantumCircuit = self.cache.kept(("translated", compiled.digest, axes), lambda: passes.run(circuit))
        return translated


@dataclass(frozen=True, repr=False)
class BackendDevice(Compiling):
    """A device that runs circuits on a backend of any provider.

    Parameters
    ----------
    backend : BackendV2
        The backend. If it has a seed, each call uses a seed derived from it; otherwise each call uses new random numbers.
    options : mapping
        Options for every call of ``backend.run``.
    """

    backend: BackendV2
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache, compare=False, repr=False)

    def __repr__(self) -> str:
        seed = f", seed={self.seed}" if self.seed else ""
        options = f", options={shown(dict(self.options))}" if self.options else ""
        return f"BackendDevice({type(self.backend).__name__} {self.name!r}{seed}{options})"

    def _repr_html_(self) -> str:
        return device_card(repr(self), self.describe(), target_of(self.backend))

    @property
    def name(self) -> str:
        """The backend's name."""
        return str(self.backend.name or type(self.backend).__name__)

    @property
    def limits(self) -> Limits:
        """The limits of a job on the backend."""
        return limits_of(self.backend)

    def sent(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return one circuit per row, with bound angles, since not every backend accepts parameters."""
        rows = [circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True))) for row in values]
        return [(bound, np.zeros((1, 0))) for bound in rows]

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse circuits with instructions that the backend's target does not have."""
        target = target_of(self.backend)
        for pub in pubs:
            for item in pub.circuit.data:
                qubits = tuple(pub.circuit.find_bit(qubit).index for qubit in item.qubits)
                name = item.operation.name
                if name != "barrier" and not target.instruction_supported(name, qubits):
                    raise InputError(f"device: {self.name} has no {name} on qubits {list(qubits)}; compile for it again")

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run all circuits, in as few jobs as the backend's limits allow."""
        pubs, places = pubs_of(self, work)
        shots_of: list[list[BitArray]] = [[] for _ in pubs]
        seeded = seed_options(self.backend, seed, self.options) or fresh_backend(self.backend, seed) is not self.backend
        for number, part in enumerate(self.limits.parts(len(pubs), shots)):
            circuits = [pub.circuit.copy(name=f"qep-{k}") for k, pub in enumerate(pubs[part.circuits])]
            job = self.run(circuits, part.shots, integer(seed, "job", number))
            requests = [Request.of(circuit, name=circuit.name) for circuit in circuits]
            answer = self.ask("the result could not be read", job.result, job)
            answers = read_result(answer, requests, shots=part.shots, source=self.name)
            if not seeded:
                Repeats.of(self.backend).refuse(circuits, answers, self.name, seed)
            for shots_so_far, bits in zip(shots_of[part.circuits], answers, strict=True):
                shots_so_far.append(bits)
        return samples_of(places, shots_of)

    def describe(self) -> dict[str, object]:
        """Return the backend's name and class."""
        return {"name": self.name, "backend": type(self.backend).__name__, "noise": "its own"}

    def run(self, circuits: list[QuantumCircuit], shots: int, seed: int) -> Any:
        """Send one job and return it.

        Parameters
        ----------
        seed : int
            The seed of this call. If the backend has a seed, it gets one derived from both.

        Raises
        ------
        RefusedJobError
            If the backend refused the job.
        DeviceError
            If it is not known whether the job exists.
        """
        backend = fresh_backend(self.backend, seed)
        offered = {"shots": shots, **self.options, **seed_options(self.backend, seed, self.options)}
        accepted = keywords_of(backend.run)
        keywords = {name: value for name, value in offered.items() if accepted is None or name in accepted}
        if "shots" not in keywords and "shots" in options_of(backend):
            backend = copy.copy(backend)
            backend._options = copy.copy(backend._options)
            backend.set_options(shots=shots)
        try:
            job = backend.run(circuits, **keywords)
        except (InputError, DeviceError):
            raise
        except Exception as error:  # whatever a provider's client raises
            words = line_of(error)
            if refuses(error):
                raise RefusedJobError(f"device: {self.name} refused the job, nothing was sent: {words}") from None
            raise DeviceError(f"device: the job could not be sent: {words}") from None
        if not callable(getattr(job, "result", None)):
            raise DeviceError(f"device: {self.name} returned {type(job).__name__} in place of a job")
        return job

    def ask(self, what: str, question: Callable[[], Any], job: Any = None) -> Any:
        """Return the answer of a provider's client; convert its exceptions to one-line errors without secrets."""
        try:
            return question()
        except (InputError, DeviceError):
            raise
        except Exception as error:  # whatever a provider's client raises
            if job is not None and _state(job) == "failed":
                raise FailedCircuitError(f"device: {self.name}: the job failed: {line_of(error)}") from None
            raise DeviceError(f"device: {what}: {line_of(error)}") from None


def target_of(backend: BackendV2) -> Any:
    """Return a backend's target; raise InputError if it has none, since compilation needs it."""
    target = getattr(backend, "target", None)
    if target is None:
        raise InputError(f"device: {backend.name} has no target (gates and couplings), so nothing can be compiled for it")
    return target


def keywords_of(run: Callable[..., Any]) -> set[str] | None:
    """Return the keywords that a backend's ``run`` accepts in addition to the circuits; None if it accepts any."""
    try:
        parameters = list(inspect.signature(run).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def refuses(error: BaseException) -> bool:
    """Return whether an error of ``run`` shows that no job was created: a wrong value, or a circuit that Qiskit refuses.

    After a lost connection, an unreadable answer, or an error in a provider's own classes, a job may exist.
    """
    chain, link = [error], error.__cause__ or error.__context__
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if any(isinstance(e, OSError | json.JSONDecodeError | UnicodeError | JobError) for e in chain):
        return False
    from_qiskit = isinstance(error, QiskitError) and type(error).__module__.split(".")[0] in ("qiskit", "qiskit_aer")
    return from_qiskit or isinstance(error, ValueError | NotImplementedError)


def refuse_runtime_backend(backend: object) -> None:
    """Refuse IBM's own backends, since their ``run`` was removed; the message names the device to use instead."""
    classes = {f"{c.__module__.split('.')[0]}.{c.__name__}" for c in type(backend).__mro__}
    if "qiskit_ibm_runtime.IBMBackend" in classes:
        name = getattr(backend, "name", "ibm_torino")
        raise InputError(f"device: an IBMBackend takes no circuits itself (its run() was removed); give qep.ibm({name!r})")


def status_of(job: Any) -> Any:
    """Return a provider's status of a job, which is a method or an attribute."""
    return job.status() if callable(getattr(job, "status", None)) else job.status


def _state(job: Any) -> str:
    try:
        return read_state(status_of(job))[0]
    except Exception:  # the service does not answer
        return "unknown"
