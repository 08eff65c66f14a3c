"""Learning-rate schedules: the factor of the learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Callable

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import SCHEDULES, one_of

Schedule = Callable[[int, int], float]
"""A function (step, total steps) → factor of the learning rate; steps count from 0."""


@SCHEDULES.register("constant")
def constant(step: int, total: int) -> float:
    """Return 1, for a constant learning rate."""
    return 1.0


@SCHEDULES.register("linear")
def linear(step: int, total: int) -> float:
    """Return a factor that falls linearly from 1, and would reach 0 just after the last step."""
    return 1.0 - step / total


@SCHEDULES.register("cosine")
def cosine(step: int, total: int) -> float:
    """Return a factor that falls from 1 towards 0 as half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, no restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * step / total))


@SCHEDULES.register("exponential")
def exponential(step: int, total: int) -> float:
    """Return a factor that falls exponentially from 1 to a hundredth."""
    return float(0.01 ** (step / total))


@SCHEDULES.register("halving")
def halving(step: int, total: int) -> float:
    """Return a factor that is halved after each quarter of the steps."""
    return float(0.5 ** (4 * step // total))


def schedule_of(schedule: object) -> Schedule:
    """Return the schedule with this name; a function is returned unchanged.

    Examples
    --------
    >>> [round(schedule_of("cosine")(step, 4), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if isinstance(schedule, str) and schedule in SCHEDULES:
        named: Schedule = SCHEDULES[schedule]
        return named
    if callable(schedule):
        return schedule
    close = nearest(schedule, SCHEDULES)
    raise InputError(
        f"schedule: {shown(schedule)} is not allowed; give {one_of(SCHEDULES)}, or a function of (step, steps){close}"
    )
