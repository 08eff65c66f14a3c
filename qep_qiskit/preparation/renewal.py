"""Descents of many angles that renew the exact Hessians every few evaluations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Aim, Descent, Function, Rows, descend, of_rows
from qep_qiskit.preparation.quasi_newton import FullMemory, Memory

Real = NDArray[np.float64]
Renewal = Callable[[Rows, Real, Real], Real]
"""(rows, thetas, gradients) → the inverse Hessians of the rows' functions (R, P, P)."""
RENEWED, DEEP = 25, 60
"""The number of evaluations between exact Hessians, and the least number of angles of a descent that gets them. With fewer
angles, or many rows of them, the steps themselves reveal the curvatures sooner."""
FURTHER = 0.1
"""Such a descent ends at this share of the usual gradient. Steps by exact Hessians leave equal gradients along flat and steep
directions, but a gradient along a flat direction causes the larger error."""
CAUTION = 3.0
"""The share of the gradient's norm that is added to every curvature, since curvatures change quickly far from a minimum."""


def renewed(function: Function, curved: Renewal, starts: Real, aim: Aim, *, most: int | Rows, memory: Memory) -> Descent:
    """Minimise one function per row as :func:`descend` does, but replace the learnt Hessians by exact ones at regular intervals.

    Descents of many angles follow long curved valleys, where the steps learn the curvatures too late.
    """
    limits = np.broadcast_to(most, len(starts))
    end, rows = descend(function, starts, aim, most=np.minimum(limits, RENEWED), memory=memory), np.arange(len(starts))
    while True:
        rows = rows[~end.done[rows] & (end.evaluations[rows] < limits[rows])]
        if not len(rows):
            return end
        assert isinstance(end.memory, FullMemory)
        end.memory.set(rows, curved(rows, end.thetas[rows], end.gradients[rows]))
        few = np.minimum(limits[rows] - end.evaluations[rows], RENEWED)
        further = descend(
            functools.partial(of_rows, function, rows),
            end.thetas[rows],
            functools.partial(of_rows, aim, rows),
            most=few,
            memory=end.memory.kept(rows),
            known=(end.values[rows], end.gradients[rows]),
        )
        end.take(rows, further)
        rows = rows[further.evaluations >= few]  # all other rows are done or ended by rounding


def shifted(hessians: Real, curvatures: Real | float) -> Real:
    """Return Hessians (R, P, P) with a curvature of each row (R,), or of all, added in all directions."""
    return np.asarray(hessians + np.reshape(curvatures, (-1, 1, 1)) * np.eye(hessians.shape[1]))


class Inverses(NamedTuple):
    """Inverses of Hessians.

    Attributes
    ----------
    matrices : ndarray of shape (R, P, P)
    convex : ndarray of bool, shape (R,)
        Whether a Hessian has only curvatures above the least one.
    values, axes : ndarray of shape (N, P) and (N, P, P)
        The curvatures and their axes of the N other Hessians.
    """

    matrices: Real
    convex: NDArray[np.bool_]
    values: Real
    axes: Real


def inverses(hessians: Real, least: Real, softening: float = 0.0) -> Inverses:
    """Return the inverses of Hessians (R, P, P).

    The curvatures of a Hessian that is not convex count in magnitude, after `softening` has been added to them, and are raised to
    the least one (R,), which `softening` raises too.
    """
    result, convex = np.empty_like(hessians), np.ones(len(hessians), dtype=bool)
    for row, rest in enumerate(shifted(hessians, -least)):
        try:
            np.linalg.cholesky(rest)
        except np.linalg.LinAlgError:
            convex[row] = False
    result[convex] = np.linalg.inv(hessians[convex])
    values, axes = np.linalg.eigh(hessians[~convex])
    sizes = np.maximum(np.abs(values + softening), (least[~convex] + softening)[:, None])
    result[~convex] = (axes / sizes[:, None, :]) @ axes.swapaxes(1, 2)
    return Inverses(result, convex, values, axes)
