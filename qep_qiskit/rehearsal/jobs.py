"""Jobs of the mock service."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qep_qiskit.devices.digests import mark_in
from qep_qiskit.rehearsal import programs
from qep_qiskit.rehearsal.machine import Machine


@dataclass
class Job:
    """A job of the mock service, with its inputs as received and its billed QPU seconds.

    It may start at `due`, appears in listings from `visible` on, and has been running since `began`; these are times of the
    monotonic clock. `share` is the completed part of its simulation.
    """

    id: str
    machine: Machine
    tags: list[str]
    session: str | None
    private: bool
    program: programs.Program
    params: Mapping[str, Any]
    created: str
    due: float
    visible: float
    status: str = "Queued"
    reason: str = ""
    result: str = ""
    reads: int = 0
    seconds: float = 0.0
    began: float = 0.0
    share: float = 0.0
    started: str | None = None
    ended: str | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def names(self) -> list[str]:
        """The tags of the job, without the tag that is a digest of its content."""
        return [tag for tag in self.tags if tag != mark_in(self.tags)]

    def progressed(self, count: int, total: int) -> None:
        """Note that `count` of `total` states or circuits are simulated."""
        self.share = count / total

    def document(self, *, inputs: bool = False) -> dict[str, Any]:
        """Return the job in the service's format, with or without its inputs."""
        state: dict[str, Any] = {"status": self.status}
        if self.reason:
            state |= {"reason": self.reason, "reason_code": 1000}
        return {
            "id": self.id,
            "backend": self.machine.name,
            "state": state,
            "status": self.status,
            "program": {"id": "executor"},
            "created": self.created,
            "tags": self.tags,
            "session_id": self.session,
            "private": self.private,
            "usage": {"seconds": self.seconds},
            **({"params": self.params} if inputs else {}),
        }
