"""Asynchronous devices, which accept tagged jobs and return results later."""

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
from qep_qiskit.samples import Samples, from_bit_array


@dataclass(frozen=True)
class RunPub:
    """A measured circuit in the device's gates, with rows of values in the order of its parameters."""

    circuit: QuantumCircuit
    values: NDArray[np.float64]


class PubMaker(Protocol):
    """A device that turns measured circuits into pubs."""

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for a measurement along these axes."""
        ...

    def sent(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return the pubs for a circuit and its rows of values, with the rows in order."""
        ...

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse pubs that the device would not run, with a message of one line."""
        ...


def pubs_of(maker: PubMaker, work: Sequence[Work]) -> tuple[list[RunPub], list[int]]:
    """Return the checked pubs of some work, and for each pub the number of its item of work."""
    pubs, places = [], []
    for number, item in enumerate(work):
        for circuit, values in maker.sent(maker.measured(item.compiled, item.axes), item.values):
            pubs.append(RunPub(circuit, values))
            places.append(number)
    maker.check(pubs)
    return pubs, places


def samples_of(places: Sequence[int], shots: Sequence[Sequence[BitArray]]) -> list[list[Samples]]:
    """Return the samples of every item of work, given all shots of the pubs that :func:`pubs_of` made."""
    samples: list[list[Samples]] = [[] for _ in range(max(places, default=-1) + 1)]
    for place, parts in zip(places, shots, strict=True):
        samples[place] += from_bit_array(BitArray.concatenate_shots(list(parts)))
    return samples


@dataclass(frozen=True)
class RemoteJob:
    """A job as listed by the service.

    Attributes
    ----------
    state : str
        submitted, queued, running, done, failed, cancelled or unknown.
    mark : str or None
        The digest of the job's content, made by :func:`~qep_qiskit.devices.digests.mark_of` when the job was sent; None if the
        job has none.
    """

    id: str
    state: str
    created: str
    mark: str | None = None


UNDER_WAY = ("submitted", "queued", "running", "unknown")
"""The states of a job that has not ended, as far as is known."""
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
    """Return the standard name of a job's state, and the provider's word for it.

    Providers return members of Qiskit's ``JobStatus``, members of their own enumerations, or strings in upper or lower case.

    Returns
    -------
    str
        submitted, queued, running, done, failed, cancelled or unknown. It is failed only if the provider says so.
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
    """A device that accepts jobs and returns their results later, also to another process or on another day."""

    def ready(self) -> None:
        """Check that the device can be reached; if not, raise an error of one line with the reason."""
        ...

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id."""
        ...

    def find(self, tag: str) -> list[RemoteJob]:
        """Return the jobs with this tag, oldest first."""
        ...

    def status(self, job_id: str) -> tuple[str, str]:
        """Return the state of a job, and the reason if it failed or the provider's word if the state is unknown.

        Raises
        ------
        ForgottenJobError
            If the service has no such job, or has deleted it.
        """
        ...

    def result(self, job_id: str) -> object:
        """Return the provider's result of a job, for :func:`~qep_qiskit.devices.backends.results.read_result`."""
        ...

    def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended."""
        ...

    def seconds(self, job_id: str) -> float | None:
        """Return the seconds billed for a job, or None if the service does not report them."""
        ...

    def calibration(self, qubits: Sequence[int]) -> dict[str, object]:
        """Return the current calibration of these qubits."""
        ...


@runtime_checkable
class InspectedDevice(Protocol):
    """A remote device that can compare a job's content, so that jobs are not assigned to runs by name alone."""

    def holds(self, job_id: str, pubs: Sequence[RunPub], *, shots: int, tag: str) -> bool | None:
        """Return whether a job has these circuits, values and shots, or None if this cannot be determined."""
        ...


@runtime_checkable
class GroupingDevice(Protocol):
    """A remote device that can group jobs, in a batch or in a session that reserves the device."""

    @property
    def mode(self) -> str:
        """The grouping of jobs: ``"job"`` (none), ``"batch"`` or ``"session"``."""
        ...

    def open_group(self) -> str:
        """Open a batch or a session for subsequent jobs, and return its id."""
        ...

    def join_group(self, group_id: str) -> bool:
        """Use this batch or session, also one from another process, for subsequent jobs; return False if it accepts no more."""
        ...

    def close_group(self, group_id: str) -> None:
        """Close the batch or session to new jobs; the jobs in it still run."""
        ...


def cautions_of(device: object) -> list[str]:
    """Return the warnings about a device to show before payment, one line each."""
    return list(getattr(device, "cautions", list)())
