"""Turning points of a run, named before and after anything is written down, sent or fetched.

Nobody listens to them in use. Tests set `observer` and end the process there.
"""

from __future__ import annotations

from collections.abc import Callable


def ignore(point: str) -> None:
    """Do nothing at a turning point."""


observer: Callable[[str], None] = ignore


def reached(point: str) -> None:
    """Tell the observer that the run is at a turning point."""
    observer(point)
