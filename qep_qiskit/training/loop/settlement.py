"""β = "auto" and shots that are to be shared out, planned once for a whole training and kept with its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.stencils import stencil
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.sources import Equilibrium, Source
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
    if not task.left_to_the_planner:
        return task
    known = None if store is None else store.get("training", PLANNED)
    if known is None:
        known = _planned(task, progress)
        if store is not None:
            store.put("training", PLANNED, known)
            store.put("training", "settings", {**(store.get("training", "settings") or {}), PLANNED: known})
    shots, calibration = known["shots"], known["calibration_shots"]
    phases = stencil(known["kind"], float(known["beta"]))
    return replace(
        task,
        shots=Split(shots) if isinstance(shots, list) else shots,
        calibration_shots=calibration,
        source=changed(task.source, lambda own: replace(own, stencil=phases, calibration_shots=calibration)),
    )


def changed(source: Source, change: Callable[[Equilibrium], Equilibrium]) -> Source:
    """Return a source with the equilibrium propagation in it changed; another kind of source stays as it is."""
    if isinstance(source, Distributed):
        return replace(source, source=changed(source.source, change))
    return change(source) if isinstance(source, Equilibrium) else source


def _planned(task: Task, progress: Progress) -> dict[str, Any]:
    own = task.source.source if isinstance(task.source, Distributed) else task.source
    assert isinstance(own, Equilibrium)
    found = settle(
        Problem(task.network, task.first, task.samples.X[0], cost=task.samples.costs[0]),
        preparer=own.preparer,
        stencil=own.stencil,
        device=own.device,
        shots=task.shots,
        mitigation=own.mitigation,
        calibration_shots=own.calibration_shots,
        seed=task.seed,
        progress=progress,
    )
    shots = [list(row) for row in found.shots.shots] if isinstance(found.shots, Split) else found.shots
    return {
        "kind": found.stencil.kind,
        "beta": found.stencil.beta,
        "shots": shots,
        "calibration_shots": found.calibration_shots,
        "predicted_relative_error": found.record["predicted_relative_error"],
    }
