"""Quasi-Newton minimisation of a single function, for descents of few rows, where array operations would dominate the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.quasi_newton import Memory

Vector = NDArray[np.float64]
Trials = Generator[Vector, tuple[float, Vector], "End"]
"""A search that yields angles, receives their value and gradient, and returns its result."""

DECREASE, CURVATURE = 1e-4, 0.9
"""The constants of the weak Wolfe conditions."""
ROUNDING = 3e-14
"""The relative rounding error of a value. Below it, only the slopes decide about a step."""
LONGEST = 1.0
"""The largest change of an angle in the first trial of a step, in radians."""
MOST_TRIALS = 25
"""The number of trials of one step after which its direction is given up."""
RECHECKED = 32
"""The number of evaluations after which an aim that has not been reached is computed again."""


@dataclass(frozen=True)
class End:
    """The result of the search of one row, with the attributes of :class:`Descent`."""

    theta: Vector
    value: float
    gradient: Vector
    done: bool
    evaluations: int


def search(
    row: int,
    theta: Vector,
    value: float,
    gradient: Vector,
    memory: Memory,
    aim: Callable[[Vector, Vector, Vector], float],
    most: int,
) -> Trials:
    """Minimise a function as :func:`descend` does for one row, and update the memory of this row.

    Parameters
    ----------
    row : int
        The row in the memory.
    theta, value, gradient
        The initial angles, with their value and gradient.
    memory : Memory
    aim : callable
        (angles, gradient, Newton step) → the norm of the gradient at which the row is done.
    most : int
        The largest number of evaluations.
    """
    evaluations, failures, goal = 1, 0, math.nan
    while True:
        size = math.sqrt(gradient @ gradient)
        newton = memory.product_of(row, gradient)
        if evaluations == 1 or size <= goal or evaluations % RECHECKED == 0:
            goal = aim(theta, gradient, newton)
        if size <= goal or evaluations >= most:
            return End(theta, value, gradient, size <= goal, evaluations)
        direction, slope = -newton, -float(newton @ gradient)
        while True:
            if not slope < -1e-14 * size * math.sqrt(direction @ direction):
                memory.forget(np.array([row]))
                scale = min(1.0, LONGEST / size)
                direction, slope = -scale * gradient, -scale * size * size
            shrink = min(1.0, LONGEST / max(float(np.abs(direction).max()), 1e-300))
            direction, slope = shrink * direction, shrink * slope
            length, low, high = 1.0, 0.0, math.inf
            for _ in range(MOST_TRIALS):
                trial = theta + length * direction
                trial_value, trial_gradient = yield trial
                evaluations += 1
                rise, ahead = trial_value - value, float(direction @ trial_gradient)
                fits = decreases(rise, length, slope) or hides(rise, ahead, slope, max(abs(value), 1.0))
                taken = fits and not is_steep(ahead, slope)
                if taken or evaluations >= most:
                    break
                if fits:
                    low = length
                    length = 2.0 * length if math.isinf(high) else 0.5 * (low + high)
                else:
                    high = length
                    length = _between(rise, length, slope, low, high)
            if taken:
                break
            failures += 1
            if evaluations >= most or failures > 1:
                return End(theta, value, gradient, False, evaluations)
            slope = math.nan
        failures = 0
        step, change = trial - theta, trial_gradient - gradient
        theta, value, gradient = trial, trial_value, trial_gradient
        if step @ change > 1e-12 * math.sqrt((step @ step) * (change @ change)):
            memory.add_to(row, step, change)


def decreases(rise: Any, length: Any, first: Any) -> Any:
    """Return whether the value decreases enough for the first of the weak Wolfe conditions.

    Parameters
    ----------
    rise : float or ndarray
        The change of the value; arrays hold one trial per row.
    length, first : float or ndarray
        The length of the step, and the slope at its beginning.
    """
    return rise <= DECREASE * length * first


def hides(rise: Any, slope: Any, first: Any, size: Any) -> Any:
    """Return whether rounding hides the decrease of a value of this size; the slopes then say that it decreases enough.

    This is the approximate Wolfe condition of Hager and Zhang (2005).
    """
    return (rise <= ROUNDING * size) & (slope <= (2 * DECREASE - 1.0) * first)


def is_steep(slope: Any, first: Any) -> Any:
    """Return whether the slope at a trial is too steep for the second of the weak Wolfe conditions."""
    return slope < CURVATURE * first


def _between(rise: float, length: float, slope: float, low: float, high: float) -> float:
    """Return a length within a bracket: the minimum of a parabola through the values and the slope, or else the middle."""
    width = high - low
    parabola = -0.5 * slope * length**2 / max(rise - length * slope, 1e-300)
    return parabola if low + 0.1 * width < parabola < high - 0.1 * width else 0.5 * (low + high)
