"""The end of a command: its exit codes, and the interruption that says how to resume."""

from __future__ import annotations

DONE, FAILED, WRONG_INPUT, NOT_FINISHED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143


class InterruptedRunError(Exception):
    """Ctrl-C; the text says how to resume."""
