"""Values of all weights on one axis, in groups by the letter of the weight; and a gradient drawn in that way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import BLUE, FAINT, INK
from qep_qiskit.drawing.axes import axes_of, legend_above, plain_frame
from qep_qiskit.plain_text import one_line, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]
MANY_WEIGHTS = 40
"""If there are more weights than this, a gradient is drawn against the exact one, or else without the weights' numbers."""


def draw_gradient(names: Sequence[str], values: Vector, stderr: Vector | None, exact: Vector | None, ax: Axes | None) -> Axes:
    """Draw a gradient with error bars of one standard deviation, and the exact one if it is given.

    Parameters
    ----------
    names : sequence of str
    values : ndarray of shape (K,)
    stderr, exact : ndarray of shape (K,) or None
    ax : matplotlib.axes.Axes or None
    """
    many = len(names) > MANY_WEIGHTS
    axes = axes_of(ax, (5.2, 4.2) if many and exact is not None else (min(10.0, max(5.0, 2.2 + 0.32 * len(names))), 3.2))
    label = "computed" if stderr is None else "measured ± 1σ"
    style: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": 3.6, "elinewidth": 1.2, "zorder": 3}
    if many and exact is not None:
        axes.axline((0.0, 0.0), slope=1.0, color=INK, linewidth=1.0, zorder=1, label="equal")
        axes.errorbar(exact, values, yerr=stderr, label=label, **style)
        axes.set_xlabel("exact  ∂L/∂w", fontsize=9)
    else:
        positions = weight_axis([axes], names)
        if exact is not None:
            axes.plot(positions, exact, "_", markersize=11, markeredgewidth=1.8, color=INK, label="exact", zorder=2)
        axes.axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)
        axes.errorbar(positions, values, yerr=stderr, label=label, **style)
        axes.margins(y=0.16)
    axes.set_ylabel("gradient  ∂L/∂w", fontsize=9)
    plain_frame(axes)
    legend_above(axes, 3)
    return axes


def weight_axis(axes: Sequence[Axes], names: Sequence[str]) -> Vector:
    """Set up the x axis of panels above each other for one value per weight, and return the positions of the weights."""
    names = [one_line(name) for name in names]
    positions, groups = layout(names)
    for start, end, letter in groups:
        above: dict[str, Any] = {"xycoords": axes[0].get_xaxis_transform(), "ha": "center", "va": "top", "parse_math": False}
        axes[0].annotate(letter, ((start + end) / 2, 0.98), **above, fontsize=10, fontstyle="italic", color=INK)
        for panel in axes if start > 0 else ():
            panel.axvline(start - 0.95, color="#dddddd", linewidth=0.8, zorder=0)
    labels = [index_of(n) for n in names]
    steep = len(names) * (1 + max(map(len, labels), default=0)) > 110
    if len(names) <= 2 * MANY_WEIGHTS:
        axes[-1].set_xticks(positions, labels, rotation=90 if steep else 0, parse_math=False)
    else:
        axes[-1].set_xticks([])
    middle, half = positions[-1] / 2, max(positions[-1] / 2 + 0.7, 4.0)
    axes[-1].set_xlim(middle - half, middle + half)
    axes[-1].set_xlabel("weight", fontsize=9)
    return np.array(positions)


def layout(names: Sequence[str]) -> tuple[list[float], list[tuple[float, float, str]]]:
    """Return the position of every weight, with gaps between groups, and each group as (first, last, letter)."""
    positions: list[float] = []
    groups: list[tuple[float, float, str]] = []
    for name in names:
        letter = name.partition("[")[0][:14] if "[" in name else ""
        if groups and groups[-1][2] == letter:
            positions.append(positions[-1] + 1.0)
            groups[-1] = (groups[-1][0], positions[-1], letter)
        else:
            positions.append(positions[-1] + 1.9 if positions else 0.0)
            groups.append((positions[-1], positions[-1], letter))
    return positions, groups


def index_of(name: str) -> str:
    """Return a weight's sites, such as ``0,1`` of ``J[0,1]``, or its name if it has none."""
    label = name.partition("[")[2].removesuffix("]") if "[" in name else name
    return shortened(label, 14)
