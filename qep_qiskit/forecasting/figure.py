"""The figure of a forecast: the error of every choice divided by cause, with its QPU time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qep_qiskit.display import AMBER, BLUE, FAINT, GREEN, INK, PINK, SKY
from qep_qiskit.drawing.axes import axes_of, legend_above
from qep_qiskit.estimates import duration, percent
from qep_qiskit.forecasting.advice import ACCEPTED
from qep_qiskit.forecasting.choices import TITLES, Measure
from qep_qiskit.plain_text import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from qep_qiskit.forecasting.forecast import Forecast

COLOURS = {"finite_beta": AMBER, "prepared": BLUE, "device": PINK, "shots": SKY}
"""The parts of an error with their colours, from the left."""
LONGEST = 32
HEIGHT = 0.62


def size_of(forecast: Forecast) -> tuple[float, float]:
    """Return the width and height of a figure, in inches, that shows all rows."""
    rows, groups = _layout(_rows(forecast))
    return 9.0, 1.5 + 0.27 * (len(rows) + 0.6 * groups)


def plot(forecast: Forecast, axes: Axes | None = None) -> Axes:
    """Draw one bar per choice. Its length is the relative error, divided in proportion to the squares of the error's parts.

    Parameters
    ----------
    forecast : Forecast
    axes : matplotlib.axes.Axes, optional
        The axes to draw on. Default: new axes in a figure of fitting size.
    """
    axes = axes_of(axes, size_of(forecast))
    rows = _rows(forecast)
    places = _layout(rows)[0]
    errors = [row.relative_error for row in rows if row.relative_error is not None]
    end = 1.06 * _longest(errors)
    best = forecast.choices.chosen if forecast.choices is not None else None
    for place, row in zip(places, rows, strict=True):
        _bar(axes, place, row, end, best=row is best)
    _asked(axes, forecast, end, places)
    _frame(axes, rows, places, end, best)
    return axes


def _rows(forecast: Forecast) -> list[Measure]:
    """Return the plan, or the choices that have an error or a note that says why there is none."""
    return [row for row in forecast.measures if forecast.choices is None or row.relative_error is not None or row.note]


def _layout(rows: Sequence[Measure]) -> tuple[list[float], int]:
    """Return the position of every row, with gaps between factors, and the number of gaps."""
    places: list[float] = []
    gaps = 0
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.factor != row.factor:
            gaps += 1 if _shared(rows, before) == _shared(rows, row) or not _shared(rows, row) else 2
        places.append(len(places) + 0.6 * gaps)
    return places, gaps


def _shared(rows: Sequence[Measure], row: Measure) -> str:
    """Return the options that the rows of a factor share; the label of a row may name them all."""
    return next((other.shared for other in rows if other.factor == row.factor and other.shared), "")


def _longest(errors: Sequence[float]) -> float:
    """Return the length of the axis, at which a few very long bars are cut."""
    ordered = sorted(errors) or [1.0]
    typical = ordered[len(ordered) // 2]
    return ordered[-1] if ordered[-1] <= 3.0 * typical else max(error for error in ordered if error <= 3.0 * typical)


def _bar(axes: Axes, place: float, row: Measure, end: float, *, best: bool) -> None:
    if row.relative_error is None:
        axes.text(
            0.01 * end, place, shortened(row.note, 70), va="center", fontsize=8, color=FAINT, fontstyle="italic", parse_math=False
        )
        return
    sizes = {name: row.parts.get(name) or 0.0 for name in COLOURS}
    squares = sum(value**2 for value in sizes.values())
    start = 0.0
    for name, colour in COLOURS.items():
        length = row.relative_error * sizes[name] ** 2 / squares if squares else 0.0
        visible = max(0.0, min(start + length, end) - start)
        axes.barh(place, visible, left=start, height=HEIGHT, color=colour, edgecolor="white", linewidth=0.6, zorder=2)
        start += length
    error = percent(row.relative_error)
    shown = min(row.relative_error, end)
    if row.relative_error > end:
        axes.text(
            end * 0.995, place, f"{error} »", va="center", ha="right", fontsize=8, color="white", fontweight="bold", zorder=5
        )
    elif row.spread:
        low, high = row.relative_error - row.spread, min(row.relative_error + row.spread, end)
        axes.plot([low, high], [place, place], color=INK, linewidth=1.1, zorder=4, solid_capstyle="butt")
        shown = high
    if row.relative_error <= end:
        weight = "bold" if best else "normal"
        axes.annotate(
            error, (shown, place), (5, 0), textcoords="offset points", va="center", fontsize=8, color=INK, fontweight=weight
        )


def _asked(axes: Axes, forecast: Forecast, end: float, places: Sequence[float]) -> None:
    """Draw a line at the target error, if there is one."""
    asked = None if forecast.advice is None else forecast.advice.asked
    if asked is None or asked == ACCEPTED or asked > end or not places:
        return
    axes.axvline(asked, color=GREEN, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    above: dict[str, Any] = {
        "textcoords": "offset points",
        "xycoords": axes.get_xaxis_transform(),
        "va": "bottom",
        "ha": "center",
    }
    axes.annotate(f"target: {percent(asked)}", (asked, 1.0), (0, 1), fontsize=8, color=GREEN, **above)


def _frame(axes: Axes, rows: Sequence[Measure], places: Sequence[float], end: float, chosen: Measure | None) -> None:
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter

    names = [shortened(row.label, LONGEST) for row in rows]
    axes.set_yticks(places, names, fontsize=8.5, parse_math=False)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row is chosen else "normal")
        label.set_color(INK)
    across: dict[str, Any] = {
        "xycoords": axes.get_yaxis_transform(),
        "textcoords": "offset points",
        "va": "center",
        "annotation_clip": False,
    }
    for before, row, place in zip([None, *rows], rows, places, strict=False):
        shared = _shared(rows, row)
        if shared and (before is None or _shared(rows, before) != shared):
            text, at = f"with {shared}:", (0.0, place - 0.85)
            axes.annotate(text, at, (-3, 0), ha="right", fontsize=8, color=FAINT, fontstyle="italic", **across)
    axes.set_ylim((places[-1] if places else 0) + 0.7, -0.7)
    axes.set_xlim(0.0, 1.14 * end)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8, color=FAINT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    if any(row.seconds is not None for row in rows):
        for place, row in zip(places, rows, strict=True):
            price = "" if row.seconds is None else duration(row.seconds)
            axes.annotate(price, (1.0, place), (40, 0), ha="right", fontsize=8, color=INK, **across)
        axes.annotate("QPU time", (1.0, -0.95), (40, 0), ha="right", fontsize=8, color=FAINT, **across)
    axes.set_xlabel(
        "expected relative error  ‖g − exact‖ / ‖exact‖, divided in proportion to the squares of its parts", fontsize=8.5
    )
    keys = [Patch(color=colour, label=TITLES[name]) for name, colour in COLOURS.items()]
    legend_above(axes, 4, handles=keys, handlelength=1.2, handletextpad=0.5, columnspacing=1.4, borderaxespad=0.4)
    axes.set_title("Choices, and where their errors come from", loc="left", fontsize=10, fontweight="bold", color=INK, pad=26)
