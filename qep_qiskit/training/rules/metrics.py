"""Metrics of predictions: the mean loss and, for classes, the share of correct answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.prediction import Answer
from qep_qiskit.training.data.targets import TrainingSamples

Matrix = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class AnswerKey:
    """The rule that reads classes from outputs and from targets.

    Attributes
    ----------
    middle : float or None
        With one output, the class is 1 if the output is larger than this. None: the class is the number of the largest output.
    """

    classes: int
    middle: float | None = None

    def answers(self, predictions: Matrix) -> Classes:
        """Return the class of each row of outputs."""
        if self.middle is None:
            return np.asarray(predictions.argmax(axis=1), dtype=np.int64)
        return np.asarray(predictions[:, 0] > self.middle, dtype=np.int64)

    def truth(self, Y: NDArray[Any]) -> Classes:
        """Return the class of each target."""
        if self.middle is not None:
            return np.asarray(Y.reshape(len(Y)) > self.middle, dtype=np.int64)
        return np.asarray(Y if Y.ndim == 1 else Y.argmax(axis=1), dtype=np.int64)


def answer_key(Y: NDArray[Any] | None, outputs: int, cost: object = None) -> AnswerKey | None:
    """Return the rule that reads the classes of a data set, or None if its targets are not classes.

    With one output and two different targets, the nearer target is the answer. With class numbers, or one-hot rows of two
    different values, the largest output is the answer.

    Parameters
    ----------
    Y : ndarray of shape (samples,) or (samples, num_outputs) or None
    cost : str, callable or Cost
        See :func:`qep_qiskit.training.data.targets.samples_of`.

    Examples
    --------
    >>> answer_key(np.array([-1.0, 1.0, 1.0]), 1)
    AnswerKey(classes=2, middle=0.0)
    >>> answer_key(np.array([[1, 0], [0, 1]]), 2)
    AnswerKey(classes=2, middle=None)
    """
    if Y is None:
        return None
    values = np.unique(Y)
    if outputs == 1:
        return AnswerKey(2, float(values.mean())) if len(values) == 2 and Y.size == len(Y) else None
    if Y.ndim == 1:
        numbers = Y.dtype.kind in "iu" and values[0] >= 0 and values[-1] < outputs
        return AnswerKey(outputs) if cost == "softmax_cross_entropy" or numbers else None
    one_hot = Y.shape == (len(Y), outputs) and len(values) == 2 and bool(((values[-1] == Y).sum(axis=1) == 1).all())
    return AnswerKey(outputs) if cost == "softmax_cross_entropy" or one_hot else None


def measured(answers: Sequence[Answer], samples: TrainingSamples, key: AnswerKey | None) -> dict[str, Any]:
    """Return the mean loss and its standard error (None if exact); with a key, also accuracy and confusion matrix.

    The confusion matrix has one row per true class and one column per predicted class.
    """
    metrics: dict[str, Any] = {
        "loss": float(np.mean([answer.loss for answer in answers])),
        "loss_stderr": _standard_error(answers),
    }
    if key is not None and samples.Y is not None:
        outputs = np.array([answer.predictions for answer in answers])
        predicted, truth = key.answers(outputs), key.truth(samples.Y)
        metrics["accuracy"] = float(np.mean(predicted == truth))
        counts = np.zeros((key.classes, key.classes), dtype=int)
        np.add.at(counts, (truth, predicted), 1)
        metrics["confusion"] = counts.tolist()
    return metrics


def _standard_error(answers: Sequence[Answer]) -> float | None:
    """Return the standard error of the mean loss. The bias and the error of a shared calibration do not average out."""
    if any(answer.loss_stderr is None for answer in answers):
        return None
    shares = np.array([answer.shared for answer in answers], dtype=float)
    biases = np.array([answer.loss_bias or 0.0 for answer in answers])
    alone = sum(float(answer.loss_stderr or 0.0) ** 2 for answer in answers) - float(np.sum(shares**2) + np.sum(biases**2))
    together = float(np.sum(shares.mean(axis=0) ** 2)) + float(biases.mean()) ** 2
    return float(np.sqrt(max(alone, 0.0) / len(answers) ** 2 + together))
