"""Timing all methods of one case in turns, so that whatever slows the machine down slows all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

BUDGET = 5.0
"""Seconds that the repeats of one method may take together, if it is quicker than a second."""
ONCE = 10.0
"""A method that takes longer is run once."""
STRETCH = 0.1
"""Quick methods are called over and over for about that many seconds a turn, as an optimiser would call them."""


def repeats_for(seconds: float) -> int:
    """Return how often to time a call of that length: 5 to 25 times below a second, else 3 times, or once."""
    if seconds > ONCE:
        return 1
    if seconds > 1.0:
        return 3
    return max(5, min(25, int(BUDGET / max(seconds, STRETCH))))


def calls_a_turn(seconds: float) -> int:
    """Return how many calls of that length make up a turn."""
    return max(1, min(1000, round(STRETCH / max(seconds, 1e-9))))


def rounds(repeats: Mapping[str, int]) -> list[list[str]]:
    """Return the methods of each round in order: all that have repeats left, the order turned by one from round to round."""
    names = list(repeats)
    turned = ([*names[r % len(names) :], *names[: r % len(names)]] for r in range(max(repeats.values(), default=0)))
    return [[name for name in order if repeats[name] > r] for r, order in enumerate(turned)]


def clocked(call: Callable[[], object], number: int = 1) -> float:
    """Return the mean seconds of some calls, with what was left over collected before and no collection in between."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(number):
            call()
        return (time.perf_counter() - start) / number
    finally:
        gc.enable()


def take_turns(
    calls: Mapping[str, Callable[[], object]], pilots: Mapping[str, float], *, most: int | None = None
) -> dict[str, list[float]]:
    """Return the seconds of every repeat of every call, given about how long each one takes; of `most` repeats at the most."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for order in rounds({name: min(repeats_for(pilots[name]), most or 1000) for name in calls}):
        for name in order:
            seconds[name].append(clocked(calls[name], calls_a_turn(pilots[name])))
    return seconds
