"""Exit codes of commands, and the error for an interrupted command that can be resumed."""

from __future__ import annotations

DONE, FAILED, WRONG_INPUT, NOT_FINISHED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143


class InterruptedRunError(Exception):
    """A command was interrupted by Ctrl-C; the message says how to resume."""
