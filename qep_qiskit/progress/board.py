"""Reports of progress, and the board that keeps the latest one."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str, float | None], None]
"""A callable that gets the current stage and the share of it that is done (None: unknown)."""
ProgressOption = Progress | str
"""The option of a verb: "auto", "off" or a :data:`Progress`."""


class Silent:
    """A callback that ignores reports of progress; a class, so that help() shows it by its name."""

    def __call__(self, stage: str, share: float | None = None) -> None:
        pass

    def __repr__(self) -> str:
        return "silent"

    def __reduce__(self) -> str:
        return "silent"


silent = Silent()


def one_of(count: int, number: int, progress: Progress) -> Progress:
    """Return a callable for one of several equal parts of a task, which reports its share of the whole."""

    def report(stage: str, share: float | None = None) -> None:
        progress(f"{stage}, {number + 1} of {count}", (number + (share or 0.0)) / count)

    return progress if count == 1 else report


def steps_done(progress: Progress, text: str, done: int, total: int | None) -> None:
    """Report the completed steps of a whole call, such as a training; its stages within a step are reported as usual.

    Parameters
    ----------
    progress : callable
    text : str
        The state after the last step.
    done : int
    total : int or None
        None if the number of steps is not known in advance.
    """
    if isinstance(progress, Board):
        progress.steps(text, done, total)
    else:
        progress(text, done / total if total else None)


class Board:
    """The latest report of a call: its stage, and the completed steps of the whole. Any thread may read it."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.stage: tuple[str, float | None] = ("starting", None)
        self.stage_began = self.began
        self.whole: tuple[str, int, int | None] | None = None

    def __call__(self, stage: str, share: float | None = None) -> None:
        """Report a stage."""
        before = self.stage[1]
        self.stage = (stage, None if share is None else min(max(share, 0.0), 1.0))
        if share is None or before is None or share < before:
            self.stage_began = time.monotonic()

    def steps(self, text: str, done: int, total: int | None) -> None:
        """Report the completed steps."""
        self.whole, self.stage_began = (text, done, total), time.monotonic()

    @property
    def seconds(self) -> float:
        """The time since the call began."""
        return time.monotonic() - self.began
