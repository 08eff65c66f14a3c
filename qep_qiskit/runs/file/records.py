"""Records of a run: jobs, their circuits and values, events, and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import NDArray

FORGOTTEN = "unknown to the service"
"""The state of a job whose id the service does not know, or no longer knows; another account may."""
STATES = (
    "intended",
    "sending",
    "submitted",
    "queued",
    "running",
    "unknown",
    "done",
    "failed",
    "cancelled",
    "lost",
    FORGOTTEN,
    "given up",
    "replaced",
)
ENDED_BADLY = ("failed", "cancelled", "lost", FORGOTTEN, "given up")
"""States after which a job must be resubmitted; a `lost` job may or may not exist."""
BILL = "seconds"
"""The kind of the documents with the seconds billed for a job, by tag, or for its duplicate; null if not reported yet."""


@dataclass(frozen=True)
class Pub:
    """A circuit and the rows of values to run it with.

    Attributes
    ----------
    circuit : str
        The key of a stored circuit.
    names : tuple of str
        The circuit's parameters, in the order of the values.
    values : list of list of float
        One row per execution.
    owners : list of list of int
        The phase and basis of each row. If needed, two more numbers: the flipped qubits as a bit mask (-1: none), and the factor
        by which folding amplifies the noise.
    """

    circuit: str
    axes: str
    names: tuple[str, ...]
    values: list[list[float]]
    owners: list[list[int]]


@dataclass(frozen=True)
class JobRecord:
    """A job as recorded in the run.

    Attributes
    ----------
    tag : str
        The job's name at the service.
    round, purpose, shots, seed
        The reason for the job and its settings. For a training, the round is the step; for a layer, the call.
    state : str
        One of `STATES`.
    created, updated : str
        Times in UTC.
    """

    tag: str
    round: int
    purpose: str
    shots: int
    seed: int
    pubs: tuple[Pub, ...]
    state: str = "intended"
    job_id: str | None = None
    device: str | None = None
    created: str = ""
    updated: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The job's purpose in words, with its round; the purpose of a training's or a layer's job already has its number."""
        return self.purpose if self.purpose.startswith(("step ", "call ")) else f"{self.purpose} of round {self.round + 1}"

    @property
    def executions(self) -> int:
        """The number of executions: all rows of values of all circuits."""
        return sum(len(pub.values) for pub in self.pubs)

    def content(self) -> dict[str, Any]:
        """Return the part of the record that never changes, as a document."""
        fixed = ("round", "purpose", "shots", "seed", "device")
        return {**{name: getattr(self, name) for name in fixed}, "pubs": [asdict(pub) for pub in self.pubs]}


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, at a time in UTC."""

    time: str
    tag: str | None
    state: str | None
    text: str


@dataclass(frozen=True)
class Checkpoint:
    """A state from which a training resumes: arrays of numbers with a description."""

    name: str
    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any] = field(default_factory=dict)
