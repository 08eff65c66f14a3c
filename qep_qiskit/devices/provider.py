"""Any provider's `BackendV2` as a device that is sent jobs and asked later, with what it offers: run, result, a job by its id."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, BitArray
from qiskit.providers import BackendV2

from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.qiskit_objects import SamplerDevice
from qep_qiskit.devices.remote import DeviceError, RemoteJob, RunPub
from qep_qiskit.errors import InputError
from qep_qiskit.secrets import scrubbed

STATES = {"INITIALIZING": "submitted", "QUEUED": "queued", "VALIDATING": "queued", "RUNNING": "running", "DONE": "done"}


@dataclass(frozen=True)
class ProviderDevice(SamplerDevice):
    """A backend of any provider; see :func:`provider_device`.

    Attributes
    ----------
    finds : bool
        False: such a backend cannot be asked for a job by its tag, so a job whose id was lost is not sent again unasked.
    """

    finds: bool = False
    _jobs: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def ready(self) -> None:
        """Do nothing: the backend is at hand."""

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for these axes."""
        return self._measured(compiled, axes)

    def sent(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return one circuit a row, its angles bound: not every backend takes parameters."""
        rows = [circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True))) for row in values]
        return [(bound, np.zeros((1, 0))) for bound in rows]

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse what the backend's target does not have."""
        target = None if self.backend is None else self.backend.target
        if target is None:
            return
        for pub in pubs:
            for item in pub.circuit.data:
                qubits = tuple(pub.circuit.find_bit(qubit).index for qubit in item.qubits)
                name = item.operation.name
                if name != "barrier" and not target.instruction_supported(name, qubits):
                    raise InputError(f"device: {self.name} has no {name} on qubits {list(qubits)}; compile for it again")

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id. The tag is the circuits' name: most providers show it, few find jobs by it."""
        circuits = []
        for pub in pubs:
            circuit = pub.circuit.copy(name=tag)
            circuits.append(circuit)
        job = self._asked("the job could not be sent", lambda: self._backend.run(circuits, shots=shots))
        self._jobs[str(job.job_id())] = job
        return str(job.job_id())

    def find(self, tag: str) -> list[RemoteJob]:
        """Return nothing: jobs cannot be found by a tag."""
        return []

    def status(self, job_id: str) -> tuple[str, str]:
        """Return the state of a job and, where it failed, why."""
        job = self._job(job_id)
        name = str(getattr(self._asked("the status could not be read", job.status), "name", "")).upper()
        state = STATES.get(name, "cancelled" if name.startswith("CANCEL") else "failed")
        reason = ""
        if state == "failed":
            with contextlib.suppress(Exception):
                reason = scrubbed(" ".join(str(job.error_message()).split()))[:500]
        return state, reason

    def result(self, job_id: str) -> list[BitArray]:
        """Return the shots of every circuit, from its counts: their order within a circuit is not kept."""
        job = self._job(job_id)
        found = self._asked(f"the result of job {job_id} could not be read", job.result)
        counts = [found.get_counts(number) for number in range(len(found.results))]
        plain = [{key.replace(" ", ""): number for key, number in one.items()} for one in counts]
        return [BitArray.from_counts([one], num_bits=len(next(iter(one)))) for one in plain]

    def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended."""
        self._asked(f"job {job_id} could not be cancelled", self._job(job_id).cancel)

    def seconds(self, job_id: str) -> float | None:
        """Return None: what is billed is each provider's own."""
        return None

    def calibration(self, qubits: Sequence[int]) -> dict[str, object]:
        """Return the errors that the backend's target tells of these qubits' measurement."""
        target = self._backend.target
        if target is None or "measure" not in target.operation_names:
            return {"date": None}
        told = target["measure"]
        errors = {int(q): told[q,].error for q in qubits if (q,) in told and told[q,] is not None}
        return {"date": None, "measure_error": errors}

    @property
    def _backend(self) -> BackendV2:
        assert self.backend is not None
        return self.backend

    def _job(self, job_id: str) -> Any:
        if job_id in self._jobs:
            return self._jobs[job_id]
        provider = getattr(self._backend, "provider", None) or getattr(self._backend, "service", None)
        for owner, name in ((self._backend, "retrieve_job"), (provider, "retrieve_job"), (provider, "job")):
            if callable(getattr(owner, name, None)):
                self._jobs[job_id] = self._asked(f"job {job_id} could not be fetched", lambda: getattr(owner, name)(job_id))  # noqa: B023
                return self._jobs[job_id]
        raise DeviceError(
            f"device: {self.name} cannot fetch job {job_id} in another process, for it has no retrieve_job; "
            "collect in the process that sent it"
        )

    def _asked(self, what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (InputError, DeviceError):
            raise
        except Exception as error:  # whatever a provider's client raises
            raise DeviceError(f"device: {what}: {scrubbed(' '.join(str(error).split()))[:300]}") from None


def provider_device(backend: BackendV2, *, seed: int = 0) -> ProviderDevice:
    """Return a provider's backend as a device for runs.

    Parameters
    ----------
    backend : BackendV2
        Asked for jobs by its own or its provider's ``retrieve_job``; without one a run is collected in the process that sent it.
    seed : int

    Raises
    ------
    InputError
        If it is no ``BackendV2``.
    """
    if not isinstance(backend, BackendV2):
        raise InputError(f"device: {backend!r} is not allowed; give a Qiskit BackendV2")
    return ProviderDevice(BackendSamplerV2(backend=backend), backend, seed)
