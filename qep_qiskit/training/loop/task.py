"""The description of a training: checked, complete and immutable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import flag, real, whole
from qep_qiskit.documents import plain
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.networks.network import Network
from qep_qiskit.seeds import stream
from qep_qiskit.settings import Settings
from qep_qiskit.training.data.targets import TrainingSamples
from qep_qiskit.training.loop.sources import Source
from qep_qiskit.training.loop.starts import carries
from qep_qiskit.training.rules.constraints import Constraints
from qep_qiskit.training.rules.metrics import AnswerKey, answer_key
from qep_qiskit.training.rules.optimizers import Optimizer
from qep_qiskit.training.rules.schedules import Schedule

Vector = NDArray[np.float64]
MOST_EPOCHS = 10_000_000


@dataclass(frozen=True)
class Task:
    """A training: the network, the data and all options. :func:`qep_qiskit.train` makes a task from its arguments.

    Attributes
    ----------
    network : Network
    first : ndarray of shape (K,)
        The initial weights.
    samples, held_out : TrainingSamples, TrainingSamples or None
    cost : str, callable or Cost
    source : Source
        The source of the gradients.
    settings : Settings
        The settings for gradients and held-out samples; the number of shots is for the first gradient. Options left to the
        planner are chosen once for the whole training, by :func:`~qep_qiskit.training.loop.settlement.settled`.
    optimizer : Optimizer
    schedule : Schedule
    learning_rate : float
    epochs, batch_size : int
    constraints : Constraints
    patience : int or None
        Training stops after this many epochs without a better held-out loss (training loss, if nothing is held out).
    compare_every : int
        The batch's noise-free gradient is also computed every `compare_every` steps; 0: never.
    warm : bool
        Whether the search for a sample's state starts from its last free phase.
    """

    network: Network
    first: Vector
    samples: TrainingSamples
    held_out: TrainingSamples | None
    cost: object
    source: Source
    settings: Settings
    optimizer: Optimizer
    schedule: Schedule
    learning_rate: float
    epochs: int
    batch_size: int
    constraints: Constraints
    patience: int | None
    compare_every: int
    warm: bool

    def __post_init__(self) -> None:
        checked: dict[str, object] = {
            "epochs": whole("epochs", self.epochs, least=1, most=MOST_EPOCHS),
            "batch_size": whole("batch_size", self.batch_size, least=1),
            "compare_every": whole("compare_every", self.compare_every),
            "learning_rate": real("learning_rate", self.learning_rate, above=0.0),
            "warm": flag("warm_starts", self.warm),
        }
        if self.patience is not None:
            checked["patience"] = whole("early_stopping", self.patience, least=1, what="a number of epochs")
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for step in {0, self.total_steps // 2, self.total_steps - 1}:
            self.rate(step)  # refuse a schedule that does not return numbers before anything is measured

    @cached_property
    def key(self) -> AnswerKey | None:
        """The rule that reads classes from outputs; None if the targets are not classes."""
        return answer_key(self.samples.Y, self.network.num_outputs, self.cost)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch; the last batch may be smaller."""
        return -(-len(self.samples) // self.batch_size)

    @property
    def total_steps(self) -> int:
        """The number of steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    @property
    def seed(self) -> int:
        """The seed of the whole training."""
        return self.settings.seed

    @property
    def read_shots(self) -> int | None:
        """The shots per circuit for held-out samples; for a split, the mean over the circuits of the free phase."""
        shots = self.settings.shots
        if isinstance(shots, OptimalShots):
            return shots.shots
        if not isinstance(shots, Split):
            return shots
        table = shots.table
        free = table[0][table[0] > 0]
        return max(2, round(float((free if free.size else table[table > 0]).mean())))

    @cached_property
    def carries(self) -> bool:
        """Whether warm starts are carried from step to step."""
        return self.warm and carries(self.settings.preparer, self.network.num_qubits, len(self.samples))

    def batch(self, step: int) -> NDArray[np.int64]:
        """Return the sample numbers of a step's batch; every epoch has its own order, drawn from (seed, "batch", epoch)."""
        epoch, number = divmod(step, self.steps_per_epoch)
        order = stream(self.seed, "batch", epoch).permutation(len(self.samples))
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        try:
            factor = self.schedule(step, self.total_steps)
        except Exception as error:
            raise InputError(
                f"schedule: failed at step {step} of {self.total_steps} ({type(error).__name__}: {error}); give a function of "
                "(step, steps) that returns the factor of the learning rate"
            ) from error
        return self.learning_rate * real(f"schedule: its factor at step {step} of {self.total_steps}", factor)

    def describe(self) -> dict[str, Any]:
        """Return a description of the whole training in plain numbers and words, for reports."""
        description: Mapping[str, object] = {
            "network": dict(self.network.description),
            "weights": list(self.network.names),
            "cost": self.cost if isinstance(self.cost, str) else _title(self.cost),
            **self.source.describe(self.settings),
            "device": self.settings.device.describe(),
            "shots": _shots(self.settings.shots),
            "mitigation": str(self.settings.mitigation),
            "optimizer": self.optimizer.describe(),
            "schedule": _title(self.schedule),
            "learning_rate": self.learning_rate,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "samples": len(self.samples),
            "held_out": 0 if self.held_out is None else len(self.held_out),
            **self.constraints.describe(self.network.names),
            "early_stopping": self.patience,
            "compare_every": self.compare_every,
            "warm_starts": self.carries,
            "seed": self.seed,
        }
        return plain(description)


def _shots(shots: int | Split | OptimalShots | None) -> object:
    if isinstance(shots, Split):
        return [list(row) for row in shots.shots]
    return {"optimal": shots.shots} if isinstance(shots, OptimalShots) else shots


def _title(value: object) -> str:
    name = getattr(value, "__qualname__", None)
    return str(name) if name else re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))
