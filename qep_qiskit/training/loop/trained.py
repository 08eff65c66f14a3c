"""The result of a training: weights, the history of steps and epochs, and predictions for new samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.archive import Savable
from qep_qiskit.checks import index_of, word
from qep_qiskit.display import MOST_ROWS, counted, short
from qep_qiskit.drawing.card import bar, card
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import MISSING, percent
from qep_qiskit.frames import frame
from qep_qiskit.networks.sketch import network_svg
from qep_qiskit.networks.weights import Weights
from qep_qiskit.settings import Settings
from qep_qiskit.training.data.targets import in_order, samples_of
from qep_qiskit.training.loop.task import Task
from qep_qiskit.values import Value
from qep_qiskit.verbs.predictions import predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SHOWN = ("epoch", "train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


@dataclass(frozen=True, eq=False, repr=False)
class TrainingResult(Savable, Value):
    """The result of a training that has finished or stopped early.

    Attributes
    ----------
    weights : Weights
        Weights by name: those of the best epoch with early stopping, else the last.
    history : tuple of mapping
        One entry per step: ``step``, ``epoch``, ``loss``, ``loss_stderr``, ``loss_bias`` (the mean excess of a curved loss due
        to shot noise; the last two are None for exact expectations), ``shots`` (used in the step), ``shots_per_circuit``,
        ``learning_rate``, ``gradient_norm``, ``gradient_stderr``, ``step_norm``, ``seconds``, ``qpu_seconds`` (billed; for
        devices that take jobs), and, with `compare_every`, ``cosine`` and ``relative_error`` to the gradient named in
        ``compared_with``. With ``optimizer="planned_shots"``, also the plan of the step with its reasons: ``beta``,
        ``nudged`` (samples with nudged circuits), ``shots_reason``, ``beta_reason``, ``split`` (shots by phase and basis, means
        over the samples), ``signal``, ``noise``, ``noise_wanted``, ``saturation`` and ``saturation_wanted``; see
        :class:`~qep_qiskit.training.PlannedShots`. Its ``gradient_stderr`` is from running averages.
    epochs : tuple of mapping
        One entry per epoch: ``train_loss`` and ``train_accuracy``, measured over the epoch's batches as the weights changed, and
        ``validation_loss`` and ``validation_accuracy``. Accuracies are None if the targets are not classes.
    shots : int
        The total number of shots used.
    stopped : str or None
        The reason why the training stopped early.
    warnings : tuple of str
        The first few different warnings.
    settings : mapping
    task : Task
    """

    weights: Weights
    history: tuple[Mapping[str, Any], ...]
    epochs: tuple[Mapping[str, Any], ...]
    shots: int
    stopped: str | None
    warnings: tuple[str, ...]
    settings: Mapping[str, Any]
    task: Task = field(compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # the workers of a distributed training are not pickled
        source = getattr(self.task.source, "source", self.task.source)
        return {**super().__getstate__(), "task": replace(self.task, source=source)}

    def __repr__(self) -> str:
        loss = f", loss = {self.history[-1]['loss']:.4g}" if self.history else ""
        shots = f", {self.shots:,} shots" if self.shots else ""
        stopped = f", stopped: {short(self.stopped)}" if self.stopped else ""
        return (
            f"TrainingResult({counted(len(self.weights), 'weight')}, {counted(len(self.history), 'step')}{loss}{shots}{stopped})"
        )

    def _repr_html_(self) -> str:
        keys = [key for key in SHOWN if any(row.get(key) is not None for row in self.epochs)]
        few = list(self.epochs)
        if len(few) > MOST_ROWS:
            few = [few[round(k * (len(few) - 1) / (MOST_ROWS - 1))] for k in range(MOST_ROWS)]
        largest = max((row["train_loss"] for row in few), default=0.0)
        rows = [
            [*(_shown(key, row.get(key)) for key in keys), bar(row["train_loss"], largest=largest, signed=False)] for row in few
        ]
        cut = len(self.epochs) > len(few)
        return card(
            repr(self),
            graph=network_svg(self.task.network, self.weights) if isinstance(self.task, Task) else "",
            headings=[*(key.replace("_", " ") for key in keys), ""],
            rows=rows,
            notes=[f"{len(few)} of {len(self.epochs)} epochs; .to_frame('epochs') has all of them"] if cut else [],
            warnings=self.warnings,
        )

    def __getitem__(self, name: str) -> float:
        """Return the trained value of one weight: ``result["J[0,1]"]``."""
        return list(self.weights.values())[index_of("training", name, list(self.weights))]

    def to_frame(self, rows: str = "steps") -> Any:
        """Return a pandas DataFrame of the history, with one row per step, or per epoch.

        Parameters
        ----------
        rows : {"steps", "epochs"}

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        table = self.history if word("rows", rows, ("steps", "epochs")) == "steps" else self.epochs
        keys = list(dict.fromkeys(key for row in table for key in row))
        return frame({key: [row.get(key) for row in table] for key in keys})

    def predict(self, X: ArrayLike, *, shots: int | None = None, seed: int = 0) -> NDArray[np.float64]:
        """Return the outputs for new samples, shape (samples, num_outputs).

        Parameters
        ----------
        X : array_like of shape (samples, num_inputs)
        shots : int, optional
            Shots per circuit on the training's device. Default: exact expectations in the prepared states.
        """
        task = self.task
        settings = Settings(preparer=task.settings.preparer, seed=seed)
        if shots is not None:
            settings = replace(task.settings, shots=shots, calibration_shots=None, seed=seed)
        return predictions(task.network, self.weights, in_order(X, task.samples.features, "X"), **settings)[0]

    def classify(self, X: ArrayLike, **options: Any) -> NDArray[np.int64]:
        """Return each sample's class: 0 or 1 (smaller or larger target) for one output, else the number of the largest output."""
        if self.task.key is None:
            raise InputError("classify: the targets of this training are not classes; use predict")
        return self.task.key.answers(self.predict(X, **options))

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Return the share of samples with the correct class, or R² if the targets are not classes.

        Parameters
        ----------
        X : array_like of shape (samples, num_inputs)
        y : array_like
            Targets in the form used for training, of shape (samples,) or (samples, num_outputs).
        """
        task = self.task
        targets = samples_of(task.network, X, y, task.cost, features=task.samples.features).Y
        if targets is None:
            raise InputError("score: this training has no targets; use predict")
        predictions = self.predict(X)
        if task.key is not None:
            return float(np.mean(task.key.answers(predictions) == task.key.truth(targets)))
        truth = np.asarray(targets, dtype=float).reshape(predictions.shape)
        spread = float(np.sum((truth - truth.mean(axis=0)) ** 2))
        if spread == 0.0:
            raise InputError("score: all targets are equal, so R² is not defined; use predict")
        return 1.0 - float(np.sum((truth - predictions) ** 2)) / spread

    def plot(self, ax: Axes | None = None, *, quantity: str = "loss") -> Axes:
        """Draw the training over its steps, with error bars of one standard deviation.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        quantity : {"loss", "accuracy", "gradient"}
            What is drawn: the loss, the share of correct classes, or the norm of the gradient with its shot noise.
        """
        from qep_qiskit.drawing.curves import draw_curve

        return draw_curve(self.history, self.epochs, quantity, ax)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``qep train --json`` prints."""
        return {
            "weights": dict(self.weights),
            "epochs": [dict(row) for row in self.epochs],
            "history": [dict(row) for row in self.history],
            "steps": len(self.history),
            "shots": self.shots,
            "stopped": self.stopped,
            "mean_cosine": mean_cosine(self.history),
            "warnings": list(self.warnings),
            "settings": dict(self.settings),
        }


def _shown(key: str, value: Any) -> str:
    if value is None:
        return MISSING
    return percent(value) if key.endswith("accuracy") else f"{value:.4g}"


def mean_cosine(history: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the mean cosine to the exact gradient over the steps for which it was computed; None if there are none."""
    cosines = [row["cosine"] for row in history if row.get("cosine") is not None]
    return float(np.mean(cosines)) if cosines else None
