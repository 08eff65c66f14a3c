"""β = "auto" and shots that are to be shared out, planned once for a whole training and kept with its run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.stencils import Stencil, stencil
from qep_qiskit.training.loop.task import Task

PLANNED = "planned"
"""The run's document of what was planned: a run that goes on another day keeps the β and the shots that it began with."""


def settled(task: Task, store: RunStore | None = None, *, progress: Progress = silent) -> Task:
    """Return the task with numbers in place of what was left to the planner.

    They are planned for the first sample at the first weights, and serve every step.

    Parameters
    ----------
    task : Task
    store : RunStore, optional
        Open for writing: what it has is taken, and what is planned now is kept.
    """
    if not task.settings.open:
        return task
    known = None if store is None else store.get("training", PLANNED)
    if known is None:
        known = _planned(task, progress)
        if store is not None:
            store.put("training", PLANNED, known)
            store.put("training", "settings", {**(store.get("training", "settings") or {}), PLANNED: known})
    shots = known["shots"]
    settings = replace(
        task.settings,
        stencil=stencil(known["kind"], float(known["beta"])),
        shots=Split(shots) if isinstance(shots, list) else shots,
        calibration_shots=known["calibration_shots"],
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
