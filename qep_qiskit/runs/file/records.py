"""Records of a run: jobs, their circuits and values, and everything that happened to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import NDArray

FORGOTTEN = "unknown to the service"
"""The service knows no job of this id (any more); another account may."""
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
"""States that only another job can repair; a `lost` job may or may not exist."""


@dataclass(frozen=True)
class Pub:
    """A circuit and the rows of values that it is run with.

    Attributes
    ----------
    circuit : str
        The key of a stored circuit.
    names : tuple of str
        The parameters that the values belong to.
    values : list of list of float
        One row per execution.
    owners : list of list of int
        The (phase, basis) of each row and, if needed, the flipped qubits as a binary number (-1: none) and the factor by which
        folding makes the noise stronger.
    """

    circuit: str
    axes: str
    names: tuple[str, ...]
    values: list[list[float]]
    owners: list[list[int]]


@dataclass(frozen=True)
class JobRecord:
    """A job as the run knows it.

    Attributes
    ----------
    tag : str
        The name under which the service knows it.
    round, purpose, shots, seed
        Its purpose. The round of a training's job is its step.
    state : str
        One of `STATES`.
    created, updated : str
        UTC.
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
        """The job's purpose in words; the purposes of a training name their step."""
        return self.purpose if self.purpose.startswith("step ") else f"{self.purpose} of round {self.round + 1}"

    @property
    def executions(self) -> int:
        """The number of circuits with all of their rows of values."""
        return sum(len(pub.values) for pub in self.pubs)

    def content(self) -> dict[str, Any]:
        """Return the unchanging part as a document."""
        return {
            "round": self.round,
            "purpose": self.purpose,
            "shots": self.shots,
            "seed": self.seed,
            "device": self.device,
            "pubs": [asdict(pub) for pub in self.pubs],
        }


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, at a time in UTC."""

    time: str
    tag: str | None
    state: str | None
    text: str


@dataclass(frozen=True)
class Checkpoint:
    """A state that a training resumes from: arrays of numbers, and facts about them.

    Attributes
    ----------
    name : str
        ``"last"``, ``"best"``.
    about : mapping
        Values for JSON.
    """

    name: str
    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any] = field(default_factory=dict)
