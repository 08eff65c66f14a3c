"""Any provider's `BackendV2` as an asynchronous device; it needs only `run`, `result` and a way to get jobs by id."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qiskit.providers import BackendV2

from qep_qiskit.checks import shown
from qep_qiskit.devices.backends.backend_device import BackendDevice, refuse_runtime_backend, status_of, target_of
from qep_qiskit.devices.backends.results import circuit_name
from qep_qiskit.devices.client_errors import line_of
from qep_qiskit.devices.remote import RemoteJob, RunPub, read_state
from qep_qiskit.errors import ForgottenJobError, InputError
from qep_qiskit.secrets import scrubbed
from qep_qiskit.seeds import integer


@dataclass(frozen=True)
class ProviderDevice(BackendDevice):
    """A backend of any provider as an asynchronous device; see :func:`provider_device`.

    Attributes
    ----------
    finds : bool
        False, since these backends cannot find a job by its tag. If a job's id was lost, it is not sent again without
        confirmation.
    """

    finds: bool = False
    _jobs: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def ready(self) -> None:
        """Check that circuits can be compiled for the backend."""
        target_of(self.backend)

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id. Its circuits are named after the tag, which most providers show."""
        circuits = [pub.circuit.copy(name=circuit_name(tag, number)) for number, pub in enumerate(pubs)]
        job = self.run(circuits, shots, integer(self.seed, f"job {tag}"))
        own_id = job.job_id
        job_id = str(self.ask("the job was sent and has no id", own_id) if callable(own_id) else own_id)
        self._jobs[job_id] = job
        return job_id

    def find(self, tag: str) -> list[RemoteJob]:
        """Return an empty list, since jobs cannot be found by tag."""
        return []

    def status(self, job_id: str) -> tuple[str, str]:
        job = self._job(job_id)
        state, word = read_state(self.ask("the status could not be read", lambda: status_of(job)))
        reason = word if state == "unknown" else ""
        if state == "failed":
            with contextlib.suppress(Exception):
                reason = scrubbed(" ".join(str(job.error_message()).split()))[:500]
        return state, reason

    def result(self, job_id: str) -> object:
        job = self._job(job_id)
        return self.ask(f"the result of job {job_id} could not be read", job.result, job)

    def cancel(self, job_id: str) -> None:
        self.ask(f"job {job_id} could not be cancelled", self._job(job_id).cancel)

    def seconds(self, job_id: str) -> float | None:
        """Return None, since billing depends on the provider."""
        return None

    def calibration(self, qubits: Sequence[int]) -> dict[str, object]:
        """Return the measurement errors of these qubits from the backend's target."""
        target = self.backend.target
        if "measure" not in target.operation_names:
            return {"date": None}
        measured = target["measure"]
        errors = {int(q): measured[q,].error for q in qubits if (q,) in measured and measured[q,] is not None}
        return {"date": None, "measure_error": errors}

    def _job(self, job_id: str) -> Any:
        if job_id in self._jobs:
            return self._jobs[job_id]
        provider = getattr(self.backend, "provider", None) or getattr(self.backend, "service", None)
        forgotten = f"device: job {job_id} is unknown to the service: {self.name}"
        for owner, name in ((self.backend, "retrieve_job"), (provider, "retrieve_job"), (provider, "job")):
            if callable(fetch := getattr(owner, name, None)):
                job = self.ask(f"job {job_id} could not be fetched", functools.partial(_fetched, fetch, job_id, forgotten))
                self._jobs[job_id] = job
                return job
        raise ForgottenJobError(f"{forgotten} has no retrieve_job, so only the process that sent the job can collect it")


def _fetched(fetch: Callable[[str], Any], job_id: str, forgotten: str) -> Any:
    """Return a job, or raise ForgottenJobError if the provider says that it has none with this id."""
    try:
        job = fetch(job_id)
    except Exception as error:
        if isinstance(error, LookupError) or "NotFound" in type(error).__name__:
            raise ForgottenJobError(f"{forgotten} does not find it ({line_of(error)})") from None
        raise
    if job is None:
        raise ForgottenJobError(f"{forgotten} returns none with this id")
    return job


def provider_device(backend: BackendV2, *, seed: int = 0) -> ProviderDevice:
    """Return a provider's backend as an asynchronous device, for runs.

    Parameters
    ----------
    backend : BackendV2
        The backend. It or its provider should have ``retrieve_job``; otherwise only the process that sent a run can collect it.

    Raises
    ------
    InputError
        If it is not a ``BackendV2``, has no target, or does not run circuits.
    """
    if not isinstance(backend, BackendV2):
        raise InputError(f"device: {shown(backend)} is not allowed; give a Qiskit BackendV2")
    refuse_runtime_backend(backend)
    return ProviderDevice(backend, seed)
