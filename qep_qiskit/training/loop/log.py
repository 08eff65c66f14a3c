"""The log of a training, from which its result is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from qep_qiskit.display import different
from qep_qiskit.equilibrium.bias import WARNED
from qep_qiskit.estimates import percent, with_error
from qep_qiskit.networks.weights import Weights
from qep_qiskit.progress import Progress, steps_done
from qep_qiskit.training.loop.steps import State, Step
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.loop.trained import TrainingResult

OnStep = Callable[[Step], None]
OFTEN = 0.1
"""A warning appears if the bias of β is large in more than this share of the steps."""


def timed(taken_steps: Iterable[Step]) -> Iterator[tuple[Step, float]]:
    """Yield each step with its duration in seconds."""
    clock = time.perf_counter()
    for done in taken_steps:
        now = time.perf_counter()
        yield done, round(now - clock, 4)
        clock = time.perf_counter()


class Log:
    """The steps of a training so far, and the result made from them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.history: list[Mapping[str, Any]] = []
        self.epochs: list[Mapping[str, Any]] = []
        self.warnings: list[str] = []
        self.state: State | None = None
        self.planned: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        """Whether no steps remain."""
        return self.done >= self.task.total_steps or (self.state is not None and self.state.stopped is not None)

    @property
    def done(self) -> int:
        """The number of completed steps."""
        return 0 if self.state is None else self.state.step

    def note_planned(self, settled: Task) -> Task:
        """Record the planned options, and return the task that has them."""
        if settled is not self.task:
            settings = settled.describe()
            self.planned = {"planned": {key: settings[key] for key in ("stencil", "shots", "calibration_shots")}}
        return settled

    def add(self, done: Step, seconds: float, billed: float | None = None) -> Mapping[str, Any]:
        """Add a step with its duration and the QPU seconds billed for it, and return its row of the history."""
        row = {**done.record, "seconds": seconds}
        if billed is not None:
            row["qpu_seconds"] = billed
        self.history.append(row)
        if done.epoch is not None:
            self.epochs.append(done.epoch)
        self.warn(done.warnings)
        self.state = done.state
        return row

    @property
    def status(self) -> str:
        """The state of the training in one line: epoch, loss, accuracies of the last epoch, and shots so far."""
        if not self.history:
            return "first step"
        last, epoch = self.history[-1], self.epochs[-1] if self.epochs else {}
        parts = [f"epoch {last['epoch']} of {self.task.epochs}", f"loss {with_error(last['loss'], last['loss_stderr'])}"]
        if self.state is not None and self.state.shots:
            parts.append(f"{self.state.shots:,} shots")
        for name, title in (("train_accuracy", "training"), ("validation_accuracy", "held-out")):
            if epoch.get(name) is not None:
                parts.append(f"{title} accuracy {percent(epoch[name])}")
        return " · ".join(parts)

    def tell(self, progress: Progress) -> None:
        """Report the completed steps."""
        steps_done(progress, self.status, self.done, self.task.total_steps)

    def warn(self, texts: Iterable[str]) -> None:
        """Add warnings, but keep only the first few different ones."""
        self.warnings = different([*self.warnings, *texts])

    def result(self) -> TrainingResult:
        """Return the result of the training so far."""
        task, state = self.task, self.state
        weights = task.first if state is None else state.weights
        if state is not None and task.patience is not None and state.best_weights is not None:
            weights = state.best_weights
        return TrainingResult(
            weights=Weights(zip(task.network.names, map(float, weights), strict=True)),
            history=tuple(self.history),
            epochs=tuple(self.epochs),
            shots=0 if state is None else state.shots,
            stopped=None if state is None else state.stopped,
            warnings=(*self.warnings, *biased_steps(self.history)),
            settings={**task.describe(), **self.planned},
            task=task,
        )


def biased_steps(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a warning if the finite-β bias often exceeded both 5 % of a batch's gradient and its shot error."""
    rows = [row for row in history if isinstance(row.get("beta_bias"), float)]
    large = [
        row["beta_bias"]
        for row in rows
        if row["beta_bias"] > WARNED and row["beta_bias"] * row["gradient_norm"] > (row.get("gradient_stderr") or 0.0)
    ]
    if len(large) <= OFTEN * len(rows):
        return []
    return [
        f"the bias of a finite β exceeded {100 * WARNED:g} % of the batch's gradient in {len(large)} of {len(rows)} steps "
        f"(median {percent(sorted(large)[len(large) // 2])}); take a smaller β if training does not settle"
    ]
