"""The price of a training on a device that bills, before its first job is sent."""

from __future__ import annotations

from dataclasses import replace

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.price import Price
from qep_qiskit.equilibrium.compiled_round import price_of_rounds, rounds_of
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.prediction import UNUSED, read_only
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.seeds import integer
from qep_qiskit.training.data.targets import TrainingSamples
from qep_qiskit.training.loop.sources import Equilibrium
from qep_qiskit.training.loop.task import Task


def expected_price(task: Task, device: Device, *, done: int = 0, progress: Progress = silent) -> Price:
    """Estimate the price of the steps after the first `done`, from one sample's circuits times samples, steps and epochs.

    Parameters
    ----------
    task : Task
        A task without options left to the planner.
    done : int
        The number of completed steps.
    """
    progress("working out the price", None)
    assert not task.settings.open
    steps, epochs = task.total_steps - done, task.epochs - done // task.steps_per_epoch
    price = Price()
    if isinstance(task.source, Equilibrium):
        first, batch = _first(task, task.samples, None, progress), min(task.batch_size, len(task.samples))
        price += price_of_rounds(rounds_of(first, progress), device, samples=batch).times(steps)
    if task.held_out is not None:
        seen = _first(task, task.held_out, task.read_shots, progress)
        price += price_of_rounds([seen], device, samples=len(task.held_out)).times(epochs)
    return price


def _first(task: Task, samples: TrainingSamples, read_shots: int | None, progress: Progress) -> Plan:
    """Return the first round for the first sample: of predictions if `read_shots` is given, else of a gradient."""
    problem = Problem(task.network, task.first, samples.X[0], cost=samples.costs[0])
    settings = replace(task.settings, seed=integer(task.seed, "step", 0))
    if read_shots is None:
        return plan(problem, settings, progress=progress)
    return plan(read_only(problem), replace(settings, shots=read_shots), stencil=UNUSED, progress=progress)
