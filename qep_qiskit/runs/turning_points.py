"""Named turning points of a run, before and after anything is recorded, sent or fetched.

In normal use they do nothing. Tests set `observer` to end the process at one of them.
"""

from __future__ import annotations

from collections.abc import Callable


def ignore(point: str) -> None:
    """Do nothing at a turning point."""


observer: Callable[[str], None] = ignore


def reached(point: str) -> None:
    """Notify the observer that the run has reached a turning point."""
    observer(point)
