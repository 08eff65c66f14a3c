"""Asynchronous devices: they take jobs by tag, and return results later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray
from qiskit.providers import JobStatus

from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.errors import DeviceError, ForgottenJobError
from qep_qiskit.samples import Samples, from_bit_array

__all__ = [
    "UNDER_WAY",
    "DeviceError",
    "ForgottenJobError",
    "GroupingDevice",
    "InspectedDevice",
    "RemoteDevice",
    "RemoteJob",
    "RunPub",
    "read_state",
]


@dataclass(frozen=True)
class RunPub:
    """A measured circuit in the device's gates and the rows of values of its parameters, in their own order."""

    circuit: QuantumCircuit
    values: NDArray[np.float64]


class PubMaker(Protocol):
    """A device that turns measured circuits into pubs."""

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for these axes."""
        ...

    def sent(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return the pubs that stand for a circuit and its rows of values, rows in order."""
        ...

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse, in one line, what the device would not run."""
        ...


def pubs_of(maker: PubMaker, work: Sequence[Work]) -> tuple[list[RunPub], list[int]]:
    """Return the checked pubs of some work, and for each pub the number of its item."""
    pubs, places = [], []
    for number, item in enumerate(work):
        for circuit, values in maker.sent(maker.measured(item.compiled, item.axes), item.values):
            pubs.append(RunPub(circuit, values))
            places.append(number)
    maker.check(pubs)
    return pubs, places


def samples_of(places: Sequence[int], shots: Sequence[Sequence[BitArray]]) -> list[list[Samples]]:
    """Return the samples of every item of the work that :func:`pubs_of` made pubs of, from all shots of each pub."""
    samples: list[list[Samples]] = [[] for _ in range(max(places, default=-1) + 1)]
    for place, parts in zip(places, shots, strict=True):
        samples[place] += from_bit_array(BitArray.concatenate_shots(list(parts)))
    return samples


@dataclass(frozen=True)
class RemoteJob:
    """A job as the service lists it.

    Attributes
    ----------
    id : str
    state : str
        submitted, queued, running, done, failed, cancelled or unknown.
    created : str
    mark : str or None
        The digest of what the job holds, as :func:`~qep_qiskit.devices.digests.mark_of` made it when the job was sent; None for a
        job that bears none.
    """

    id: str
    state: str
    created: str
    mark: str | None = None


UNDER_WAY = ("submitted", "queued", "running", "unknown")
"""The states of a job that may still end."""
_WORDS = {
    "submitted": "INITIALIZING INITIALISING INITIALIZED CREATED SUBMITTED NEW RECEIVED ACCEPTED",
    "queued": "QUEUED VALIDATING VALIDATED PENDING WAITING READY SCHEDULED",
    "running": "RUNNING IN_PROGRESS INPROGRESS EXECUTING STARTED PROCESSING COMPILING CANCELLING CANCELING",
    "done": "DONE COMPLETED COMPLETE FINISHED SUCCESS SUCCEEDED SUCCESSFUL",
    "failed": "ERROR ERRORED FAILED FAILURE",
    "cancelled": "CANCELLED CANCELED",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_SENTENCES = {str(status.value).upper(): status.name for status in JobStatus}


def read_state(status: object) -> tuple[str, str]:
    """Return the meaning of a provider's word for a job's state, and the word.

    Providers give members of Qiskit's ``JobStatus`` or of an enumeration of their own, or strings in either case.

    Returns
    -------
    str
        submitted, queued, running, done, failed, cancelled, or unknown: only what a provider calls failed has failed.
    str
        The provider's own word.

    Examples
    --------
    >>> read_state("DONE"), read_state(JobStatus.ERROR), read_state("paused")
    (('done', 'DONE'), ('failed', 'ERROR'), ('unknown', 'paused'))
    """
    name = getattr(status, "name", None)
    word = " ".join(str(name if isinstance(name, str) else getattr(status, "value", status)).split())[:60]
    plain = _SENTENCES.get(word.upper(), word.upper().rsplit(".", 1)[-1])
    return _STATES.get(plain.replace(" ", "_").replace("-", "_"), "unknown"), word


@runtime_checkable
class RemoteDevice(Device, PubMaker, Protocol):
    """A device that takes jobs and returns their results later, to another process or on another day."""

    def ready(self) -> None:
        """Reach the device, or say in one line why it cannot be reached."""
        ...

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id."""
        ...

    def find(self, tag: str) -> list[RemoteJob]:
        """Return the jobs with this tag, the earliest first."""
        ...

    def status(self, job_id: str) -> tuple[str, str]:
        """Return the state of a job, and why it failed if it did; of an unknown state, the provider's word.

        Raises
        ------
        ForgottenJobError
            If the service has no such job, or none any more.
        """
        ...

    def result(self, job_id: str) -> object:
        """Return the provider's result of a job, for :func:`~qep_qiskit.devices.backends.results.read_result`."""
        ...

    def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended."""
        ...

    def seconds(self, job_id: str) -> float | None:
        """Return the seconds that a job was billed, where the service tells."""
        ...

    def calibration(self, qubits: Sequence[int]) -> dict[str, object]:
        """Return today's calibration of these qubits."""
        ...


@runtime_checkable
class InspectedDevice(Protocol):
    """A remote device that shows the contents of its jobs, so that no job is assigned to a run by its name alone."""

    def holds(self, job_id: str, pubs: Sequence[RunPub], *, shots: int, tag: str) -> bool | None:
        """Return whether a job's circuits, values and shots are these; None if it cannot be told."""
        ...


@runtime_checkable
class GroupingDevice(Protocol):
    """A remote device that can keep jobs together: in a batch, or in a session that reserves the device."""

    @property
    def mode(self) -> str:
        """``"job"``, ``"batch"`` or ``"session"``."""
        ...

    def open_group(self) -> str:
        """Open a batch or a session, send what follows in it, and return its id."""
        ...

    def join_group(self, group_id: str) -> bool:
        """Send what follows in this one, from another process too; False where it takes no more jobs."""
        ...

    def close_group(self, group_id: str) -> None:
        """Let it take no more jobs; those that it has run to their end."""
        ...
