"""Charts of HTML: rows of bars, and strips with error bars in the rows of a table. Lengths are percentages of the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.estimates import with_error

Vector = NDArray[np.float64]
ROOM = 0.06
"""The free share of a strip's width on either side."""


@dataclass(frozen=True)
class Part:
    """A coloured part of a bar.

    Attributes
    ----------
    tone : str
        The name of its colour in the style sheet.
    width : float
        Its length as a percentage of the axis.
    tip : str
        The text that is shown when the pointer rests on it.
    """

    tone: str
    width: float
    tip: str = ""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of a chart of bars.

    Attributes
    ----------
    title, meaning, badge : str
        The name of the row, one sentence about it, and a word that marks it.
    parts : sequence of Part
        The parts of the bar from the left; empty without a number, and `meaning` then says why.
    mark : (float, str) or None
        The place of a line across the bar, as a percentage of the axis, and its text.
    number, aside : str
        The number at the end of the row, and a second one below it.
    """

    title: str
    meaning: str = ""
    badge: str = ""
    parts: Sequence[Part] = ()
    mark: tuple[float, str] | None = None
    number: str = ""
    aside: str = ""


@dataclass(frozen=True)
class Group:
    """Bars below a heading, which may be empty."""

    heading: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Mark:
    """A point on a strip with its error bar; places are percentages of the width and of the height."""

    tone: str
    at: float
    low: float
    high: float
    height: float
    tip: str


@dataclass(frozen=True)
class Strip:
    """A column of small charts on one axis, one per row of a table.

    Attributes
    ----------
    heading : str
    zero : float
        The place of zero, as a percentage of the width.
    rows : sequence of sequences of Mark
    keys : sequence of float or None
        The numbers by which the rows are sorted.
    """

    heading: str
    zero: float
    rows: Sequence[Sequence[Mark]]
    keys: Sequence[float | None] = ()


@dataclass(frozen=True)
class Series:
    """Values of all rows with a colour and a name, and with error bars unless they are exact."""

    tone: str
    name: str
    values: Vector
    stderr: Vector | None = None


def strip(heading: str, names: Sequence[str], series: Sequence[Series], *, minus: Vector | None = None) -> Strip:
    """Return series as a strip, on an axis that contains zero.

    Parameters
    ----------
    heading : str
    names : sequence of str
        The names of the rows.
    series : sequence of Series
    minus : ndarray of shape (rows,), optional
        Values to subtract; the axis is then symmetric.
    """
    shifts = [one.values - (0.0 if minus is None else minus) for one in series]
    errors = [np.zeros_like(one.values) if one.stderr is None else one.stderr for one in series]
    low = min([0.0, *(float(np.nanmin(v - e)) for v, e in zip(shifts, errors, strict=True))])
    high = max([0.0, *(float(np.nanmax(v + e)) for v, e in zip(shifts, errors, strict=True))])
    if minus is not None:
        low, high = -max(-low, high), max(-low, high)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(100 * (ROOM + (1 - 2 * ROOM) * (value - low) / span), 2)

    heights = _heights([one.tone for one in series])
    rows = [
        [
            Mark(
                one.tone,
                place(v[k]),
                place(v[k] - e[k]),
                place(v[k] + e[k]),
                height,
                f"{name}, {one.name}: {with_error(float(v[k]), float(e[k]) or None)}"
                + (" from exact" if minus is not None else ""),
            )
            for one, v, e, height in zip(series, shifts, errors, heights, strict=True)
            if np.isfinite(v[k])
        ]
        for k, name in enumerate(names)
    ]
    keys = [abs(float(value)) for value in shifts[-1]] if shifts else []
    return Strip(heading, place(0.0), rows, keys)


def strips_of(names: Sequence[str], series: Sequence[Series], exact: Vector | None) -> list[Strip]:
    """Return gradients as a strip, and their differences from the exact one if that is known."""
    if exact is None:
        return [strip("gradient", names, series)] if series else []
    drawn = [strip("gradient", names, [Series("exact", "exact", exact), *series])]
    return drawn + ([strip("minus exact", names, series, minus=exact)] if series else [])


def _heights(tones: Sequence[str]) -> list[float]:
    """Return the height of each series' points: those around the exact value are spread out."""
    measured = [k for k, tone in enumerate(tones) if tone != "exact"]
    spread = {k: 50.0 if len(measured) == 1 else 30 + 40 * place / (len(measured) - 1) for place, k in enumerate(measured)}
    return [spread.get(k, 50.0) for k in range(len(tones))]
