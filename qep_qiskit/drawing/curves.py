"""Figures of a training: curves with error bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qep_qiskit.checks import shown
from qep_qiskit.display import BLUE, FAINT, GREEN, ORANGE
from qep_qiskit.drawing.axes import axes_of, legend_above, plain_frame
from qep_qiskit.errors import InputError, nearest

MOST_SHOWN = 2.5
"""The largest relative error in a picture. Errors beyond it occur only where the gradient has nearly vanished."""
MOST_MARKED = 40
"""The largest number of points of a curve that are marked."""
WIDE = 20.0
"""The range of shots, largest over smallest, from which their axis is logarithmic."""
QUANTITIES = ("loss", "accuracy", "gradient")
"""The panels that can be drawn alone."""
Rows = Sequence[Mapping[str, Any]]
TRAINED, HELD_OUT, THIRD = BLUE, ORANGE, GREEN


def panels(history: Rows, epochs: Rows, foreseen: float | None = None) -> dict[str, Callable[[Axes], None]]:
    """Return the drawings of a training over its steps, with error bars of one σ, by title.

    They are loss, accuracy, gradient and, if they are known, the distance from a noise-free gradient, the billed QPU seconds, and
    the shots per circuit and β if these change.

    Parameters
    ----------
    foreseen : float, optional
        The predicted QPU seconds of the whole training.
    """
    compared = [row for row in history if row.get("cosine") is not None]
    billed = [row for row in history if row.get("qpu_seconds") is not None]
    drawn: dict[str, Callable[[Axes], None]] = {"loss": lambda panel: _loss(panel, history, epochs)}
    if compared:
        exact = compared[0].get("compared_with", "the exact").startswith("the exact")
        drawn[f"against the {'exact' if exact else 'noise-free'} gradient"] = lambda panel: _compared(panel, compared)
    if any(row.get("train_accuracy") is not None for row in epochs):
        drawn["accuracy"] = lambda panel: _accuracy(panel, epochs)
    drawn["gradient"] = lambda panel: _gradient(panel, history)
    if billed:
        drawn["QPU seconds"] = lambda panel: _billed(panel, billed, foreseen)
    if len({row.get("shots_per_circuit") for row in history}) > 1:
        drawn["shots per circuit"] = lambda panel: _steps(panel, history, "shots_per_circuit")
    if len({row.get("beta") for row in history}) > 1:
        drawn["β"] = lambda panel: _steps(panel, history, "beta")
    return drawn


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
    drawn = panels(history, epochs)
    if quantity not in QUANTITIES:
        allowed = ", ".join(QUANTITIES) + nearest(quantity, QUANTITIES)
        raise InputError(f"plot: {shown(quantity)} is not a quantity of a training; allowed: {allowed}")
    if quantity not in drawn:
        raise InputError("plot: this training has no accuracy, because its targets are not classes; plot the loss")
    axes = axes_of(ax, (6.4, 3.8))
    drawn[quantity](axes)
    axes.set_ylabel(quantity, fontsize=9)
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
    _finish(panel)


def _accuracy(panel: Axes, epochs: Rows) -> None:
    panel.plot(*_columns(epochs, "step", "train_accuracy"), ".-", color=TRAINED, label="training")
    held = [row for row in epochs if row.get("validation_accuracy") is not None]
    if held:
        x, y = _columns(held, "step", "validation_accuracy")
        count = np.array([np.sum(row["validation_confusion"]) for row in held])
        spread = np.sqrt(np.array(y) * (1 - np.array(y)) / count)
        panel.errorbar(x, y, yerr=spread, fmt="o-", color=HELD_OUT, markersize=3, elinewidth=0.7, label="held out ± binomial σ")
    _finish(panel)


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
    _finish(panel)


def _billed(panel: Axes, billed: Rows, foreseen: float | None) -> None:
    steps = [row["step"] for row in billed]
    panel.step(
        [0, *steps], [0.0, *np.cumsum([row["qpu_seconds"] for row in billed])], "-", color=TRAINED, where="post", label="billed"
    )
    if foreseen is not None:
        panel.axhline(foreseen, color=FAINT, linewidth=1.0, linestyle="--", label="foreseen for the whole training")
    panel.set_ylim(bottom=0.0)
    _finish(panel)


def _gradient(panel: Axes, history: Rows) -> None:
    panel.plot(
        *_columns(history, "step", "gradient_norm"),
        ".-",
        color=TRAINED,
        markersize=2.5,
        linewidth=0.8,
        label="norm of the gradient",
    )
    if any(row.get("gradient_stderr") is not None for row in history):
        panel.plot(
            *_columns(history, "step", "gradient_stderr"),
            ".-",
            color=FAINT,
            markersize=2.5,
            linewidth=0.8,
            label="its shot noise",
        )
    if all(row["gradient_norm"] > 0 for row in history):
        panel.set_yscale("log")
    _finish(panel)


def _columns(rows: Rows, x: str, y: str) -> tuple[list[float], list[float]]:
    return [row[x] for row in rows], [row[y] for row in rows]


def _steps(panel: Axes, history: Rows, key: str) -> None:
    panel.step(*_columns(history, "step", key), color=FAINT, where="mid")
    values = [row[key] for row in history if row[key] is not None]
    if values and max(values) > WIDE * min(values) > 0:
        panel.set_yscale("log")
    _finish(panel)


def _finish(panel: Axes) -> None:
    panel.set_xlabel("step", fontsize=9)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain_frame(panel)
    if panel.get_legend_handles_labels()[0]:
        legend_above(panel, 2, left=-0.03, fontsize=8)
