"""Descents of many angles with exact Hessians every few evaluations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Aim, Descent, Function, Rows, descend
from qep_qiskit.preparation.quasi_newton import FullMemory, Memory

Real = NDArray[np.float64]
Curvatures = Callable[[Rows, Real], tuple[Real, Real, Real]]
"""(rows, thetas) → the curvatures of these rows' functions (R, P), their axes (R, P, P), and the least curvature (R, 1)."""
RENEWED, DEEP = 25, 60
"""The number of evaluations after which a descent of at least so many angles gets exact Hessians. With fewer angles, or many rows
of them, the steps themselves show the curvatures sooner."""
FURTHER = 0.1
"""The share of the usual gradient at which such a descent ends. Steps by Hessians leave as much of it along flat directions as
along steep ones, where a learnt memory leaves less, and flat directions count most."""
CAUTION = 3.0
"""The share of the norm of the gradient that is added to every curvature then: far from a minimum they do not hold for long."""


def renewed(function: Function, curvatures: Curvatures, starts: Real, aim: Aim, *, most: int | Rows, memory: Memory) -> Descent:
    """Minimise one function per row as :func:`descend` does, with exact Hessians in place of the learnt ones now and then.

    Many angles go a long way through curved valleys, where steps learn the curvatures too late.
    """
    limits = np.broadcast_to(most, len(starts))
    end, rows = descend(function, starts, aim, most=np.minimum(limits, RENEWED), memory=memory), np.arange(len(starts))
    while True:
        rows = rows[~end.done[rows] & (end.evaluations[rows] < limits[rows])]
        if not len(rows):
            return end
        values, axes, least = curvatures(rows, end.thetas[rows])
        sizes = np.linalg.norm(end.gradients[rows], axis=1, keepdims=True)
        assert isinstance(end.memory, FullMemory)
        end.memory.set(rows, inverses(np.maximum(np.abs(values), least) + CAUTION * sizes, axes, least))
        few = np.minimum(limits[rows] - end.evaluations[rows], RENEWED)
        further = descend(
            functools.partial(_of_rows, function, rows),
            end.thetas[rows],
            functools.partial(_of_rows, aim, rows),
            most=few,
            memory=end.memory.kept(rows),
        )
        end.take(rows, further)
        rows = rows[further.evaluations >= few]  # the others are done, or rounding ends their descents


def inverses(curvatures: Real, axes: Real, least: Real) -> Real:
    """Return the inverse Hessians (R, P, P) of |curvatures| (R, P) along axes (R, P, P), none below the least."""
    return (axes / np.maximum(np.abs(curvatures), least)[:, None, :]) @ axes.swapaxes(1, 2)


def _of_rows(function: Callable[..., Any], rows: Rows, part: Rows, *arguments: Real) -> Any:
    """Return a function of some of the rows."""
    return function(rows[part], *arguments)
