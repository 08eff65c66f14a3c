"""Minimisation of many independent functions of many angles as rows of one array, by quasi-Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.line_search import (
    LONGEST,
    MOST_TRIALS,
    RECHECKED,
    End,
    Trials,
    decreases,
    hides,
    is_steep,
    search,
)
from qep_qiskit.preparation.quasi_newton import Mask, Memory, memory_for

Real = NDArray[np.float64]
Rows = NDArray[np.intp]
Function = Callable[[Rows, Real], tuple[Real, Real]]
"""(rows, thetas) → the values of these rows' functions, and their gradients."""
Aim = Callable[[Rows, Real, Real, Real], Real]
"""(rows, thetas, gradients g, their Newton steps H⁻¹ g) → the norms of the gradient at which these rows are done."""

FEW = 4
"""Up to this number of rows, one search per row costs less than arrays of all searches."""
TOGETHER = 8
"""Rows that have reached their aims stay in the array until one row in this number has: their further evaluations cost less than
many calls for a few rows each."""


@dataclass(frozen=True)
class Descent:
    """The ends of a descent.

    Attributes
    ----------
    thetas : ndarray of shape (R, P)
    values : ndarray of shape (R,)
    gradients : ndarray of shape (R, P)
    done : ndarray of bool, shape (R,)
        Whether each row reached its aim.
    evaluations : ndarray of int, shape (R,)
    memory : Memory
    """

    thetas: Real
    values: Real
    gradients: Real
    done: NDArray[np.bool_]
    evaluations: NDArray[np.int64]
    memory: Memory

    def take(self, rows: Rows, end: Descent) -> None:
        """Take over the result of a further descent of these rows."""
        self.thetas[rows], self.values[rows], self.gradients[rows], self.done[rows] = (
            end.thetas,
            end.values,
            end.gradients,
            end.done,
        )
        self.evaluations[rows] += end.evaluations
        self.memory.put(rows, end.memory, np.arange(len(rows)))

    def move(self, function: Function, rows: Rows, steps: Real) -> None:
        """Take one step of each of these rows if it leaves a smaller gradient."""
        thetas = self.thetas[rows] + steps
        values, gradients = function(rows, thetas)
        better = np.linalg.norm(gradients, axis=1) < np.linalg.norm(self.gradients[rows], axis=1)
        taken = rows[better]
        self.thetas[taken], self.values[taken], self.gradients[taken] = thetas[better], values[better], gradients[better]
        self.evaluations[rows] += 1


def descend(
    function: Function,
    starts: Real,
    aim: Aim,
    *,
    most: int | Rows,
    memory: Memory | None = None,
    known: tuple[Real, Real] | None = None,
) -> Descent:
    """Minimise one function per row until the norm of each gradient is at most its aim. Rows that are done leave the array.

    Parameters
    ----------
    function : callable
        (rows, thetas) → values of the functions of these rows, and gradients.
    starts : ndarray of shape (R, P)
    aim : callable
        (rows, thetas, gradients, Newton steps) → the norms at which these rows are done. It is called again when a row has
        reached its last aim, and now and then, so it may depend on the angles.
    most : int or ndarray of shape (R,)
        The largest number of evaluations per row.
    memory : Memory, optional
        The memory of an earlier descent of similar functions; it is changed.
    known : tuple of ndarray, optional
        The values and gradients at the starts; they count as one evaluation.
    """
    count, parameters = starts.shape
    everyone, limits = np.arange(count), np.broadcast_to(most, count)
    memory = memory_for(count, parameters) if memory is None else memory
    values, gradients = function(everyone, starts) if known is None else known
    if 0 < count <= FEW and parameters:
        return _alone(function, starts, values, gradients, aim, limits, memory)
    searches = _Search(everyone, limits, memory.kept(everyone), np.array(starts, dtype=np.float64), values, gradients)
    searches.aims = aim(everyone, searches.thetas, gradients, searches.newton)
    end = Descent(
        np.array(starts, dtype=np.float64), values, gradients, np.zeros(count, dtype=bool), np.ones(count, np.int64), memory
    )
    evaluations = 1
    while True:
        sizes, lost = np.linalg.norm(searches.gradients, axis=1), searches.failures > 1
        waiting = sizes <= searches.aims
        checked = evaluations % RECHECKED == 0
        if checked or TOGETHER * np.count_nonzero(waiting) >= len(waiting) or lost.any() or evaluations >= searches.limits.min():
            again = np.flatnonzero(waiting | checked)
            if evaluations > 1 and len(again):
                searches.aims[again] = aim(
                    searches.rows[again], searches.thetas[again], searches.gradients[again], searches.newton[again]
                )
            reached = sizes <= searches.aims
            ended = reached | lost | (evaluations >= searches.limits)
            out = np.flatnonzero(ended)
            rows = searches.rows[out]
            end.thetas[rows], end.values[rows], end.gradients[rows] = (
                searches.thetas[out],
                searches.values[out],
                searches.gradients[out],
            )
            end.done[rows], end.evaluations[rows] = reached[out], evaluations
            end.memory.put(rows, searches.memory, out)
            on = np.flatnonzero(~ended)
            searches, sizes, waiting = searches.kept(on), sizes[on], np.zeros(len(on), dtype=bool)
            if not len(searches.rows):
                return end
        if len(searches.rows) <= FEW and searches.arrived.all():
            rows = searches.rows
            further = _alone(
                partial(of_rows, function, rows),
                searches.thetas,
                searches.values,
                searches.gradients,
                partial(of_rows, aim, rows),
                searches.limits - evaluations + 1,
                searches.memory,
            )
            end.evaluations[rows] = evaluations - 1
            end.take(rows, further)
            return end
        steps = searches.steps(sizes, np.flatnonzero(waiting))
        trials = searches.thetas + steps
        searches.judge(steps, trials, *function(searches.rows, trials))
        evaluations += 1


def of_rows(function: Callable[..., Any], rows: Rows, part: Rows, *arguments: Real) -> Any:
    """Call a function of rows for a part of the rows."""
    return function(rows[part], *arguments)


def _alone(function: Function, starts: Real, values: Real, gradients: Real, aim: Aim, limits: Rows, memory: Memory) -> Descent:
    """Minimise the function of each row by a separate search; the trials of all searches are evaluated together."""

    def aim_of(row: int) -> Callable[[Real, Real, Real], float]:
        rows = np.array([row])
        return lambda theta, gradient, step: float(aim(rows, theta[None], gradient[None], step[None])[0])

    live: dict[int, Trials] = {}
    trials: dict[int, Real] = {}
    ends: dict[int, End] = {}

    def advance(row: int, answer: tuple[float, Real] | None) -> None:
        try:
            trials[row] = next(live[row]) if answer is None else live[row].send(answer)
        except StopIteration as stop:
            ends[row] = stop.value
            del live[row]

    for row, start in enumerate(np.array(starts, dtype=np.float64)):
        live[row] = search(row, start, float(values[row]), gradients[row], memory, aim_of(row), int(limits[row]))
        advance(row, None)
    while live:
        rows = list(live)
        found, slopes = function(np.array(rows), np.array([trials[row] for row in rows]))
        for row, value, slope in zip(rows, found.tolist(), slopes, strict=True):
            advance(row, (value, slope))
    columns = zip(
        *((end.theta, end.value, end.gradient, end.done, end.evaluations) for _, end in sorted(ends.items())), strict=True
    )
    thetas, ended, left, done, evaluations = (np.array(column) for column in columns)
    return Descent(thetas, ended, left, done, evaluations, memory)


class _Search:
    """The line searches of the rows that are not done; each evaluation is one trial of every search.

    Most trials are taken, and few rows need more than one. So the arrays hold the result as if all trials were taken, and the
    other rows are put back.
    """

    def __init__(self, rows: Rows, limits: Rows, memory: Memory, thetas: Real, values: Real, gradients: Real) -> None:
        count = len(rows)
        self.rows, self.limits, self.memory = rows, limits, memory
        self.thetas, self.values, self.gradients = thetas, np.array(values), np.array(gradients)
        self.newton, self.directions = memory.product(gradients), np.zeros_like(thetas)
        """Newton steps H⁻¹ g at the angles, and the directions of the searches."""
        self.slopes, self.aims = np.zeros((2, count))
        self.lengths, self.low, self.high = np.ones(count), np.zeros(count), np.full(count, np.inf)
        self.arrived, self.further = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
        """Whether the last trial was taken, and whether the search goes on in the same direction."""
        self.trials, self.failures = np.zeros((2, count), dtype=np.int64)

    def kept(self, rows: Rows) -> _Search:
        """Return the searches of some rows."""
        part: Any = object.__new__(_Search)
        for name, value in vars(self).items():
            setattr(part, name, value.kept(rows) if name == "memory" else value[rows])
        return part

    def forget(self, rows: Rows) -> None:
        """Empty the memory of some rows."""
        self.memory.forget(rows)
        self.newton[rows] = 0.0

    def steps(self, sizes: Real, waiting: Rows) -> Real:
        """Return the next steps, in new directions where a search arrived or was given up.

        New directions are Newton steps, or lead down the gradient, whose norm is one of `sizes`, for an empty memory. Rows that
        wait stay where they are.
        """
        directions, slopes = -self.newton, -np.vecdot(self.newton, self.gradients)
        squares, further = np.vecdot(directions, directions), np.flatnonzero(self.further)
        uphill = ~(slopes < -1e-14 * sizes * np.sqrt(squares))
        uphill[further] = False
        if uphill.any():
            self.forget(np.flatnonzero(uphill))
            scales = np.minimum(1.0, LONGEST / np.maximum(sizes[uphill], 1e-300))
            directions[uphill] = -scales[:, None] * self.gradients[uphill]
            slopes[uphill] = -scales * sizes[uphill] ** 2
        long = np.flatnonzero(squares > LONGEST**2)
        if len(long):
            shrink = np.minimum(1.0, LONGEST / np.abs(directions[long]).max(axis=1))
            directions[long] *= shrink[:, None]
            slopes[long] *= shrink
        directions[waiting], slopes[waiting] = 0.0, 0.0
        directions[further], slopes[further] = self.directions[further], self.slopes[further]
        self.directions, self.slopes = directions, slopes
        return self.lengths[:, None] * directions if len(further) else directions

    def judge(self, steps: Real, thetas: Real, values: Real, gradients: Real) -> None:
        """Take the trials that meet the weak Wolfe conditions, and change the length of the others."""
        slopes, rise = np.vecdot(self.directions, gradients), values - self.values
        fits = decreases(rise, self.lengths, self.slopes)
        if not fits.all():
            fits |= hides(rise, slopes, self.slopes, np.maximum(np.abs(self.values), 1.0))
        arrived = fits & ~is_steep(slopes, self.slopes)
        changes = gradients - self.gradients
        sizes = np.sqrt(np.vecdot(steps, steps) * np.vecdot(changes, changes))
        curved = arrived & (np.vecdot(steps, changes) > 1e-12 * sizes)
        newton = self.memory.advance(curved, steps, changes, gradients, self.newton)
        back = np.flatnonzero(~arrived)
        if len(back):
            for new, old in (thetas, self.thetas), (values, self.values), (gradients, self.gradients), (newton, self.newton):
                new[back] = old[back]
        self.thetas, self.values, self.gradients, self.newton = thetas, values, gradients, newton
        self.arrived = arrived
        self.failures[arrived] = 0
        if len(back) or self.further.any():
            self._change_lengths(back, fits, rise)

    def _change_lengths(self, rows: Rows, fits: Mask, rise: Real) -> None:
        """Double lengths without a limit, and take the minimum of a parabola, or the middle, in the other brackets.

        A direction is given up after too many trials.
        """
        lengths, slopes = self.lengths[rows], self.slopes[rows]
        self.low[rows] = np.where(fits[rows], lengths, self.low[rows])
        self.high[rows] = np.where(fits[rows], self.high[rows], lengths)
        low, high = self.low[rows], self.high[rows]
        with np.errstate(invalid="ignore"):
            width = high - low
            parabola = -0.5 * slopes * lengths**2 / np.maximum(rise[rows] - lengths * slopes, 1e-300)
            inside = ~fits[rows] & (parabola > low + 0.1 * width) & (parabola < high - 0.1 * width)
            between = np.where(inside, parabola, 0.5 * (low + high))
        self.lengths[rows] = np.where(np.isinf(high), 2.0 * lengths, between)
        self.trials += 1
        self.further = ~self.arrived & (self.trials < MOST_TRIALS)
        stuck = np.flatnonzero(~self.arrived & ~self.further)
        self.forget(stuck)
        self.failures[stuck] += 1
        turning = ~self.further
        self.lengths[turning], self.low[turning], self.high[turning], self.trials[turning] = 1.0, 0.0, np.inf, 0
