"""A picture of certified intervals and of the parts of their half-widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import BLUE, FAINT, INK
from qep_qiskit.drawing.axes import axes_of, legend_above, plain_frame
from qep_qiskit.drawing.by_weight import weight_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]
MARKS = ("o", "s", "^", "v", "D", "x")
LEAST = 1e-6
"""Parts below this share of the largest half-width are not drawn."""


def draw_certificate(
    names: Sequence[str], values: Vector, parts: Mapping[str, Vector], exact: Vector | None, ax: Axes | None
) -> Axes:
    """Draw the intervals and, unless an axis is given, their parts below; return the axis of the intervals."""
    half = np.asarray(sum(parts.values(), np.zeros(len(names))))
    width = min(10.0, max(5.4, 2.2 + 0.32 * len(names)))
    below = None
    if ax is None:
        from matplotlib.figure import Figure
        from matplotlib.pyplot import subplots

        figure, (axes, below) = subplots(2, 1, sharex=True, figsize=(width, 5.0), height_ratios=(3, 2), layout="constrained")
        assert isinstance(figure, Figure)
    else:
        axes = axes_of(ax, (width, 3.2))
    positions = weight_axis([axes] if below is None else [axes, below], names)
    axes.axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)
    axes.bar(positions, 2 * half, bottom=values - half, width=0.7, color=BLUE, alpha=0.3, label="certified interval", zorder=1)
    axes.plot(positions, values, "o", color=BLUE, markersize=3.6, label="measured", zorder=3)
    if exact is not None:
        axes.plot(positions, exact, "_", markersize=11, markeredgewidth=1.8, color=INK, label="exact", zorder=2)
    axes.set_ylabel("gradient  ∂L/∂w", fontsize=9)
    axes.use_sticky_edges = False
    axes.margins(y=0.16)
    plain_frame(axes)
    legend_above(axes, 3)
    if below is not None:
        least = LEAST * float(half.max())
        for mark, (title, sizes) in zip(MARKS, parts.items(), strict=False):
            if np.any(sizes > least):
                below.plot(positions, np.where(sizes > least, sizes, np.nan), mark, markersize=4, label=title)
        below.set_yscale("log")
        below.set_ylabel("parts of half-width", fontsize=9)
        plain_frame(below)
        legend_above(below, 6)
    return axes
