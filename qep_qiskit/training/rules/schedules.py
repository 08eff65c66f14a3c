"""How the learning rate changes over a training: a factor for every step."""

from __future__ import annotations

import math
from collections.abc import Callable

from qep_qiskit.errors import InputError, nearest

Schedule = Callable[[int, int], float]
"""(step from 0, all steps) → the factor of the learning rate."""


def constant(step: int, total: int) -> float:
    """Return 1."""
    return 1.0


def linear(step: int, total: int) -> float:
    """Fall evenly to 0 after the last step."""
    return 1.0 - step / total


def cosine(step: int, total: int) -> float:
    """Fall as half a cosine to 0 after the last step (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * step / total))


def exponential(step: int, total: int) -> float:
    """Fall to a hundredth."""
    return float(0.01 ** (step / total))


def halving(step: int, total: int) -> float:
    """Halve after each quarter of the steps."""
    return float(0.5 ** (4 * step // total))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "exponential": exponential,
    "halving": halving,
}


def schedule_of(given: object) -> Schedule:
    """Return the schedule of this name, or the function that was given.

    Examples
    --------
    >>> [round(schedule_of("cosine")(step, 4), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if isinstance(given, str) and given in SCHEDULES:
        return SCHEDULES[given]
    if callable(given):
        return given
    close = nearest(given, SCHEDULES) if isinstance(given, str) else ""
    raise InputError(
        f"schedule: {given!r} is not allowed; give one of {', '.join(SCHEDULES)}, or a function of (step, steps){close}"
    )
