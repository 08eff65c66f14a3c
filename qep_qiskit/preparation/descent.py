"""Minimisation of many independent functions of many angles in rows, by L-BFGS with one memory per row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Rows = NDArray[np.intp]
MEMORY = 20
"""The number of steps that each row remembers."""
DECREASE, CURVATURE = 1e-4, 0.9
"""The constants of the weak Wolfe conditions."""
ROUNDING = 1e-15
"""The relative rounding error of an energy, below which the slopes alone judge a step."""
MOST_TRIALS = 30
"""The number of trials of one step, after which the memory is dropped, and at the second time the row stops."""
LONGEST = 1.0
"""The longest first step, in radians, before there is a memory."""


class Memory:
    """The last steps s of each row and the changes y of its gradient, which stand for the inverse Hessian H.

    The product H g takes the compact form of Byrd, Nocedal and Schnabel (1994), eq. 3.13, which is a few small matrix products for all rows.

    Attributes
    ----------
    steps, changes : ndarray of shape (R, m, P)
        An unused entry is zero.
    """

    def __init__(self, rows: int, parameters: int, size: int = MEMORY) -> None:
        self.steps, self.changes = np.zeros((2, rows, size, parameters))
        self._cross, self._square = np.zeros((2, rows, size, size))  # s_i·y_j and y_i·y_j
        self._age = np.tile(np.arange(size), (rows, 1))
        """The slots of each row, oldest first."""
        self.scale = np.zeros(rows)
        """The H of directions that the memory does not know; 0 as long as it is empty."""

    def kept(self, rows: Rows) -> Memory:
        """Return the memory of some rows, each as often as it is listed."""
        part = object.__new__(Memory)
        for name in ("steps", "changes", "_cross", "_square", "_age", "scale"):
            setattr(part, name, getattr(self, name)[rows])
        return part

    def forget(self, rows: Rows) -> None:
        """Empty the memory of some rows."""
        for array in (self.steps, self.changes, self._cross, self._square, self.scale):
            array[rows] = 0.0

    def add(self, rows: Rows, step: Real, change: Real) -> None:
        """Add a step with s·y > 0 to each of these rows, in place of the oldest one."""
        slot = self._age[rows, 0]
        self._age[rows] = np.roll(self._age[rows], -1, axis=1)
        self.steps[rows, slot], self.changes[rows, slot] = step, change
        steps, changes = self.steps[rows], self.changes[rows]
        self._cross[rows, slot, :] = (changes @ step[:, :, None])[..., 0]
        self._cross[rows, :, slot] = (steps @ change[:, :, None])[..., 0]
        self._square[rows, slot, :] = self._square[rows, :, slot] = (changes @ change[:, :, None])[..., 0]
        self.scale[rows] = self._cross[rows, slot, slot] / self._square[rows, slot, slot]

    def product(self, gradient: Real) -> Real:
        """Return H g for every row, shape (R, P); zero for a row without memory."""
        rows = np.arange(len(gradient))[:, None, None]
        order = (rows, self._age[:, :, None], self._age[:, None, :])
        upper, square = np.triu(self._cross[order]), self._square[order]
        diagonal = np.diagonal(upper, axis1=1, axis2=2)
        unused = diagonal == 0.0
        upper = upper + unused[:, :, None] * np.eye(upper.shape[1])
        sorted_rows = (rows[:, :, 0], self._age)
        steps = np.take_along_axis((self.steps @ gradient[:, :, None])[..., 0], self._age, axis=1)
        changes = np.take_along_axis((self.changes @ gradient[:, :, None])[..., 0], self._age, axis=1)
        scale = self.scale[:, None]
        q = np.linalg.solve(upper, steps[..., None])[..., 0]
        inner = diagonal * q + scale * ((square @ q[..., None])[..., 0] - changes)
        p = np.linalg.solve(np.swapaxes(upper, 1, 2), inner[..., None])[..., 0]
        along, across = np.empty_like(p), np.empty_like(q)
        along[sorted_rows], across[sorted_rows] = p, q
        return scale * gradient + (along[:, None, :] @ self.steps)[:, 0] - scale * (across[:, None, :] @ self.changes)[:, 0]


Function = Callable[[Rows, Real], tuple[Real, Real]]
"""(rows, thetas) → the values of these rows' functions and their gradients."""
Aim = Callable[[Rows, Real, Real], Real]
"""(rows, thetas, gradients) → the norms of the gradient at which these rows are done."""


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


def descend(
    function: Function,
    starts: Real,
    aim: Aim,
    *,
    most: int,
    memory: Memory | None = None,
) -> Descent:
    """Minimise one function per row, all in one array, until the norm of each gradient is at most its aim.

    Parameters
    ----------
    function : callable
        (rows, thetas) → values and gradients of the functions of these rows.
    starts : ndarray of shape (R, P)
    aim : callable
        (rows, thetas, gradients) → the norms at which they are done. It is asked again wherever a row has reached its last aim, so it may
        depend on the angles.
    most : int
        The largest number of evaluations of each row.
    memory : Memory, optional
        The memory of an earlier descent in similar functions; it is changed.
    """
    count, parameters = starts.shape
    memory = Memory(count, parameters) if memory is None else memory
    thetas = np.array(starts, dtype=np.float64)
    values, gradients = function(np.arange(count), thetas)
    done, evaluations = np.zeros(count, dtype=bool), np.ones(count, dtype=np.int64)
    aims = aim(np.arange(count), thetas, gradients)
    whole = memory
    live = np.flatnonzero(np.linalg.norm(gradients, axis=1) > aims)
    done[np.setdiff1d(np.arange(count), live)] = True
    if not len(live) or not parameters:
        done[:] = True
        return Descent(thetas, values, gradients, done, evaluations, memory)
    search = _Search(live, memory.kept(live), thetas[live], values[live], gradients[live])
    while len(search.live):
        rows = search.live
        trial = search.thetas + search.length[:, None] * search.direction
        new_values, new_gradients = function(rows, trial)
        evaluations[rows] += 1
        arrived, failed = search.judge(trial, new_values, new_gradients)
        sizes = np.linalg.norm(search.gradients, axis=1)
        near = np.flatnonzero(arrived & (sizes <= aims[rows]))
        if len(near):
            aims[rows[near]] = aim(rows[near], search.thetas[near], search.gradients[near])
        reached = arrived & (sizes <= aims[rows])
        ended = reached | failed | (evaluations[rows] >= most)
        if ended.any():
            out = rows[ended]
            thetas[out], values[out], gradients[out] = search.thetas[ended], search.values[ended], search.gradients[ended]
            done[out] = reached[ended]
            for name in ("steps", "changes", "_cross", "_square", "_age", "scale"):
                getattr(whole, name)[out] = getattr(search.memory, name)[ended]
            search = search.kept(np.flatnonzero(~ended))
    return Descent(thetas, values, gradients, done, evaluations, whole)


class _Search:
    """The line searches of the live rows."""

    def __init__(self, live: Rows, memory: Memory, thetas: Real, values: Real, gradients: Real) -> None:
        self.live, self.memory = live, memory
        self.thetas, self.values, self.gradients = thetas, values, gradients
        count = len(live)
        self.direction, self.length, self.slope = np.zeros_like(thetas), np.ones(count), np.zeros(count)
        self.low, self.high = np.zeros(count), np.full(count, np.inf)
        self.trials, self.failures = np.zeros((2, count), dtype=np.int64)
        self.turn(np.arange(count))

    def kept(self, rows: Rows) -> _Search:
        part = object.__new__(_Search)
        for name, value in vars(self).items():
            setattr(part, name, value.kept(rows) if name == "memory" else value[rows])
        return part

    def turn(self, rows: Rows) -> None:
        """Choose a new direction for some rows."""
        if not len(rows):
            return
        gradient = self.gradients[rows]
        memory = self.memory if len(rows) == len(self.live) else self.memory.kept(rows)
        direction = -memory.product(gradient)
        slope = np.einsum("rp,rp->r", direction, gradient)
        size = np.linalg.norm(gradient, axis=1)
        plain = ~(slope < -1e-14 * size * np.linalg.norm(direction, axis=1))
        if plain.any():
            self.memory.forget(rows[plain])
            scale = np.minimum(1.0, LONGEST / np.maximum(size[plain], 1e-300))
            direction[plain] = -scale[:, None] * gradient[plain]
            slope[plain] = -scale * size[plain] ** 2
        longest = np.abs(direction).max(axis=1)
        shrink = np.minimum(1.0, LONGEST / np.maximum(longest, 1e-300))
        self.direction[rows], self.slope[rows] = direction * shrink[:, None], slope * shrink
        self.length[rows], self.low[rows], self.high[rows], self.trials[rows] = 1.0, 0.0, np.inf, 0

    def judge(self, trial: Real, values: Real, gradients: Real) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Accept the trials that satisfy the weak Wolfe conditions, shorten or lengthen the others; return who arrived and who failed."""
        slope = np.einsum("rp,rp->r", self.direction, gradients)
        noise = ROUNDING * np.maximum(np.abs(self.values), 1.0)
        high = values > self.values + DECREASE * self.length * self.slope
        high &= (values > self.values + noise) | (slope > (2 * DECREASE - 1.0) * self.slope)
        steep = ~high & (slope < CURVATURE * self.slope)
        self.trials += 1
        arrived = ~high & ~steep
        # shorten by the parabola through both values and the slope, lengthen by doubling
        bend = values - self.values - self.length * self.slope
        parabola = -0.5 * self.slope * self.length**2 / np.maximum(bend, 1e-300)
        self.high = np.where(high, self.length, self.high)
        self.low = np.where(steep, self.length, self.low)
        middle = np.where(np.isinf(self.high), 2.0 * self.length, 0.5 * (self.low + self.high))
        width = self.high - self.low
        inside = high & (parabola > self.low + 0.1 * width) & (parabola < self.high - 0.1 * width)
        stuck = ~arrived & (self.trials >= MOST_TRIALS)
        self.length = np.where(inside, parabola, middle)
        rows = np.flatnonzero(arrived)
        if len(rows):
            step, change = trial[rows] - self.thetas[rows], gradients[rows] - self.gradients[rows]
            self.thetas[rows], self.values[rows], self.gradients[rows] = trial[rows], values[rows], gradients[rows]
            curved = np.einsum("rp,rp->r", step, change) > 1e-12 * np.linalg.norm(step, axis=1) * np.linalg.norm(change, axis=1)
            self.memory.add(rows[curved], step[curved], change[curved])
            self.failures[rows] = 0
            self.turn(rows)
        rows = np.flatnonzero(stuck)
        if len(rows):
            self.memory.forget(rows)
            self.failures[rows] += 1
            self.turn(rows)
        return arrived, stuck & (self.failures > 1)
