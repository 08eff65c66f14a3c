"""The planner's choice of β and of the shots, made once for a whole training and stored in its run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qep_qiskit.forecasting.planner import settle
from qep_qiskit.measurement.split import Split
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.stencils import Stencil, stencil
from qep_qiskit.training.loop.task import Task

PLANNED = "planned"
"""The key of the document with the planned numbers, so that a run resumed later keeps its β and its shots."""


def settled(task: Task, store: RunStore | None = None, *, progress: Progress = silent) -> Task:
    """Return the task with numbers in place of the options left to the planner.

    The numbers are planned for the first sample at the initial weights, and used for every step.

    Parameters
    ----------
    task : Task
    store : RunStore, optional
        A store open for writing. Numbers stored in it are used; newly planned ones are added to it.
    """
    if not task.settings.open:
        return task
    numbers = None if store is None else store.get("training", PLANNED)
    if numbers is None:
        numbers = _planned(task, progress)
        if store is not None:
            store.put("training", PLANNED, numbers)
            store.put("training", "settings", {**(store.get("training", "settings") or {}), PLANNED: numbers})
    shots = numbers["shots"]
    settings = replace(
        task.settings,
        stencil=stencil(numbers["kind"], float(numbers["beta"])),
        shots=Split(shots) if isinstance(shots, list) else shots,
        calibration_shots=numbers["calibration_shots"],
    )
    return replace(task, settings=settings)


def _planned(task: Task, progress: Progress) -> dict[str, Any]:
    first = Problem(task.network, task.first, task.samples.X[0], cost=task.samples.costs[0])
    settings, record = settle(first, task.settings, progress)
    assert record is not None and isinstance(settings.stencil, Stencil)
    return {
        "kind": settings.stencil.kind,
        "beta": settings.stencil.beta,
        "shots": [list(row) for row in settings.shots.shots] if isinstance(settings.shots, Split) else settings.shots,
        "calibration_shots": settings.calibration_shots,
        "predicted_relative_error": record["predicted_relative_error"],
    }
