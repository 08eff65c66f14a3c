"""Figures of sweeps: a measure over the first numeric axis."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from qep_qiskit.display import AMBER, BLUE, GREEN, INK, ORANGE, PINK, SKY
from qep_qiskit.drawing.axes import legend_above, plain_frame
from qep_qiskit.drawing.picture import file_bytes
from qep_qiskit.estimates import finite
from qep_qiskit.files import write_whole
from qep_qiskit.plain_text import drawn
from qep_qiskit.sweeps.summary import Average

COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, INK)
LOG_RATIO, LOG_ACROSS = 20.0, 7.0
"""An axis, or that of the varied key, is logarithmic if its largest value exceeds its smallest by more than this factor."""
MOST_TICKS = 8
MOST_LINES = 12


def draw(entries: Sequence[Average], measure: str, path: str | os.PathLike[str]) -> Path:
    """Draw one measure of a sweep into a PNG file, and return its path."""
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw_measure(axes, entries, measure)
    axes.set_ylabel(drawn(measure.replace("_", " "), 80), color=INK)
    return write_whole(path, file_bytes(figure, "png"))


def draw_measure(axes: Axes, entries: Sequence[Average], measure: str) -> None:
    """Draw one measure over the first numeric axis, with one line per combination of the other axes.

    Error bars are standard deviations over seeds. An axis with a wide range is logarithmic.
    """
    keys = list(entries[0].point) if entries else []
    across = next((k for k in keys if all(finite(e.point[k]) for e in entries) and _many(entries, k)), None)
    lines = _lines(entries, across, [k for k in keys if k != across and _many(entries, k)])
    for number, (title, members) in enumerate(lines[:MOST_LINES]):
        places = [e.point[across] if across else k for k, e in enumerate(members)]
        dots = [(x, n) for x, e in zip(places, members, strict=True) if (n := e.numbers[measure]) and finite(n.value)]
        axes.errorbar(
            [x for x, _ in dots],
            [number.value for _, number in dots],
            yerr=[number.stderr or 0.0 for _, number in dots] if any(number.stderr for _, number in dots) else None,
            marker="o",
            markersize=4,
            linewidth=1.4 if across else 0,
            elinewidth=1.0,
            capsize=2.5,
            color=COLOURS[number % len(COLOURS)],
            label=drawn(title, 80) if title else "_",
        )
    if across is None:
        names = [drawn(", ".join(str(v) for v in e.point.values()) or "all") for e in entries]
        axes.set_xticks(range(len(names)), names, rotation=0 if len(names) < 6 else 60)
    elif _wide([float(e.point[across]) for e in entries], LOG_ACROSS):
        _logarithmic(axes, [float(e.point[across]) for e in entries])
    values = [mean.value for e in entries if (mean := e.numbers[measure]) and finite(mean.value)]
    if values and _wide(values, LOG_RATIO):
        axes.set_yscale("log")
    axes.set_xlabel(drawn(across or "", 80), fontsize=9, color=INK)
    if len(lines) > 1:
        columns = 1 if max(len(title) for title, _ in lines) > 24 else 2
        legend_above(axes, columns, left=-0.03, fontsize=8)
    plain_frame(axes)


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis logarithmic, and name the values themselves if there are few."""
    axes.set_xscale("log")
    ticks = sorted(set(values))
    if len(ticks) <= MOST_TICKS:
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.xaxis.set_minor_locator(NullLocator())


def _many(entries: Sequence[Average], key: str) -> bool:
    return len({repr(e.point[key]) for e in entries}) > 1


def _wide(values: Sequence[float], ratio: float) -> bool:
    return min(values) > 0 and max(values) > ratio * min(values)


def _lines(entries: Sequence[Average], across: str | None, others: Sequence[str]) -> list[tuple[str, list[Average]]]:
    groups: dict[str, list[Average]] = {}
    for entry in entries:
        title = ", ".join(f"{k} = {entry.point[k]}" for k in others) if across else ""
        groups.setdefault(title, []).append(entry)
    if across is not None:
        groups = {t: sorted(m, key=lambda e: e.point[across]) for t, m in groups.items()}
    return list(groups.items())
