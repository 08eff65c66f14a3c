"""Training on a device that takes jobs: the price is confirmed first, and the run stores every job."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.price import Price
from qep_qiskit.devices.remote import RemoteDevice, cautions_of
from qep_qiskit.equilibrium.all_rounds import compile_rounds, price_of_rounds, rounds_of
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.prediction import UNUSED, read_only
from qep_qiskit.errors import InputError
from qep_qiskit.files import typed
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.records import BILL
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.bills import ask_bills
from qep_qiskit.runs.jobs.courier import Courier
from qep_qiskit.runs.jobs.journal import JournalDevice
from qep_qiskit.runs.new_run import unasked
from qep_qiskit.seeds import integer
from qep_qiskit.training.data.targets import TrainingSamples
from qep_qiskit.training.life.interrupts import InterruptedTrainingError
from qep_qiskit.training.loop.sources import Equilibrium
from qep_qiskit.training.loop.task import Task

Confirm = Callable[[Mapping[str, Any], RunStore], None]


def device_of(task: Task) -> RemoteDevice | None:
    """Return the device of a training if it takes jobs, else None."""
    device = task.settings.device
    return device if isinstance(device, RemoteDevice) else None


def refuse(task: Task, run: object, workers: object, scheduler: object) -> None:
    """Raise InputError for options that a device that takes jobs does not support, or that could lose paid jobs."""
    device = device_of(task)
    if device is None:
        return
    if (workers, scheduler) != (None, None):
        name, value = ("workers", workers) if workers is not None else ("scheduler", scheduler)
        raise InputError(f"{name}: {value!r} does not go with {device.name}, whose jobs go through one run; leave it out")
    if task.settings.shots is None:
        raise InputError(f"shots: missing; {device.name} measures, so give the shots of each circuit, for instance 10000")
    if run is None:
        raise InputError(
            f"run: missing; jobs on {device.name} are paid for, and only a run keeps them: give a folder, such as "
            f"run='hardware_runs/{device.name}-training'"
        )


@contextlib.contextmanager
def through_the_run(
    task: Task,
    store: RunStore,
    *,
    done: int,
    confirm: Confirm = unasked,
    resubmit: bool = False,
    pressed: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> Iterator[tuple[Task, Callable[[int], None]]]:
    """Yield the task with a device that stores its jobs in the run, and a function that sets the number of the next step.

    If an interrupted process left the run's batch or session open, it is joined. It is always closed at the end.

    Parameters
    ----------
    task : Task
        A task without options left to the planner. If its device does not take jobs, the task is yielded unchanged.
    confirm : callable
        Called with the expected price and the store before the first job. An exception stops the run, which can be resumed.
    pressed : callable
        Returns whether Ctrl-C was pressed. If so, no more jobs are sent, and jobs under way are not awaited.
    """
    device = device_of(task)
    if device is None:
        yield task, lambda step: None
        return
    if (why := store.a_copy) is not None:
        raise InputError(f"run: {why}")

    def stop(where: str) -> None:
        if pressed():
            steps = len(store.steps())
            raise InterruptedTrainingError(f"{steps} of {task.total_steps} steps are kept in {store.folder}; {where}")

    courier = courier_of(store, device, progress)
    journal = JournalDevice(courier, str(store.description["id"]), stop)
    journal.at(done)
    _confirmed(task, journal, done, confirm, progress)
    if resubmit and (ended := courier.ended_badly()):
        price = {**courier.price(ended), "steps": len({job.round for job in ended}), "cautions": cautions_of(device)}
        confirm(price, store)
        courier.replace(ended)
    try:
        yield replace(task, settings=replace(task.settings, device=journal)), journal.at
        ask_bills(store, device)
    finally:
        courier.close_group()


def billed_for(store: RunStore, number: int) -> float | None:
    """Return the QPU seconds billed for the jobs of a step (counted from 1); None if it has none, or a bill is missing."""
    bills = [store.get(BILL, job.tag, 0.0) for job in store.jobs(number - 1, replaced=True)]
    return float(sum(bills)) if bills and None not in bills else None


def courier_of(store: RunStore, device: RemoteDevice, progress: Progress = silent) -> Courier:
    """Return the courier of a training's jobs; its messages say how to resume the training."""
    folder = Path(store.folder)
    if store.description.get("from") == "python":
        return Courier(
            store, device, progress, f"qep.train(..., run={str(folder)!r})", f"qep.train(..., run={str(folder)!r}, resubmit=True)"
        )
    return Courier(store, device, progress, f"qep train --resume {typed(folder)}")


def _confirmed(task: Task, journal: JournalDevice, done: int, confirm: Confirm, progress: Progress) -> None:
    """Show the price of the training and ask for confirmation, unless this many steps were confirmed before."""
    store = journal.courier.store
    if int((store.get("confirmed", "training") or {}).get("steps", 0)) >= task.total_steps:
        return
    expected = expected_price(task, journal, done=done, progress=progress).total.document()
    price = {**expected, "steps": task.total_steps - done, "cautions": cautions_of(journal.courier.device)}
    store.put("estimate", "training", price)
    confirm(price, store)
    store.put("confirmed", "training", {"steps": task.total_steps})


@dataclass(frozen=True)
class TrainingPrice:
    """The expected price of a training.

    Attributes
    ----------
    step : Price
        The price of one whole batch.
    steps : Price
        The price of all batches; the last batch of an epoch may be smaller.
    held_out : Price
        The price of all measurements of held-out samples.
    """

    step: Price
    steps: Price
    held_out: Price

    @property
    def total(self) -> Price:
        """The price of everything."""
        return self.steps + self.held_out


def expected_price(task: Task, device: Device, *, done: int = 0, progress: Progress = silent) -> TrainingPrice:
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
    whole, count = min(task.batch_size, len(task.samples)), len(task.samples)
    last = (count - 1) % task.batch_size + 1
    ends = task.epochs - done // task.steps_per_epoch
    step = steps = held_out = Price()
    if isinstance(task.source, Equilibrium):
        compiled = compile_rounds(rounds_of(_first(task, task.samples, None, progress), progress), device, shared=True)
        step, smaller = (sum((part.price(device, samples=n) for part in compiled), Price()) for n in (whole, last))
        steps = step.times(task.total_steps - done - ends) + smaller.times(ends)
    if task.held_out is not None:
        seen = _first(task, task.held_out, task.read_shots, progress)
        held_out = price_of_rounds([seen], device, samples=len(task.held_out), shared=True).times(ends)
    return TrainingPrice(step, steps, held_out)


def _first(task: Task, samples: TrainingSamples, read_shots: int | None, progress: Progress) -> Plan:
    """Return the first round for the first sample: of predictions if `read_shots` is given, else of a gradient."""
    problem = Problem(task.network, task.first, samples.X[0], cost=samples.costs[0])
    settings = replace(task.settings, seed=integer(task.seed, "step", 0))
    if read_shots is None:
        return plan(problem, settings, progress=progress)
    return plan(read_only(problem), replace(settings, shots=read_shots), stencil=UNUSED, progress=progress)
