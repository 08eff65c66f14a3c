"""Minimisation of many independent functions of many angles as rows of one array, by quasi-Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.line_search import LONGEST, MOST_TRIALS, RECHECKED, ROUNDING, End, Trials, judged, search
from qep_qiskit.preparation.quasi_newton import Memory, memory_for

Real = NDArray[np.float64]
Rows = NDArray[np.intp]
Function = Callable[[Rows, Real], tuple[Real, Real]]
"""(rows, thetas) → the values of these rows' functions, and their gradients."""
Aim = Callable[[Rows, Real, Real, Real], Real]
"""(rows, thetas, gradients g, their Newton steps H⁻¹ g) → the norms of the gradient at which these rows are done."""

FEW = 4
"""Up to this number of rows, one search per row costs less than arrays of all searches."""


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
    searches = _Search(everyone, memory.kept(everyone), np.array(starts, dtype=np.float64), values, gradients)
    searches.aims = aim(everyone, searches.thetas, gradients, searches.memory.product(gradients))
    end = Descent(
        np.array(starts, dtype=np.float64), values, gradients, np.zeros(count, dtype=bool), np.ones(count, np.int64), memory
    )
    arrived = np.ones(count, dtype=bool)
    while True:
        sizes = np.linalg.norm(searches.gradients, axis=1)
        again = np.flatnonzero(
            arrived & ((sizes <= searches.aims) | (searches.evaluations % RECHECKED == 0)) & (searches.evaluations > 1)
        )
        if len(again):
            steps = searches.memory.product(searches.gradients)[again]
            searches.aims[again] = aim(searches.rows[again], searches.thetas[again], searches.gradients[again], steps)
        reached = arrived & (sizes <= searches.aims)
        ended = reached | (searches.failures > 1) | (searches.evaluations >= limits[searches.rows])
        if ended.any():
            out = np.flatnonzero(ended)
            rows = searches.rows[out]
            end.thetas[rows], end.values[rows], end.gradients[rows] = (
                searches.thetas[out],
                searches.values[out],
                searches.gradients[out],
            )
            end.done[rows], end.evaluations[rows] = reached[out], searches.evaluations[out]
            end.memory.put(rows, searches.memory, out)
            searches, arrived = searches.kept(np.flatnonzero(~ended)), arrived[~ended]
        if not len(searches.rows):
            return end
        searches.turn(np.flatnonzero(arrived))
        trial = searches.thetas + searches.lengths[:, None] * searches.directions
        arrived = searches.judge(trial, *function(searches.rows, trial))


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
    """The line searches of the rows that are not done."""

    def __init__(self, rows: Rows, memory: Memory, thetas: Real, values: Real, gradients: Real) -> None:
        count = len(rows)
        self.rows, self.memory = rows, memory
        self.thetas, self.values, self.gradients = thetas, np.array(values), np.array(gradients)
        self.directions, self.slopes, self.aims = np.zeros_like(thetas), np.zeros(count), np.zeros(count)
        self.lengths, self.low, self.high = np.ones(count), np.zeros(count), np.full(count, np.inf)
        self.evaluations = np.ones(count, dtype=np.int64)
        self.trials, self.failures = np.zeros((2, count), dtype=np.int64)

    def kept(self, rows: Rows) -> _Search:
        """Return the searches of some rows."""
        part: Any = object.__new__(_Search)
        for name, value in vars(self).items():
            setattr(part, name, value.kept(rows) if name == "memory" else value[rows])
        return part

    def turn(self, rows: Rows) -> None:
        """Choose a new direction for some rows: the quasi-Newton step, or down the gradient if there is no memory."""
        if not len(rows):
            return
        gradients = self.gradients[rows]
        directions = -self.memory.product(self.gradients)[rows]
        slopes = np.einsum("rp,rp->r", directions, gradients)
        sizes = np.linalg.norm(gradients, axis=1)
        uphill = ~(slopes < -1e-14 * sizes * np.linalg.norm(directions, axis=1))
        if uphill.any():
            self.memory.forget(rows[uphill])
            scales = np.minimum(1.0, LONGEST / np.maximum(sizes[uphill], 1e-300))
            directions[uphill] = -scales[:, None] * gradients[uphill]
            slopes[uphill] = -scales * sizes[uphill] ** 2
        shrink = np.minimum(1.0, LONGEST / np.maximum(np.abs(directions).max(axis=1, initial=0.0), 1e-300))
        self.directions[rows], self.slopes[rows] = directions * shrink[:, None], slopes * shrink
        self.lengths[rows], self.low[rows], self.high[rows], self.trials[rows] = 1.0, 0.0, np.inf, 0

    def judge(self, trial: Real, values: Real, gradients: Real) -> NDArray[np.bool_]:
        """Take the trials that meet the weak Wolfe conditions, change the length of the others, and return which were taken."""
        slopes, rise = np.einsum("rp,rp->r", self.directions, gradients), values - self.values
        fits, steep = judged(rise, slopes, self.lengths, self.slopes, ROUNDING * np.maximum(np.abs(self.values), 1.0))
        arrived, high, short = fits & ~steep, ~fits, fits & steep
        self.evaluations += 1
        self.trials += 1
        self.high[high], self.low[short] = self.lengths[high], self.lengths[short]
        self.lengths = np.where(np.isinf(self.high), 2.0 * self.lengths, self._between(rise, high))
        taken = np.flatnonzero(arrived)
        steps, changes = trial[taken] - self.thetas[taken], gradients[taken] - self.gradients[taken]
        self.thetas[taken], self.values[taken], self.gradients[taken] = trial[taken], values[taken], gradients[taken]
        self.failures[taken] = 0
        curved = np.einsum("rp,rp->r", steps, changes) > 1e-12 * np.linalg.norm(steps, axis=1) * np.linalg.norm(changes, axis=1)
        self.memory.add(taken[curved], steps[curved], changes[curved])
        stuck = np.flatnonzero(~arrived & (self.trials >= MOST_TRIALS))
        if len(stuck):
            self.memory.forget(stuck)
            self.failures[stuck] += 1
            self.turn(stuck)
        return arrived

    def _between(self, rise: Real, high: NDArray[np.bool_]) -> Real:
        """Return a length within each bracket: the minimum of the parabola through the values and the slope, or the middle."""
        with np.errstate(invalid="ignore"):
            width = self.high - self.low
            parabola = -0.5 * self.slopes * self.lengths**2 / np.maximum(rise - self.lengths * self.slopes, 1e-300)
            inside = high & (parabola > self.low + 0.1 * width) & (parabola < self.high - 0.1 * width)
            return np.where(inside, parabola, 0.5 * (self.low + self.high))
