"""The training loop as a generator of steps. It uses no clock, no files and no screen.

Everything that changes is in `State`: the same task and state give the same next step, in any process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium import Gradient
from qep_qiskit.equilibrium.prediction import answers
from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import NEAR, Prepared, Start
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.seeds import integer
from qep_qiskit.settings import STATE
from qep_qiskit.stencils import stencil
from qep_qiskit.training.data.targets import TrainingSamples
from qep_qiskit.training.loop.compared import compared
from qep_qiskit.training.loop.sources import BatchMean, mean_of
from qep_qiskit.training.loop.starts import kept, restored
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.rules.metrics import measured
from qep_qiskit.training.rules.optimizers import Memory
from qep_qiskit.training.rules.step_plan import BETA_REASONS, Planner, Seen, StepPlan

Vector = NDArray[np.float64]
Indices = NDArray[np.int64]


TRIALS = 3
"""Gradients without shots by which a planner chooses the first β."""
LEAST_CALIBRATION = 100
"""The least shots per calibration circuit where a rule plans the shots: too few cannot tell readout from noise."""
LARGEST_STEP = 1e12
"""The largest allowed step, relative to the weights; larger weights would lose the energy gap to rounding, or overflow."""


@dataclass(frozen=True)
class State:
    """The state of a training between two steps.

    Attributes
    ----------
    step : int
        The number of completed steps.
    weights : ndarray of shape (K,)
    memory : mapping of str to ndarray
        The optimizer's memory.
    starts : mapping of int to ndarray
        The start of the next search for each sample's free phase, for the samples seen so far.
    shots : int
        The number of shots used so far.
    running : mapping
        Sums over the current epoch: samples, loss, correct predictions.
    best, best_weights, waited
        The loss and weights of the best epoch, and the number of epochs since; for early stopping.
    stopped : str or None
        The reason why the training stopped early.
    """

    step: int
    weights: Vector
    memory: Memory
    starts: Mapping[int, Start] = field(default_factory=dict)
    shots: int = 0
    running: Mapping[str, float] = field(default_factory=dict)
    best: float | None = None
    best_weights: Vector | None = None
    waited: int = 0
    stopped: str | None = None


@dataclass(frozen=True)
class Step:
    """The result of one step.

    Attributes
    ----------
    record : mapping
        The step's row of the history.
    epoch : mapping or None
        The row of the epoch, if this step ends it.
    state : State
        The state after the step.
    fresh : mapping of int to ndarray
        The changed starts, by sample.
    warnings : tuple of str
    """

    record: Mapping[str, Any]
    epoch: Mapping[str, Any] | None
    state: State
    fresh: Mapping[int, Start]
    warnings: tuple[str, ...]


def first_state(task: Task) -> State:
    """Return the state before the first step."""
    return State(0, task.first, task.optimizer.start(task.network.num_weights))


def steps(task: Task, state: State | None = None, *, progress: Progress = silent) -> Iterator[Step]:
    """Yield the steps of a training, from the beginning or from a given state.

    Raises
    ------
    InputError
        If a sample has no unique ground state, or a step is infinite or too large.
    """
    current = first_state(task) if state is None else state
    while current.step < task.total_steps and current.stopped is None:
        done = take(task, current, progress=progress)
        current = done.state
        yield done


def take(task: Task, state: State, *, progress: Progress = silent) -> Step:
    """Take one step of a training and return its result."""
    step, batch = state.step, task.batch(state.step)
    problems = [Problem(task.network, state.weights, task.samples.X[i], cost=task.samples.costs[i]) for i in batch]
    if task.settings.open:
        raise ValueError("a task that leaves something to the planner is to be settled before its first step")
    planned = _planned(task, state, problems, batch)
    first_shots: Any = task.settings.shots
    shots = (
        first_shots
        if not isinstance(first_shots, int)
        else planned.shots
        if planned
        else task.optimizer.shots(first_shots, state.memory)
    )
    gradients = _gradients(task, problems, _warm_start(task, state, batch), shots, planned, step, progress)
    mean = mean_of(gradients)
    gradient = task.constraints.gradient(mean.values, state.weights)
    covariance = task.constraints.covariance(mean.covariance)
    rate = task.rate(step)
    change, memory = task.optimizer.update(gradient, covariance, shots, rate, state.memory)
    if planned is not None:
        memory = _learned(task, planned, gradients, mean, (gradient, covariance), batch, rate, memory)
    weights = task.constraints.stepped(state.weights, change)
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(np.linalg.norm(change))
    if not (np.isfinite(weights).all() and size <= LARGEST_STEP * (1.0 + float(np.linalg.norm(state.weights)))):
        raise InputError(
            f"training: step {step + 1} would move the weights by {size:.3g} at learning rate {rate:.3g}; take a smaller "
            "learning_rate or clip"
        )
    fresh = (
        {int(i): s for i, g in zip(batch, gradients, strict=True) if (s := kept(g.free, task.settings.preparer)) is not None}
        if task.carries
        else {}
    )
    after = replace(
        state,
        step=step + 1,
        weights=weights,
        memory=memory,
        starts={**state.starts, **fresh},
        shots=state.shots + mean.shots,
        running=_run_on(task, state.running, batch, gradients),
    )
    record: dict[str, Any] = {
        "step": step + 1,
        "epoch": step // task.steps_per_epoch + 1,
        "loss": mean.loss,
        "loss_stderr": mean.loss_stderr,
        "loss_bias": mean.loss_bias,
        "shots": mean.shots,
        "shots_per_circuit": round(float(shots.table[shots.table > 0].mean())) if isinstance(shots, Split) else shots,
        "learning_rate": rate,
        "gradient_norm": float(np.linalg.norm(gradient)),
        "gradient_stderr": None if covariance is None else float(np.sqrt(np.trace(covariance))),
        "step_norm": float(np.linalg.norm(weights - state.weights)),
        "beta_bias": mean.beta_bias,
        "warned": sum(bool(g.diagnostics.warnings) for g in gradients),
        **({} if planned is None else {**planned.record, **_shown(task, gradients, memory)}),
    }
    if task.compare_every and step % task.compare_every == 0:
        record |= compared(task, problems, gradients, mean.values, progress)
    epoch = None
    if after.step % task.steps_per_epoch == 0:
        epoch, after = _end_of_epoch(task, after, progress)
        record["shots"] += epoch["validation_shots"] or 0
    return Step(record, epoch, after, fresh, mean.warnings)


def _warm_start(task: Task, state: State, batch: Indices) -> list[Prepared | None] | None:
    """Return the start of each sample of a batch: its last state or a similar sample's angles. None: the preparer chooses."""
    if not task.carries:
        return None
    preparer = task.settings.preparer
    starts = [state.starts.get(int(i)) for i in batch]
    if any(start is None for start in starts):
        if preparer.supports.start != "angles":
            return None
        similar = _similar(task, state, task.samples.X[batch])
        starts = [near if start is None else start for start, near in zip(starts, similar, strict=True)]
    return [restored(start, preparer) for start in starts]


def _similar(task: Task, state: State, X: Vector) -> list[Start | None]:
    """Return, for each input, the start of the training sample with the nearest input; None if their Hamiltonians differ much."""
    seen = sorted(state.starts)
    if not seen:
        return [None] * len(X)
    cost, others = task.samples.costs[0], task.samples.X[seen]
    starts: list[Start | None] = []
    for x in X:
        nearest = int(np.argmin(np.linalg.norm(others - x, axis=1)))
        rows = [Problem(task.network, state.weights, each, cost=cost).hamiltonian_row for each in (x, others[nearest])]
        close = np.abs(rows[1] - rows[0]).sum() <= NEAR * np.abs(rows[0]).sum()
        starts.append(state.starts[seen[nearest]] if close else None)
    return starts


def _planned(task: Task, state: State, problems: Sequence[Problem], batch: Indices) -> StepPlan | None:
    """Return the plan of a step; None if the update rule does not plan. The first β is found without shots where possible."""
    rule, settings = task.optimizer, task.settings
    if not isinstance(rule, Planner) or not isinstance(settings.shots, int):
        return None
    beta = settings.fixed_stencil.beta
    for _ in range(TRIALS if state.step == 0 and settings.preparer.supports.quick else 0):
        ideal = replace(settings, device=STATE, shots=None, stencil=stencil(settings.fixed_stencil.kind, beta))
        saturation = mean_of(task.source(problems, ideal)).saturation
        if saturation is None:
            break
        beta = rule.first_beta(beta, settings.fixed_stencil.order, saturation)
    plan = rule.planned(settings.shots, beta, batch, state.memory)
    if state.step == 0 and beta != settings.fixed_stencil.beta:
        plan = replace(plan, record={**plan.record, "beta_reason": BETA_REASONS[1]})
    return plan.in_one_job(settings.shots) if getattr(settings.device, "gathers", False) else plan


def _learned(
    task: Task,
    planned: StepPlan,
    gradients: Sequence[Gradient],
    mean: BatchMean,
    step: tuple[Vector, NDArray[np.float64] | None],
    batch: Indices,
    rate: float,
    memory: Memory,
) -> Memory:
    noise = [g.noise for g in gradients if g.noise is not None]
    rule, (gradient, covariance) = task.optimizer, step
    if not isinstance(rule, Planner) or covariance is None or len(noise) < len(gradients):
        raise InputError("optimizer: planned_shots needs the shot noise of every circuit; take gradient = 'equilibrium'")
    order = task.settings.fixed_stencil.order
    loss, error = mean.loss - float(np.mean([each.loss_bias for each in noise])), mean.loss_stderr or 0.0
    return rule.learned(Seen(gradient, covariance, noise, batch, planned, order, mean.saturation, rate, loss, error), memory)


def _shown(task: Task, gradients: Sequence[Gradient], memory: Memory) -> dict[str, Any]:
    """Return what a planned step measured: the samples with nudged circuits, and the error bar from the running averages."""
    assert isinstance(task.optimizer, Planner)
    nudged = sum(bool(g.noise.per_shot[:, 1:].any()) for g in gradients if g.noise is not None)
    return {"nudged": nudged, "gradient_stderr": float(np.sqrt(task.optimizer.bars(memory).sum()))}


def _gradients(
    task: Task,
    problems: Sequence[Problem],
    warm_start: Any,
    shots: int | Split | None,
    planned: StepPlan | None,
    step: int,
    progress: Progress,
) -> list[Gradient]:
    settings = replace(task.settings, shots=shots, seed=integer(task.seed, "step", step))
    keywords: dict[str, Any] = {}
    by_rule = (planned is not None or shots != task.settings.shots) and not getattr(settings.device, "gathers", False)
    if isinstance(shots, int) and by_rule:
        settings = replace(settings, calibration_shots=settings.calibration_shots or max(LEAST_CALIBRATION, shots))
    if planned is not None:
        settings = replace(settings, stencil=stencil(settings.fixed_stencil.kind, planned.beta))
        keywords = {"splits": planned.splits, "sparing": True}
    try:
        return task.source(problems, settings, warm_start=warm_start, progress=progress, **keywords)
    except DegenerateGroundStateError as error:
        raise DegenerateGroundStateError(f"training: at step {step + 1}, {error}") from None


def _run_on(task: Task, running: Mapping[str, float], batch: Indices, gradients: Sequence[Gradient]) -> dict[str, float]:
    """Return the sums over the epoch, with a batch added."""
    sums = {"samples": 0.0, "loss": 0.0, "right": 0.0, **running}
    sums["samples"] += len(gradients)
    sums["loss"] += float(sum(g.loss for g in gradients))
    if task.key is not None and task.samples.Y is not None:
        outputs = np.array([g.predictions for g in gradients])
        sums["right"] += float(np.sum(task.key.answers(outputs) == task.key.truth(task.samples.Y)[batch]))
    return sums


def _end_of_epoch(task: Task, state: State, progress: Progress) -> tuple[dict[str, Any], State]:
    number = state.step // task.steps_per_epoch
    sums = state.running
    row: dict[str, Any] = {"epoch": number, "step": state.step, "train_loss": sums["loss"] / sums["samples"]}
    row["train_accuracy"] = None if task.key is None else sums["right"] / sums["samples"]
    row |= {"validation_loss": None, "validation_loss_stderr": None, "validation_accuracy": None, "validation_shots": None}
    spent = 0
    if task.held_out is not None:
        preparer, starts = task.settings.preparer, None
        if task.carries and preparer.supports.start == "angles":
            starts = [restored(start, preparer) for start in _similar(task, state, task.held_out.X)]
        seed = integer(task.seed, "validation", number)
        metrics, spent = evaluate(task, state.weights, task.held_out, seed=seed, warm_start=starts, progress=progress)
        row |= {f"validation_{name}": value for name, value in metrics.items()}
        row["validation_shots"] = spent or None
    score = row["train_loss"] if task.held_out is None else row["validation_loss"]
    better = state.best is None or score < state.best
    waited = 0 if better else state.waited + 1
    after = replace(
        state,
        running={},
        shots=state.shots + spent,
        best=score if better else state.best,
        best_weights=state.weights if better else state.best_weights,
        waited=waited,
        stopped=f"no better loss for {waited} epochs" if task.patience is not None and waited >= task.patience else None,
    )
    return row, after


def evaluate(
    task: Task,
    weights: Vector,
    samples: TrainingSamples,
    *,
    seed: int,
    warm_start: Sequence[Prepared | None] | None = None,
    progress: Progress = silent,
) -> tuple[dict[str, Any], int]:
    """Return the loss and accuracy for samples, as measured by the task's device, and the number of shots used."""
    problems = [Problem(task.network, weights, x, cost=cost) for x, cost in zip(samples.X, samples.costs, strict=True)]
    try:
        settings = replace(task.settings, shots=task.read_shots, seed=seed)
        results = answers(problems, settings, warm_start=warm_start, progress=progress)
    except DegenerateGroundStateError as error:
        raise DegenerateGroundStateError(f"training: at a held-out sample, {error}") from None
    return measured(results, samples, task.key), sum(answer.shots for answer in results)
