"""Networks as graphs on the axes of a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qep_qiskit.display import AMBER, BLUE, FAINT, INK, ORANGE, SKY
from qep_qiskit.drawing.axes import axes_of
from qep_qiskit.drawing.sketch import Sketch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 7}


def draw_graph(sketch: Sketch, ax: Axes | None = None) -> Axes:
    """Draw a network, with inputs in amber, outputs in light blue, clamped inputs as squares, and edges coloured by sign.

    Parameters
    ----------
    sketch : Sketch
    ax : matplotlib.axes.Axes, optional
        The axes to draw on. Default: new axes in a figure of fitting size.
    """
    spots = np.array([sketch.places[site] for site in sketch.sites])
    wide, high = np.ptp(spots, axis=0)
    scale = min(0.75, 8.5 / max(wide, 1.0), 5.5 / max(high, 1.0))
    keys = _keys(sketch)
    axes = axes_of(ax, (max(0.8 + 1.25 * len(keys), scale * wide + 1.2), max(1.5, scale * high + 1.3)))
    size = 10.0 * float(np.clip(2.6 * scale, 0.45, 1.6))
    for edge in sketch.weak_first:
        ends, strength = np.array([sketch.places[site] for site in edge]).T, sketch.strength(edge)
        style: dict[str, Any] = {"color": FAINT, "linewidth": 1.2}
        if strength is not None:
            style = {"color": ORANGE if strength < 0 else BLUE, "linewidth": 0.4 + 0.3 * size * abs(strength), "alpha": 0.85}
        axes.plot(*ends, zorder=1, solid_capstyle="round", **style)
    for site, (x, y) in zip(sketch.sites, spots, strict=True):
        both = site in sketch.inputs and site in sketch.outputs
        colour = AMBER if site in sketch.inputs else SKY if site in sketch.outputs else "#f2f2f2"
        shape: dict[str, Any] = {"marker": "s" if site in sketch.clamped else "o", "markersize": size, "markerfacecolor": colour}
        edge_style: dict[str, Any] = {"markeredgecolor": SKY if both else INK, "markeredgewidth": 2.4 if both else 0.8}
        axes.plot([x], [y], linestyle="none", zorder=2, **shape, **edge_style)
        if size > 6:
            axes.annotate(str(site), (x, y), ha="center", va="center_baseline", fontsize=0.52 * size, color=INK, zorder=3)
    axes.set_axis_off()
    axes.set_aspect("equal")
    room = 0.1 + size / 72.0 / scale  # a dot's diameter, so that a chain's are not cut
    axes.set_xlim(spots[:, 0].min() - room, spots[:, 0].max() + room)
    axes.set_ylim(spots[:, 1].min() - room, spots[:, 1].max() + room)
    if keys:
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "ncols": len(keys)}
        axes.legend(handles=keys, frameon=False, fontsize=8, handletextpad=0.4, columnspacing=1.2, **place)
    return axes


def _keys(sketch: Sketch) -> list[Line2D]:
    """Return the lines of the legend."""
    from matplotlib.lines import Line2D

    styles: dict[str, dict[str, Any]] = {
        "clamped": {**DOT, "marker": "s", "color": AMBER},
        "input": {**DOT, "color": AMBER},
        "output": {**DOT, "color": SKY},
        "positive": {"color": BLUE, "linewidth": 2.5},
        "negative": {"color": ORANGE, "linewidth": 2.5},
    }
    return [Line2D([], [], label=text, **styles[kind]) for kind, text in sketch.legend.items()]
