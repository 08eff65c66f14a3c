"""The waterfall figure: each rung's distance from the exact gradient, and the change due to each step."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from qep_qiskit.budget.rung import Rung
from qep_qiskit.display import AMBER, FAINT, INK, SKY
from qep_qiskit.drawing.axes import legend_above
from qep_qiskit.drawing.picture import note
from qep_qiskit.estimates import percent
from qep_qiskit.kinds import RUNGS
from qep_qiskit.plain_text import one_line

if TYPE_CHECKING:
    from qep_qiskit.budget.budget import Budget

WIDE_RANGE = 20.0
"""The axis is logarithmic if the largest error exceeds the smallest by more than this factor."""
SMALLEST_SHARE = 1e-5
"""Errors below this share of the largest one are drawn at the end of the axis."""

TITLE = "Where the error comes from"
NOISE_LINE: dict[str, Any] = {"linewidth": 1.3, "linestyle": (0, (1.5, 1.2))}
UP, DOWN = AMBER, SKY


def waterfall(axes: Axes, budget: Budget) -> None:
    """Draw one row per rung: a bar from the previous rung's error to its own, with the expected shot noise marked."""
    rungs = [rung for rung in budget.rungs if rung.name != "exact"]
    levels = levels_of(budget)
    titles = [textwrap.shorten(one_line(rung.title), 34, placeholder="…") for rung in rungs]
    axes.set_yticks(range(len(rungs)), titles, fontsize=8.5, parse_math=False)
    axes.set_ylim(len(rungs) - 0.45, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8, color=FAINT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    if max(levels) == 0:
        axes.set(xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.text(0.0, 0.9, "Every rung equals the exact gradient.", transform=axes.transAxes, fontsize=9, color=FAINT)
        legend(axes, TITLE)
        return
    noises = [noise for rung in rungs if (noise := budget.shot_noise(rung))]
    floor = _scale(axes, [*levels, *noises])
    _rows(axes, budget, rungs, floor)
    axes.set_xlabel("distance from the exact gradient,  ‖v − exact‖ / ‖exact‖", fontsize=9)
    keys: list[Patch | Line2D] = [Patch(color=UP, label="error grows"), Patch(color=DOWN, label="error falls")]
    if noises:
        keys.append(Line2D([], [], color=INK, label="shot noise alone", **NOISE_LINE))
    legend(axes, TITLE, keys)


def legend(axes: Axes, title: str, keys: list[Patch | Line2D] | None = None) -> None:
    """Add the panel's title above the axes, with its legend on the line below the title."""
    handles = axes.get_legend_handles_labels()[0] if keys is None else keys
    if handles:
        legend_above(axes, 5, handles=handles, handlelength=1.3, handletextpad=0.5, columnspacing=1.5)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=24 if handles else 6)


def levels_of(budget: Budget) -> list[float]:
    """Return the distances of the rungs from the exact gradient."""
    rungs = [rung for rung in budget.computed.values() if rung.name != "exact"]
    return [rung.relative_error for rung in rungs if rung.relative_error is not None]


def _scale(axes: Axes, values: list[float]) -> float:
    """Set the axis and return the start of its bars."""
    largest = max(values)
    smallest = max(min(v for v in values if v > 0), SMALLEST_SHARE * largest)
    percentages = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")
    if largest / smallest <= WIDE_RANGE:
        axes.set_xlim(0.0, 1.05 * largest)
        axes.xaxis.set_major_formatter(percentages)
        return 0.0
    axes.set_xscale("log")
    span = largest / smallest
    axes.set_xlim(smallest / 2.5, largest * span**0.04)
    axes.xaxis.set_major_locator(LogLocator(10.0, subs=(1.0,) if span > 300 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(percentages)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    return smallest / 2.5


def _rows(axes: Axes, budget: Budget, rungs: list[Rung], floor: float) -> None:
    previous, above, across = floor, -1, axes.get_yaxis_transform()
    for row, rung in enumerate(rungs):
        error = rung.relative_error
        if error is None:
            reason = textwrap.fill(one_line(rung.note or "not computed"), 52, max_lines=2, placeholder=" …")
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            note(axes, reason, (0.0, row), (6, 0), xycoords=across, fontsize=8, color=FAINT, fontstyle="italic", bbox=box)
            continue
        level = max(error, floor)
        if above >= 0:
            axes.plot([previous, previous], [above + 0.3, row + 0.3], color=FAINT, linewidth=0.7, zorder=1)
        colour = UP if level >= previous else DOWN
        axes.barh(row, level - previous, left=previous, height=0.6, color=colour, zorder=2)
        axes.plot([level, level], [row - 0.3, row + 0.3], color=INK, linewidth=2.0, solid_capstyle="butt", zorder=3)
        noise = budget.shot_noise(rung)
        if noise:
            axes.plot([noise, noise], [row - 0.4, row + 0.4], color=INK, zorder=4, **NOISE_LINE)
        note(axes, percent(error), (1.0, row), (46, 0), xycoords=across, ha="right", fontsize=8.5, color=INK)
        if not RUNGS[rung.name].aside:
            previous, above = level, row
