"""Training in a run's folder: every step is stored completely or not at all, and an interrupted training resumes from there.

A checkpoint holds all of `State`, including the vectors for warm starts. An interrupted and resumed training therefore gives the
same numbers as an uninterrupted one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.progress import Progress, silent, steps_done
from qep_qiskit.provenance import versions
from qep_qiskit.runs.file.folders import DATABASE
from qep_qiskit.runs.file.records import Checkpoint
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.new_run import new_run, unasked
from qep_qiskit.runs.turning_points import reached
from qep_qiskit.training.life.hardware import Confirm, billed_for, device_of, through_the_run
from qep_qiskit.training.life.identity import IDENTITY, identity_of, refuse_another
from qep_qiskit.training.life.interrupts import InterruptedTrainingError, first_interrupt_waits
from qep_qiskit.training.loop.log import Log, OnStep, timed
from qep_qiskit.training.loop.settlement import settled
from qep_qiskit.training.loop.steps import State, Step, steps
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.loop.trained import TrainingResult

START = "start "
NUMBERS = ("step", "shots", "running", "best", "waited", "stopped")
"""The fields of a state that are no arrays."""
PYTHON = "# This run was made by qep_qiskit.train from Python; its settings and data are in run.db.\n"


def kept_steps(
    task: Task,
    run: str | os.PathLike[str],
    *,
    spec_text: str | None = None,
    about: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    on_begin: Callable[[Log], None] = lambda log: None,
    confirm: Confirm = unasked,
    resubmit: bool = False,
    progress: Progress = silent,
) -> TrainingResult:
    """Run a task in a folder, or resume it there, and return its result.

    Parameters
    ----------
    spec_text : str, optional
        The text of the spec from which the task was made.
    about : mapping, optional
        Further facts for the report, such as the scaling of the data and the names of the classes.
    on_begin : callable
        Called once, with the log of the steps that are already stored.
    confirm : callable
        Called with the expected price and the store before the first job, if the device takes jobs.

    Raises
    ------
    InputError
        If the folder holds another training, or a run that is not a training.
    InterruptedTrainingError
        After Ctrl-C: once the current step is stored or, if its job is under way on a device, at once, since the job is stored.
    """
    device = device_of(task)
    if device is not None and not (Path(run) / DATABASE).is_file():
        device.ready()
    with opened(task, Path(run), spec_text, about) as store:
        log = restored_log(task, store)
        on_begin(log)
        if not log.finished:
            _go_on(log, store, on_step, progress, confirm=confirm, resubmit=resubmit)
        result = log.result()
        store.put("state", "run", "done")
        store.put("training", "finished", {"steps": len(log.history), "stopped": result.stopped, "shots": result.shots})
        return result


def _go_on(log: Log, store: RunStore, on_step: OnStep | None, progress: Progress, **options: Any) -> None:
    """Take the remaining steps and store each of them."""
    task = log.task
    planned = log.note_planned(settled(task, store, progress=progress))

    def stopping() -> None:
        steps_done(progress, "stopping; Ctrl-C again aborts", log.done, task.total_steps)

    with (
        first_interrupt_waits(stopping) as pressed,
        through_the_run(planned, store, done=log.done, pressed=pressed, progress=progress, **options) as (running, at),
    ):
        log.tell(progress)
        for done, seconds in timed(steps(running, log.state, progress=progress)):
            number = done.state.step
            row = log.add(done, seconds, billed_for(store, number))
            reached(f"step {number}: before it is kept")
            keep(store, task, done, row)
            reached(f"step {number}: kept")
            at(number)
            log.tell(progress)
            if on_step is not None:
                on_step(done)
            if pressed() and not log.finished:
                raise InterruptedTrainingError(f"{number} of {task.total_steps} steps are kept in {store.folder}")


def opened(task: Task, folder: Path, spec_text: str | None, about: Mapping[str, Any] | None) -> RunStore:
    """Open the run of a task for writing; create it if the folder has none."""
    settings = task.describe()
    if not (folder / DATABASE).is_file():
        store = new_run(
            folder,
            PYTHON if spec_text is None else spec_text,
            settings["device"],
            kind="training",
            **{"from": "python" if spec_text is None else "spec"},
            fingerprint=fingerprint(identity_of(task)),
        )
        arrays = {"X": task.samples.X, "Y": task.samples.Y}
        if task.held_out is not None:
            arrays |= {"X held out": task.held_out.X, "Y held out": task.held_out.Y}
        store.put("training", "settings", {**settings, **(about or {}), "versions": versions()})
        store.put("training", IDENTITY, identity_of(task))
        store.put_checkpoint(Checkpoint("data", {name: a for name, a in arrays.items() if a is not None}))
        return store
    store = RunStore.open(folder, write=True)
    try:
        if store.description.get("kind") != "training":
            raise InputError(f"run: {folder} holds a run of another kind; give another folder")
        if (warning := refuse_another(store, task)) is not None:
            store.note(warning)
        before = store.get("training", "settings") or {}
        if before.get("epochs") != settings["epochs"]:
            store.put("training", "settings", {**before, "epochs": settings["epochs"]})
            store.put("state", "run", "stopped")
    except BaseException:
        store.close()
        raise
    return store


def keep(store: RunStore, task: Task, done: Step, row: Mapping[str, Any]) -> None:
    """Store a step and the state after it, in one transaction."""
    state = done.state
    arrays = {"weights": state.weights, **{f"memory {name}": array for name, array in state.memory.items()}}
    if state.best_weights is not None:
        arrays["best weights"] = state.best_weights
    numbers = {name: getattr(state, name) for name in NUMBERS}
    starts = [Checkpoint(f"{START}{sample}", {"start": array}) for sample, array in done.fresh.items()]
    value = {"record": dict(row), "epoch": done.epoch, "warnings": list(done.warnings)}
    store.add_step(state.step, value, checkpoint=Checkpoint("last", arrays, numbers), parts=starts)


def state_of(store: RunStore) -> State | None:
    """Return the stored state of a training, or None before its first step."""
    last = store.checkpoint("last")
    if last is None:
        return None
    starts = {}
    for name in store.checkpoint_names():
        part = store.checkpoint(name) if name.startswith(START) else None
        if part is not None:
            starts[int(name.removeprefix(START))] = np.array(part.arrays["start"])
    return State(
        weights=np.array(last.arrays["weights"]),
        memory={k.removeprefix("memory "): np.array(a) for k, a in last.arrays.items() if k.startswith("memory ")},
        starts=starts,
        best_weights=np.array(last.arrays["best weights"]) if "best weights" in last.arrays else None,
        **{name: last.about[name] for name in NUMBERS},
    )


def restored_log(task: Task, store: RunStore) -> Log:
    """Return the log of a run's stored steps."""
    log = Log(task)
    state = state_of(store)
    if state is not None:  # an earlier version may have stored less
        state = replace(state, memory={**task.optimizer.start(task.network.num_weights), **state.memory})
    log.state = state
    for kept in store.steps():
        log.history.append(kept["record"])
        if kept["epoch"] is not None:
            log.epochs.append(kept["epoch"])
        log.warn(kept["warnings"])
    return log
