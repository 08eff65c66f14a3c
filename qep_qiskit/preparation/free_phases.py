"""Free phases of many families as rows of one array: descents to minima, away from saddles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Descent, Rows
from qep_qiskit.preparation.model import FREE, LEAST_CURVATURE, SOFTEST, Model
from qep_qiskit.preparation.newton_steps import FOLLOWED, newton_steps
from qep_qiskit.preparation.quasi_newton import MOST_FULL, FullMemory, Memory, memory_for
from qep_qiskit.preparation.renewal import inverses
from qep_qiskit.preparation.solution import Begin

Real = NDArray[np.float64]
EARLY = 2e-3
"""The |r₀| / |∂⟨C⟩| at which the first Hessian is computed, whatever the tolerance, so that every tolerance leads to the same
minimum."""
COARSE, MOST_COARSE = 0.1, 100
"""The |r₀| / |∂⟨C⟩| at which several starts are compared, or the number of evaluations."""
MOST_CURVED_ANGLES = MOST_FULL
"""The largest number of angles for which Hessians are computed; for more angles, the memory holds no matrix."""
KICK, FAR = 0.1, 0.3
"""The first step away from a saddle, and the smallest step after which a Hessian is computed again, in radians."""
SHARPER = 0.5
"""The factor by which the gradient at which a descent ends shrinks with each further descent."""
MOST_SADDLES = 12
"""The number of saddles after which the search for a minimum is given up."""
FLATTEST = 1e-8
"""A smaller negative curvature, as a share of Σ|c|, belongs to a flat valley and not to a saddle: rounding hides the way down."""


@dataclass(frozen=True)
class Free(Descent):
    """The free phases of several families, one row each.

    Attributes
    ----------
    sizes : ndarray of shape (F,)
        |∂⟨C⟩/∂θ| of the nudge that follows.
    """

    sizes: Real


def free_phases(model: Model, begins: Sequence[Begin]) -> Free:
    """Return the free phases, one row per family, and |∂⟨C⟩/∂θ| there."""
    count, most = len(begins), model.precision.most
    owners = np.repeat(np.arange(count), [len(begin.starts) for begin in begins])
    starts = np.concatenate([begin.starts for begin in begins])
    memory = memory_for(len(owners), starts.shape[1])
    if len(owners) > count:
        first = _descend_free(model, owners, starts, memory, COARSE, min(most, MOST_COARSE))
        best = np.array([_lowest(first, np.flatnonzero(owners == f)) for f in range(count)])
        starts, memory = first.thetas[best], first.memory.kept(best)
    zeros = np.zeros((2, count))
    free = Free(starts, zeros[0], np.zeros_like(starts), np.zeros(count, dtype=bool), np.zeros(count, np.int64), memory, zeros[1])
    sought, at_saddle = np.flatnonzero([not begin.free for begin in begins]), np.zeros(0, dtype=np.intp)
    given = np.flatnonzero([begin.free for begin in begins])
    if len(sought):
        curved = starts.shape[1] <= MOST_CURVED_ANGLES
        share = min(FREE * model.precision.tolerance, EARLY / 3) * model.further
        warm = np.array([f for f in sought.tolist() if curved and begins[f].warm], dtype=np.intp)
        cold = np.setdiff1d(sought, warm)
        if len(warm):
            before = starts[warm]  # a copy: the rows of `free` start as those of `starts`, and are written in place
            _shared_inverse(model, free, warm)
            free.take(warm, _descend_free(model, warm, before, memory.kept(warm), share, most))
            near = np.abs(free.thetas[warm] - before).max(axis=1, initial=0.0) <= FAR
            cold = np.union1d(cold, warm[~(near & free.done[warm])])
        unfinished = np.setdiff1d(cold, warm)
        if len(unfinished):
            early = max(EARLY, share) if curved else share
            free.take(unfinished, _descend_free(model, unfinished, starts[unfinished], memory.kept(unfinished), early, most))
        if curved:
            at_saddle = _settle(model, free, cold, share)
            _take_newton_step(model, free, sought)
    if len(given):
        free.values[given], free.gradients[given] = model.value(given, model.free[given], starts[given])
        free.done[given] = True
        if isinstance(memory, FullMemory):
            for f in given:
                inverse = begins[int(f)].inverse
                if inverse is not None and inverse.shape == memory.inverse[f].shape:
                    memory.inverse[f], memory.known[f] = inverse, True
    free.sizes[:] = np.maximum(model.slopes(np.arange(count), free.thetas)[0], model.floor / FREE)
    free.done[:] |= np.linalg.norm(free.gradients, axis=1) <= FREE * model.precision.tolerance * free.sizes
    free.done[at_saddle] = False
    return free


def _shared_inverse(model: Model, free: Free, rows: Rows) -> None:
    """Give all rows that start close to a minimum the inverse Hessian of the first such row, as an initial memory."""
    first = rows[:1]
    assert isinstance(free.memory, FullMemory)
    free.memory.set(rows, model.inverses(first, model.free[first], free.thetas[first])[0])


def _settle(model: Model, free: Free, rows: Rows, share: float) -> Rows:
    """Continue from points of small gradient to minima, with exact Hessians, and return the rows that end at saddles.

    A small gradient alone does not tell a minimum from a saddle, at which the nudged phases would leave along the direction of
    negative curvature. From a saddle the search goes on along that direction.
    """
    rows, lost = rows[free.done[rows]], [rows[:0]]
    for attempt in range(MOST_SADDLES if len(rows) else 0):
        matrices = model.hessians(rows, model.free[rows], free.thetas[rows], exact=True)
        assert isinstance(free.memory, FullMemory)
        softening = SOFTEST if attempt == 0 else 0.0
        inverse, convex, values, axes = inverses(matrices, LEAST_CURVATURE * model.mu[rows], softening)
        free.memory.set(rows, inverse)
        saddle, before, begin = ~convex, free.thetas[rows], free.thetas[rows]
        softened = saddle.copy() if softening else np.zeros_like(saddle)
        saddle[~convex] = values.min(axis=1, initial=np.inf) < -FLATTEST * model.sizes[rows[~convex]]
        for k, downward in zip(np.flatnonzero(saddle).tolist(), axes[saddle[~convex]], strict=True):
            begin[k] -= KICK * np.sign(downward[:, 0] @ free.gradients[rows[k]] + 1e-300) * downward[:, 0]
        left = np.maximum(model.precision.most - free.evaluations[rows], 1)
        free.take(rows, _descend_free(model, rows, begin, free.memory.kept(rows), share * SHARPER**attempt, left))
        moved = np.abs(free.thetas[rows] - before).max(axis=1, initial=0.0)
        spent = free.evaluations[rows] >= model.precision.most
        lost.append(rows[saddle & (spent | (attempt == MOST_SADDLES - 1))])
        rows = rows[(saddle | softened | (moved > FAR)) & ~spent]
        if not len(rows):
            break
    return np.concatenate(lost)


def _take_newton_step(model: Model, free: Free, rows: Rows) -> None:
    """Take a Newton step from the rows that are done, if it is short and leaves a smaller gradient.

    What is left of the gradient tilts the nudged phases. Where they are nearly flat, a small tilt can decide which way they go.
    """
    rows = rows[free.done[rows]]
    assert isinstance(free.memory, FullMemory)

    def function(part: Rows, thetas: Real) -> tuple[Real, Real]:
        return model.value(part, model.free[part], thetas)

    steps, solved = newton_steps(
        lambda part, thetas: function(rows[part], thetas)[1],
        free.thetas[rows],
        free.gradients[rows],
        model.mu[rows],
        free.memory.inverse[rows],
        free.gradients[rows],
        precision=FOLLOWED,
        most=free.thetas.shape[1] // 2,
    )
    short = solved & (np.abs(steps).max(axis=1, initial=0.0) <= KICK)
    free.move(function, rows[short], steps[short])


def _descend_free(model: Model, owners: Rows, starts: Real, memory: Memory, share: float, most: int | Rows) -> Descent:
    coefficients, floors = model.free[owners], model.floor[owners]

    def function(rows: Rows, thetas: Real) -> tuple[Real, Real]:
        return model.value(owners[rows], coefficients[rows], thetas)

    def aim(rows: Rows, thetas: Real, gradients: Real, steps: Real) -> Real:
        sizes, errors = model.slopes(owners[rows], thetas, steps)
        aims = share * sizes
        if share < COARSE:
            left = np.linalg.norm(gradients, axis=1) * model.precision.predictions
            aims = np.where(errors > 0.0, np.minimum(aims, left / np.maximum(errors, 1e-300)), aims)
        return np.maximum(aims, floors[rows])

    return model.descend(owners, coefficients, function, aim, starts, memory, most)


def _lowest(end: Descent, rows: Rows) -> int:
    """Return the row whose descent seems to lead to the lowest energy."""
    steps = end.memory.product(end.gradients)[rows]
    return int(rows[np.argmin(end.values[rows] - 0.5 * np.einsum("rp,rp->r", steps, end.gradients[rows]))])
