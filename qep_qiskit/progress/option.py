"""The option ``progress`` of a verb: what shows the reports of its engines."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from qep_qiskit.errors import InputError
from qep_qiskit.progress.board import Board, Progress, ProgressOption, silent
from qep_qiskit.progress.views import View, view_of


class _Told(Board):
    """Reports for a function of the user's. Where there are steps, the shares are those of the whole call."""

    def __init__(self, function: Progress) -> None:
        super().__init__()
        self._function = function
        self._share: float | None = None

    def __call__(self, stage: str, share: float | None = None) -> None:
        self._function(stage, share if self.whole is None else self._share)

    def steps(self, text: str, done: int, total: int | None) -> None:
        super().steps(text, done, total)
        self._share = done / total if total else None
        self._function(text, self._share)


class _Shown(Board):
    """A board that a thread draws from time to time."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view, self.ended, self.drawing = view, threading.Event(), threading.Lock()
        self.owner = threading.get_ident()
        context = contextvars.copy_context()
        self._drawer = threading.Thread(target=context.run, args=(self._draw_again,), name="progress", daemon=True)
        self._drawer.start()

    def _draw_again(self) -> None:
        while not self.ended.wait(self.view.pause(self.seconds)):
            with self.drawing:
                if not self.ended.is_set():
                    with suppress(OSError, ValueError):  # a closed or full stream does not stop the work
                        self.view.draw(self)

    def close(self) -> None:
        """Stop drawing, and remove the bar."""
        self.ended.set()
        try:
            self._drawer.join()
        finally:
            with suppress(OSError, ValueError):
                self.view.close()


_CURRENT: list[_Shown] = []
"""The board that is being drawn. There is at most one: calls within a call report to it, calls of other threads are not shown."""
_TAKING = threading.Lock()


def check_progress(progress: object) -> None:
    """Refuse anything that is not "auto", "off" or a callable."""
    if not callable(progress) and not (isinstance(progress, str) and progress in ("auto", "off")):
        from qep_qiskit.checks import shown  # which imports NumPy

        raise InputError(f'progress: {shown(progress)} is not allowed; give "auto", "off" or a function')


@contextmanager
def showing(progress: ProgressOption = "auto", *, lines: bool = False) -> Iterator[Progress]:
    """Show the progress of a call, and yield the callable to which its engines report.

    Parameters
    ----------
    progress : {"auto", "off"} or callable
        "auto" shows a bar in terminals and notebooks.
    lines : bool
        Whether "auto" writes a line now and then if there is neither.

    Raises
    ------
    InputError
        If `progress` is something else.

    Examples
    --------
    >>> with showing(lambda stage, share: print(stage, share)) as report:
    ...     report("ground states", 0.5)
    ground states 0.5
    """
    check_progress(progress)
    if callable(progress):
        yield progress if isinstance(progress, Board) else _Told(progress)
        return
    board = None
    if progress == "auto":
        with _TAKING:
            if _CURRENT:
                board, inside = _CURRENT[0], True
            elif (view := view_of(lines)) is not None:
                board, inside = _Shown(view), False
                _CURRENT.append(board)
    if board is None:
        yield silent
    elif inside:
        yield board if board.owner == threading.get_ident() else silent
    else:
        try:
            yield board
        finally:
            _CURRENT.remove(board)
            board.close()


@contextmanager
def hidden() -> Iterator[None]:
    """Hide the bar, if there is one, while a question is asked."""
    if not _CURRENT:
        yield
        return
    with _CURRENT[0].drawing:
        _CURRENT[0].view.close()
        yield
