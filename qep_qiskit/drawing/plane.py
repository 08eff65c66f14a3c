"""A picture of two inputs: the answers of a network as shades, their boundary, and the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import AMBER, BLUE, GREEN, INK, ORANGE, PINK, SKY
from qep_qiskit.drawing.axes import legend_above, plain_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (ORANGE, BLUE, GREEN, PINK, AMBER, SKY)
MARKERS = "os^Dv*"
MOST_POINTS = 400
"""The largest number of samples that are drawn."""


@dataclass(frozen=True)
class Plane:
    """Classes over a grid of two inputs.

    Attributes
    ----------
    first, second : ndarray of shape (points,)
        The values of the two inputs.
    field : ndarray of shape (points, points)
        The output, or with several outputs the number of the class; rows belong to the second input.
    levels : tuple of float
        The values of the field between which the class is the same.
    samples : ndarray of shape (samples, 2)
    truth : ndarray of shape (samples,)
        The numbers of the samples' classes.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    field: NDArray[np.float64]
    levels: tuple[float, ...]
    samples: NDArray[np.float64]
    truth: NDArray[np.int64]


def draw_plane(axes: Axes, plane: Plane, labels: list[str], names: tuple[str, str]) -> None:
    """Draw the answered class at every point of a grid, and samples in the colours of their true classes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    plane : Plane
    labels : list of str
        The names of the classes.
    names : (str, str)
        The names of the inputs.
    """
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(labels))]
    grid = (plane.first, plane.second, plane.field)
    axes.contourf(*grid, levels=plane.levels, colors=colours, alpha=0.22)
    axes.contour(*grid, levels=plane.levels[1:-1], colors=INK, linewidths=1.0)
    for k, label in enumerate(labels):
        members = plane.samples[plane.truth == k][:MOST_POINTS]
        marker = MARKERS[k % len(MARKERS)]
        axes.plot(*members.T, marker, color=colours[k], markersize=3.4, markeredgewidth=0.0, label=label)
    axes.set_xlabel(names[0], fontsize=9, parse_math=False)
    axes.set_ylabel(names[1], fontsize=9, parse_math=False)
    plain_frame(axes)
    legend_above(axes, 3)
