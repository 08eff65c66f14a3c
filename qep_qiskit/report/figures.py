"""Figures of error budgets: the gradient with its error bars, and the sources of its error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.budget.waterfall import legend, levels_of, waterfall
from qep_qiskit.display import BLUE, FAINT, INK, ORANGE, PINK
from qep_qiskit.drawing.axes import plain_frame
from qep_qiskit.drawing.by_weight import MANY_WEIGHTS, weight_axis
from qep_qiskit.drawing.picture import note
from qep_qiskit.kinds import RUNGS
from qep_qiskit.plain_text import shortened
from qep_qiskit.report.findings import LARGE_Z

COLOURS = {"device": PINK, "shots": ORANGE, "mitigated": BLUE}


def figure(budget: Budget | Mapping[str, Any]) -> Figure:
    """Return the figure of a budget: the waterfall above the gradient, or to its right if there are many weights.

    The gradient's difference from the exact one is drawn below the gradient, on a scale that shows the error bars.
    """
    budget = Budget.of(budget)
    exact = budget.exact
    many = len(budget.names) > MANY_WEIGHTS and exact is not None
    compared = exact is not None and len(budget.computed) > 1
    levels = levels_of(budget)
    height = 5.2 if many else (4.8 if compared else 3.3) + (2.8 if levels else 0.0)
    drawing = Figure(figsize=(10.4 if many else 8.5, height), layout="constrained", facecolor="white")
    second: Figure | SubFigure = drawing
    if levels:
        beside = {"nrows": 1, "ncols": 2, "width_ratios": [1.0, 1.12], "wspace": 0.03}
        above = {"nrows": 2, "ncols": 1, "height_ratios": [1.0, 1.75 if compared else 1.2], "hspace": 0.04}
        split: dict[str, Any] = beside if many else above
        parts = list(drawing.subfigures(squeeze=False, **split).flat)
        second, first = parts if many else reversed(parts)
        waterfall(first.subplots(), budget)
    heights = [1.4, 1.0] if compared else [1.0]
    rows = second.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
    axes = [row[0] for row in rows]
    if many and exact is not None:
        _against_exact(axes, budget, exact)
    else:
        _by_weight(axes, budget, exact)
    axes[-1].tick_params(axis="x", length=2)
    return drawing


def _by_weight(axes: list[Axes], budget: Budget, exact: Vector | None) -> None:
    positions = weight_axis(axes, budget.names)
    if exact is not None:
        width = 15 if len(budget.names) <= 20 else 9
        axes[0].plot(positions, exact, "_", markersize=width, markeredgewidth=1.8, color=INK, label="exact", zorder=2)
    axes[0].axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)
    axes[0].margins(y=0.14)
    _series(axes, budget, positions, exact, shift=0.17)
    _finish(axes, "gradient  ∂L/∂w", "Gradient")


def _against_exact(axes: list[Axes], budget: Budget, exact: Vector) -> None:
    axes[0].axline((exact[0], exact[0]), slope=1.0, color=INK, linewidth=1.0, zorder=1, label="exact")
    _series(axes, budget, exact, exact, shift=0.0)
    low, high = float(exact.min()), float(exact.max())
    pad = 0.06 * (high - low or 1.0)
    axes[-1].set_xlim(low - pad, high + pad)
    axes[-1].set_xlabel("exact  ∂L/∂w", fontsize=9)
    _finish(axes, "measured  ∂L/∂w", "Gradient")


def _series(axes: list[Axes], budget: Budget, x: Vector, exact: Vector | None, *, shift: float) -> None:
    computed = budget.computed
    measured: list[str] = [name for name in ("shots", "mitigated") if name in computed]
    measured = measured or [name for name in ("device",) if name in computed]
    noiseless = [name for name in ("prepared", "finite_beta") if name in computed][:1]
    crowded = shift == 0.0
    for name in measured if crowded and measured else [*noiseless, *measured]:
        rung = computed[name]
        assert rung.values is not None
        offset = shift * (-1 if name == "shots" else 1) if len(measured) == 2 and name in measured else 0.0
        _draw(axes[0], x + offset, rung, rung.values)
        if exact is not None and len(axes) > 1:
            _draw(axes[1], x + offset, rung, rung.values - exact)
    if exact is not None and len(axes) > 1:
        axes[1].axhline(0.0, color=INK, linewidth=1.0, zorder=1)
        axes[1].margins(y=0.1)
        axes[1].set_ylabel("minus exact", fontsize=9)
        if measured and crowded:
            _name_outliers(axes[1], budget, computed[measured[-1]], exact)


def _draw(axes: Axes, x: Vector, rung: Rung, y: Vector) -> None:
    kind = RUNGS[rung.name]
    label = (kind.label or kind.short) + ("" if rung.stderr is None else " ± 1σ")
    if rung.name in COLOURS:
        style: dict[str, Any] = {"color": COLOURS[rung.name], "markersize": 3.4, "zorder": 3 + (rung.name == "mitigated")}
        axes.errorbar(x, y, yerr=rung.stderr, fmt="o", elinewidth=1.1, capsize=0, label=label, **style)
    else:
        axes.plot(x, y, "o", markersize=5.5, markerfacecolor="none", color=FAINT, label=label, zorder=2)


def _name_outliers(axes: Axes, budget: Budget, rung: Rung, exact: Vector) -> None:
    if rung.z is None or rung.values is None:
        return
    size = np.nan_to_num(np.abs(rung.z))
    for k in [k for k in np.argsort(-size, kind="stable")[:4].tolist() if size[k] > LARGE_Z]:
        place = (float(exact[k]), float(rung.values[k] - exact[k]))
        note(axes, shortened(budget.names[k], 14), place, (5, 0), fontsize=8, color=COLOURS[rung.name])


def _finish(axes: list[Axes], label: str, title: str) -> None:
    axes[0].set_ylabel(label, fontsize=9)
    for panel in axes:
        plain_frame(panel)
    for panel in axes[:-1]:
        panel.spines["bottom"].set_visible(False)
        panel.tick_params(axis="x", length=0, labelbottom=False)
    legend(axes[0], title)
