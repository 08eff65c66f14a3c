"""What a training will cost on a device that is paid for, before its first job is sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.prediction import UNUSED, read_only
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.runs.jobs.journal import JournalDevice
from qep_qiskit.runs.prices import Cost, of_rounds
from qep_qiskit.seeds import integer
from qep_qiskit.training.data.targets import Samples
from qep_qiskit.training.loop.sources import Equilibrium
from qep_qiskit.training.loop.task import Task


def expected_cost(task: Task, device: JournalDevice, *, done: int = 0, progress: Progress = silent) -> Cost:
    """Return about what the steps after the first `done` will cost: one sample's circuits times samples, steps and epochs.

    Parameters
    ----------
    task : Task
        With numbers for all that may be left to the planner.
    device : JournalDevice
    done : int
    """
    progress("working out what the training costs", None)
    assert not task.settings.open
    steps, epochs = task.total_steps - done, task.epochs - done // task.steps_per_epoch
    found = Cost()
    if isinstance(task.source, Equilibrium):
        rounds = [_first(task, task.samples, None, progress)]
        if not rounds[0].complete:  # the nudged phases' circuits are the same whatever the free phase answers
            rounds.append(advance(rounds[0], np.zeros(len(rounds[0].problem.cost_rows)), progress=progress))
        found += of_rounds(rounds, device, device.courier.device, samples=min(task.batch_size, len(task.samples))).times(steps)
    if task.held_out is not None:
        seen = _first(task, task.held_out, task.read_shots, progress)
        found += of_rounds([seen], device, device.courier.device, samples=len(task.held_out)).times(epochs)
    return found


def _first(task: Task, samples: Samples, read_shots: int | None, progress: Progress) -> Plan:
    """Return the first round of the first sample: of an answer with `read_shots`, of a gradient without."""
    problem = Problem(task.network, task.first, samples.X[0], cost=samples.costs[0])
    settings = replace(task.settings, seed=integer(task.seed, "step", 0))
    if read_shots is None:
        return plan(problem, settings, progress=progress)
    return plan(read_only(problem), replace(settings, shots=read_shots), stencil=UNUSED, progress=progress)
