"""Summaries of runs, for listings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.estimates import duration
from qep_qiskit.runs.calls import calls_of
from qep_qiskit.runs.file.database import RunDamagedError
from qep_qiskit.runs.file.folders import DATABASE, HOME
from qep_qiskit.runs.file.records import ENDED_BADLY
from qep_qiskit.runs.file.store import RunStore


@dataclass(frozen=True, repr=False)
class Summary:
    """The summary of a run.

    Attributes
    ----------
    state : str
        One of: done, waiting, not sent, failed, cancelled, unknown, unknown to the service, given up, stopped, damaged,
        unreadable.
    shots : int
        The requested shots of all executions that have ended.
    seconds : float or None
        Billed seconds; None while the service has not reported all of them.
    gradients : list of str
        The mitigations with which the counts were evaluated.
    size : int
        Size of run.db in bytes.
    problem : str
        The reason why the run cannot be read.
    """

    folder: str
    id: str = ""
    kind: str = ""
    device: str = ""
    state: str = "damaged"
    created: str = ""
    updated: str = ""
    jobs: dict[str, int] = field(default_factory=dict)
    shots: int = 0
    seconds: float | None = None
    gradients: list[str] = field(default_factory=list)
    steps: int = 0
    size: int = 0
    problem: str = ""

    def __repr__(self) -> str:
        jobs = ", ".join(f"{number} {state}" for state, number in self.jobs.items())
        billed = "" if self.seconds is None else f", {duration(self.seconds)} billed"
        parts = [self.state, self.device, jobs and f"jobs: {jobs}", f"{self.shots:,} shots{billed}" if self.shots else ""]
        return f"Summary({self.folder}: {'; '.join(part for part in [*parts, self.problem] if part)})"


def runs_in(folder: Path = HOME) -> list[Path]:
    """Return the folders of all runs in a folder and its subfolders; the folder itself may be one."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that holds runs")
    return sorted(path.parent for path in folder.rglob(DATABASE))


def summary(folder: Path) -> Summary:
    """Return the summary of a run. If the run cannot be read, the summary says why."""
    size = (folder / DATABASE).stat().st_size
    try:
        with RunStore.open(folder) as store, store.snapshot():
            return _summary(store, size)
    except (InputError, OSError) as error:
        state = "damaged" if isinstance(error, RunDamagedError) else "unreadable"
        problem = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        return Summary(str(folder), state=state, size=size, problem=problem)


def _summary(store: RunStore, size: int) -> Summary:
    jobs, events = store.jobs(), store.events()
    description = store.description
    return Summary(
        folder=str(store.folder),
        id=str(description.get("id", "")),
        kind=str(description.get("kind", "gradient")),
        device=str(description.get("device", "")),
        state=state_of(store),
        created=store.created,
        updated=events[-1].time if events else store.created,
        jobs=dict(Counter(job.state for job in jobs)),
        shots=sum(job.executions * job.shots for job in jobs if job.state == "done"),
        seconds=store.billed,
        gradients=[str(entry.get("mitigation", "none")) for entry in store.gradients()],
        steps=len(store.steps()),
        size=size,
    )


def progress_of(store: RunStore) -> dict[str, Any] | None:
    """Return the progress of a training, or None if the run is not a training.

    Returns
    -------
    dict or None
        ``steps`` done and ``total``; billed ``seconds`` and their ``estimate``, each None if unknown; ``asked``: whether the
        training began from a spec.
    """
    if store.description.get("kind") != "training":
        return None
    settings = store.get("training", "settings") or {}
    batches = -(-int(settings.get("samples", 0)) // int(settings.get("batch_size", 1)))
    return {
        "steps": len(store.steps()),
        "total": int(settings.get("epochs", 0)) * batches,
        "seconds": store.billed,
        "estimate": (store.get("estimate", "training") or {}).get("qpu_seconds"),
        "asked": store.description.get("from") == "spec",
    }


def state_of(store: RunStore) -> str:
    """Return the state of a run: done, waiting, not sent, stopped, the state of a job that ended badly, or unknown."""
    told: Any = store.get("state", "run")
    if told is not None:
        return str(told)
    if store.gradients():
        return "done"
    if store.description.get("kind") == "training":
        return "stopped"
    calls = calls_of(store)
    if calls is not None and calls["calls"] == calls["answered"] > 0:
        return "done"
    states = [job.state for job in store.jobs()]
    for bad in ENDED_BADLY:
        if bad in states:
            return "unknown" if bad == "lost" else bad
    return "not sent" if all(state == "intended" for state in states) else "waiting"
