"""A picture of two inputs: the answers of a network as shades, their boundary, and the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import AMBER, BLUE, GREEN, INK, ORANGE, PINK, SKY
from qep_qiskit.drawing.axes import legend_above, plain_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Matrix = NDArray[np.float64]
COLOURS = (ORANGE, BLUE, GREEN, PINK, AMBER, SKY)
MARKERS = "os^Dv*"
MOST_POINTS = 400
"""The largest number of samples that are drawn."""


def draw_plane(
    axes: Axes,
    across: Matrix,
    up: Matrix,
    field: Matrix,
    levels: tuple[float, ...],
    samples: Matrix,
    truth: NDArray[np.int64],
    labels: list[str],
    names: tuple[str, str],
) -> None:
    """Draw the answered class at every point of a grid, and samples in the colours of their true classes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    across, up : ndarray of shape (points,)
        The values of the two inputs.
    field : ndarray of shape (points, points)
        The values whose levels divide the classes; rows belong to `up`.
    levels : tuple of float
    samples : ndarray of shape (samples, 2)
    truth : ndarray of shape (samples,)
    labels : list of str
        The names of the classes.
    names : (str, str)
        The names of the inputs.
    """
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(labels))]
    axes.contourf(across, up, field, levels=levels, colors=colours, alpha=0.22)
    axes.contour(across, up, field, levels=levels[1:-1], colors=INK, linewidths=1.0)
    for k, label in enumerate(labels):
        members = samples[truth == k][:MOST_POINTS]
        marker = MARKERS[k % len(MARKERS)]
        axes.plot(*members.T, marker, color=colours[k], markersize=3.4, markeredgewidth=0.0, label=label)
    axes.set_xlabel(names[0], fontsize=9, parse_math=False)
    axes.set_ylabel(names[1], fontsize=9, parse_math=False)
    plain_frame(axes)
    legend_above(axes, 3)
