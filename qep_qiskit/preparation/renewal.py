"""Descents of many angles that renew the exact Hessians every few evaluations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Aim, Descent, Function, Rows, descend
from qep_qiskit.preparation.quasi_newton import FullMemory, Memory

Real = NDArray[np.float64]
Inverses = Callable[[Rows, Real, Real], Real]
"""(rows, thetas, gradients) → the inverse Hessians of the rows' functions (R, P, P)."""
RENEWED, DEEP = 25, 60
"""The number of evaluations between exact Hessians, and the least number of angles of a descent that gets them. With fewer
angles, or many rows of them, the steps themselves reveal the curvatures sooner."""
FURTHER = 0.1
"""Such a descent ends at this share of the usual gradient. Steps by exact Hessians leave equal gradients along flat and steep
directions, but a gradient along a flat direction causes the larger error."""
CAUTION = 3.0
"""The share of the gradient's norm that is added to every curvature, since curvatures change quickly far from a minimum."""


def renewed(function: Function, curved: Inverses, starts: Real, aim: Aim, *, most: int | Rows, memory: Memory) -> Descent:
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
            functools.partial(_of_rows, function, rows),
            end.thetas[rows],
            functools.partial(_of_rows, aim, rows),
            most=few,
            memory=end.memory.kept(rows),
            known=(end.values[rows], end.gradients[rows]),
        )
        end.take(rows, further)
        rows = rows[further.evaluations >= few]  # all other rows are done or ended by rounding


def shifted(hessians: Real, curvatures: Real | float) -> Real:
    """Return Hessians (R, P, P) with a curvature of each row (R,), or of all, added in all directions."""
    return np.asarray(hessians + np.reshape(curvatures, (-1, 1, 1)) * np.eye(hessians.shape[1]))


def inverses(hessians: Real, least: Real) -> tuple[Real, NDArray[np.bool_]]:
    """Return inverse Hessians (R, P, P), and which rows have only curvatures above the least one (R,).

    The curvatures of other rows are replaced by their absolute values, and raised to the least one.
    """
    result, convex = np.empty_like(hessians), np.ones(len(hessians), dtype=bool)
    for row, rest in enumerate(shifted(hessians, -least)):
        try:
            np.linalg.cholesky(rest)
        except np.linalg.LinAlgError:
            convex[row] = False
            values, axes = np.linalg.eigh(hessians[row])
            result[row] = (axes / np.maximum(np.abs(values), least[row])) @ axes.T
    result[convex] = np.linalg.inv(hessians[convex])
    return result, convex


def _of_rows(function: Callable[..., Any], rows: Rows, part: Rows, *arguments: Real) -> Any:
    """Call a function of rows for a part of the rows."""
    return function(rows[part], *arguments)
