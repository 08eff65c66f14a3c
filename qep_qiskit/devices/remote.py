"""What a device is whose answers come later: it takes jobs by tag and is asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.devices.device import Compiled, Device
from qep_qiskit.errors import DeviceError

__all__ = ["DeviceError", "GroupingDevice", "RemoteDevice", "RemoteJob", "RunPub"]


@dataclass(frozen=True)
class RunPub:
    """A measured circuit in the device's gates and the rows of values of its parameters, in their own order."""

    circuit: QuantumCircuit
    values: NDArray[np.float64]


@dataclass(frozen=True)
class RemoteJob:
    """A job as the service lists it.

    Attributes
    ----------
    id : str
    state : str
        submitted, queued, running, done, failed or cancelled.
    created : str
    """

    id: str
    state: str
    created: str


@runtime_checkable
class RemoteDevice(Device, Protocol):
    """A device that is sent jobs and asked for them later, from another process or on another day."""

    def ready(self) -> None:
        """Reach the device, or say in one line why it cannot be reached."""
        ...

    def measured(self, compiled: Compiled, axes: str) -> QuantumCircuit:
        """Return the circuit that is sent for these axes."""
        ...

    def sent(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
        """Return the pubs that stand for a circuit and its rows of values, rows in order."""
        ...

    def check(self, pubs: Sequence[RunPub]) -> None:
        """Refuse, in one line, what the device would not run."""
        ...

    def submit(self, pubs: Sequence[RunPub], *, shots: int, tag: str) -> str:
        """Send one job and return its id."""
        ...

    def find(self, tag: str) -> list[RemoteJob]:
        """Return the jobs with this tag, the earliest first."""
        ...

    def status(self, job_id: str) -> tuple[str, str]:
        """Return the state of a job, and why it failed if it did."""
        ...

    def result(self, job_id: str) -> list[BitArray]:
        """Return the shots of every pub."""
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
class GroupingDevice(Protocol):
    """A remote device that can keep jobs together: in a batch, or in a session that has the device to itself."""

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
