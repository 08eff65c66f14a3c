"""Figures of a training: curves with error bars, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qep_qiskit.checks import shown
from qep_qiskit.drawing.axes import axes_of, plain_frame
from qep_qiskit.drawing.picture import BLUE, FAINT, GREEN, INK, ORANGE
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.plain_text import shortened

MOST_SHOWN = 2.5
"""The largest relative error in a picture. Errors beyond it occur only where the gradient has nearly vanished."""
MOST_MARKED = 40
"""The largest number of points of a curve that are marked."""
Rows = Sequence[Mapping[str, Any]]
TRAINED, HELD_OUT, THIRD = BLUE, ORANGE, GREEN


def curves(history: Rows, epochs: Rows, foreseen: float | None = None) -> Figure:
    """Return the figure of a training over its steps, with error bars of one σ.

    It shows loss, accuracy, gradient and, if they are known, the distance from a noise-free gradient and the billed QPU seconds.

    Parameters
    ----------
    foreseen : float, optional
        The predicted QPU seconds of the whole training.
    """
    accuracy = any(row.get("train_accuracy") is not None for row in epochs)
    compared = [row for row in history if row.get("cosine") is not None]
    billed = [row for row in history if row.get("qpu_seconds") is not None]
    shots = len({row.get("shots_per_circuit") for row in history}) > 1
    panels = 2 + accuracy + bool(compared) + bool(billed) + shots
    rows = -(-panels // 2)
    drawing = Figure(figsize=(10.0, 3.0 * rows), layout="constrained", facecolor="white")
    axes = list(drawing.subplots(rows, 2, squeeze=False).flat)
    for unused in axes[panels:]:
        unused.set_axis_off()
    _loss(axes.pop(0), history, epochs)
    if compared:
        _compared(axes.pop(0), compared)
    if accuracy:
        _accuracy(axes.pop(0), epochs)
    _gradient(axes.pop(0), history)
    if billed:
        _billed(axes.pop(0), billed, foreseen)
    if shots:
        panel = axes.pop(0)
        panel.step([row["step"] for row in history], [row["shots_per_circuit"] for row in history], color=FAINT, where="mid")
        _finish(panel, "shots per circuit")
    return drawing


def draw_curve(history: Rows, epochs: Rows, quantity: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw one quantity of a training over its steps, with error bars of one standard deviation.

    Parameters
    ----------
    quantity : {"loss", "accuracy", "gradient"}
    ax : matplotlib.axes.Axes, optional

    Raises
    ------
    InputError
        If the quantity is unknown, or the training did not record it.
    """
    drawers: dict[str, Callable[[Axes], None]] = {
        "loss": lambda panel: _loss(panel, history, epochs),
        "accuracy": lambda panel: _accuracy(panel, epochs),
        "gradient": lambda panel: _gradient(panel, history),
    }
    if quantity not in drawers:
        raise InputError(
            f"plot: there is no quantity {shown(quantity)}; allowed: {', '.join(drawers)}{nearest(quantity, drawers)}"
        )
    if quantity == "accuracy" and all(row.get("train_accuracy") is None for row in epochs):
        raise InputError("plot: this training has no accuracy, because its targets are not classes; plot the loss")
    axes = axes_of(ax, (6.4, 3.8))
    drawers[quantity](axes)
    return axes


def _loss(panel: Axes, history: Rows, epochs: Rows) -> None:
    x, y = _columns(history, "step", "loss")
    errors = [row.get("loss_stderr") or 0.0 for row in history]
    style: dict[str, Any] = {"fmt": "."} if len(x) > MOST_MARKED else {"fmt": ".-", "linewidth": 0.6}
    panel.errorbar(
        x,
        y,
        yerr=errors if any(errors) else None,
        color=TRAINED,
        alpha=0.4,
        markersize=4,
        elinewidth=0.7,
        label="a batch",
        **style,
    )
    line = "-" if len(epochs) > MOST_MARKED else "o-"
    panel.plot(*_columns(epochs, "step", "train_loss"), line, color=TRAINED, markersize=3, label="training, mean of an epoch")
    held = [row for row in epochs if row.get("validation_loss") is not None]
    if held:
        errors = [row.get("validation_loss_stderr") or 0.0 for row in held]
        x, y = _columns(held, "step", "validation_loss")
        panel.errorbar(x, y, yerr=errors if any(errors) else None, fmt="o-", color=HELD_OUT, markersize=3, label="held out")
    shown = [row["loss"] for row in history] + [row["validation_loss"] for row in held]
    if min(shown, default=0.0) > 0:  # a loss from shots may be negative after its bias is subtracted
        panel.set_yscale("log")
    _finish(panel, "loss")


def _accuracy(panel: Axes, epochs: Rows) -> None:
    panel.plot(*_columns(epochs, "step", "train_accuracy"), ".-", color=TRAINED, label="training")
    held = [row for row in epochs if row.get("validation_accuracy") is not None]
    if held:
        x, y = _columns(held, "step", "validation_accuracy")
        count = np.array([np.sum(row["validation_confusion"]) for row in held])
        spread = np.sqrt(np.array(y) * (1 - np.array(y)) / count)
        panel.errorbar(x, y, yerr=spread, fmt="o-", color=HELD_OUT, markersize=3, elinewidth=0.7, label="held out ± binomial σ")
    _finish(panel, "accuracy")


def _compared(panel: Axes, compared: Rows) -> None:
    """Draw the distance of the measured gradients from noise-free ones, and the distance expected from shots alone."""
    style: dict[str, Any] = {"markersize": 3.5, "linewidth": 1.0}
    line = "o-" if len(compared) <= MOST_MARKED else "-"
    panel.plot(*_columns(compared, "step", "cosine"), line, color=THIRD, label="cosine", **style)
    measured = [row for row in compared if row.get("relative_error") is not None]
    if measured:
        panel.plot(*_columns(measured, "step", "relative_error"), line, color=HELD_OUT, label="relative error", **style)
    noisy = [row for row in compared if row.get("gradient_stderr") is not None and row.get("compared_norm")]
    if noisy:
        expected = [row["gradient_stderr"] / row["compared_norm"] for row in noisy]
        panel.plot([row["step"] for row in noisy], expected, "--", color=FAINT, linewidth=1.0, label="expected from shots")
    panel.axhline(1.0, color=FAINT, linewidth=0.5, zorder=0)
    highest = max([1.0, *(row["relative_error"] for row in measured)])
    panel.set_ylim(min(0.0, *(row["cosine"] for row in compared)), min(1.1 * highest, MOST_SHOWN))
    exact = compared[0].get("compared_with", "the exact").startswith("the exact")
    _finish(panel, f"against the {'exact' if exact else 'noise-free'} gradient")


def _billed(panel: Axes, billed: Rows, foreseen: float | None) -> None:
    steps = [row["step"] for row in billed]
    panel.step(
        [0, *steps], [0.0, *np.cumsum([row["qpu_seconds"] for row in billed])], "-", color=TRAINED, where="post", label="billed"
    )
    if foreseen is not None:
        panel.axhline(foreseen, color=FAINT, linewidth=1.0, linestyle="--", label="foreseen for the whole training")
    panel.set_ylim(bottom=0.0)
    _finish(panel, "QPU seconds")


def _gradient(panel: Axes, history: Rows) -> None:
    panel.plot(*_columns(history, "step", "gradient_norm"), "-", color=TRAINED, linewidth=0.8, label="norm of the gradient")
    if any(row.get("gradient_stderr") is not None for row in history):
        panel.plot(
            *_columns(history, "step", "gradient_stderr"), "-", color=FAINT, linewidth=0.8, label="its shot noise, √tr Cov"
        )
    if all(row["gradient_norm"] > 0 for row in history):
        panel.set_yscale("log")
    _finish(panel, "gradient")


def _columns(rows: Rows, x: str, y: str) -> tuple[list[float], list[float]]:
    return [row[x] for row in rows], [row[y] for row in rows]


def _finish(panel: Axes, label: str) -> None:
    panel.set_xlabel("step", fontsize=9)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_ylabel(label, fontsize=9)
    plain_frame(panel)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Return the figure of the confusion matrix, with one row per true class and one column per predicted class."""
    matrix = np.array(counts)
    size = 1.8 + 0.5 * len(matrix)
    drawing = Figure(figsize=(size + 0.8, size), layout="constrained", facecolor="white")
    panel = drawing.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    panel.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for (i, j), count in np.ndenumerate(matrix):
        panel.text(j, i, str(count), ha="center", va="center", fontsize=9, color="white" if share[i, j] > 0.6 else INK)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_ticks(range(len(labels)), [shortened(label, 14) for label in labels], fontsize=8, parse_math=False)
    panel.set_xlabel("answer", fontsize=9)
    panel.set_ylabel("true class", fontsize=9)
    return drawing
