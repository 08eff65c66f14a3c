"""Views of a board: a bar in a terminal or a notebook, drawn by rich, and lines in a log."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from qep_qiskit.plain_text import encodable, one_line
from qep_qiskit.progress.board import Board
from qep_qiskit.secrets import scrubbed

if TYPE_CHECKING:
    from rich.progress import Task
    from rich.text import Text

DELAY_SECONDS = 2.0
"""A bar appears after this time."""
FIRST_LINE_SECONDS = 10.0
"""After this time, a command whose stderr is not a terminal reports that it is still working."""
TERMINAL_SECONDS, NOTEBOOK_SECONDS = 0.2, 0.5
"""The time between two drawings of a bar."""
BAR_WIDTH, NOTEBOOK_WIDTH = 24, 100
DONE_COLOUR, REST_COLOUR = "#0072B2", "#9a9a9a"
"""Colours of a bar that can be seen on light and on dark ground."""


class View(Protocol):
    """A place where a board is drawn: first after a time, and then every so often."""

    def pause(self, seconds: float) -> float:
        """Return the time until the next drawing, from the age of the call."""
        ...

    def draw(self, board: Board) -> None:
        """Show the latest report."""
        ...

    def close(self) -> None:
        """Remove what was drawn, unless it is part of a log. It may be drawn again."""
        ...


class Lines:
    """Lines in a stream after 10 s, 20 s, 40 s and so on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def pause(self, seconds: float) -> float:
        return max(FIRST_LINE_SECONDS, seconds)

    def draw(self, board: Board) -> None:
        stage, share = board.stage
        text = stage if share is None else f"{stage}, {share:.0%}"
        if board.whole is not None:
            state, done, total = board.whole
            text = f"{done} of {total}: {state}" if total else state
        self._stream.write(f"qep: {board.seconds:.0f} s: {one_line(scrubbed(text))}\n")
        self._stream.flush()

    def close(self) -> None:
        pass


class _Bars:
    """The rows of rich: the steps of the whole call, if there are any, and below them a stage that takes long."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None
        self._rows: dict[str, Any] = {}

    def draw(self, board: Board) -> None:
        if self._bar is None:
            self._open(board)
        if board.whole is not None:
            text, done, total = board.whole
            self._row("whole", text, done, total, "" if total is None else f"{done}/{total}")
        slow = time.monotonic() - board.stage_began >= DELAY_SECONDS
        if board.whole is None or slow or "stage" in self._rows:
            stage, share = board.stage
            self._row("stage", stage, share or 0.0, None if share is None else 1.0, "" if share is None else f"{share:.0%}")

    def _row(self, name: str, text: str, done: float, total: float | None, count: str) -> None:
        text = encodable(one_line(scrubbed(text)), self._bar.console.encoding)
        first = next(iter(self._rows), name) == name
        values = {"description": text, "completed": done, "total": total, "count": count, "first": first}
        row = next((task for task in self._bar.tasks if task.id == self._rows.get(name)), None)
        if row is None or done < row.completed or (total is None) != (row.total is None):
            if row is not None:  # a new stage: its speed is not that of the one before
                self._bar.remove_task(row.id)
            self._rows[name] = self._bar.add_task(**values)
        else:
            self._bar.update(row.id, **values)

    def _open(self, board: Board) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
        from rich.table import Column
        from rich.text import Text

        class Times(ProgressColumn):
            """The time since the call began and, where a speed is known, the time left."""

            def render(self, task: Task) -> Text:
                left = task.time_remaining if task.total and not task.finished else None
                since = clock(board.seconds) if task.fields["first"] else ""
                return Text(since if left is None else f"{since}{', ' if since else ''}{clock(left)} left", style="dim")

        class Words(ProgressColumn):
            """The description, cut to the space that is left."""

            def render(self, task: Task) -> Text:
                return Text(task.description, no_wrap=True, overflow="ellipsis")

        self._rows, beside = {}, sys.stderr is self._stream  # printed text stays above the bar; in a file or a pipe, in its place
        self._bar = Progress(
            BarColumn(BAR_WIDTH, REST_COLOUR, DONE_COLOUR, DONE_COLOUR, DONE_COLOUR, table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[count]}", markup=False, justify="right"),
            Times(table_column=Column(no_wrap=True)),
            Words(table_column=Column(ratio=1)),
            console=Console(file=self._stream, highlight=False, markup=False, emoji=False),
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=beside and _is_terminal(sys.stdout),
            redirect_stderr=beside,
        )


class Terminal(_Bars):
    """A bar at the bottom of a terminal."""

    def pause(self, seconds: float) -> float:
        return TERMINAL_SECONDS if seconds >= DELAY_SECONDS else DELAY_SECONDS - seconds

    def draw(self, board: Board) -> None:
        super().draw(board)
        self._bar.start()
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Notebook(_Bars):
    """A bar below a notebook's cell. It needs no widgets, and leaves nothing in the notebook's file."""

    _handle: Any = None
    _form = '<pre style="margin:0;line-height:normal;overflow-x:auto">{code}</pre>'

    def pause(self, seconds: float) -> float:
        return NOTEBOOK_SECONDS if seconds >= DELAY_SECONDS else DELAY_SECONDS - seconds

    def draw(self, board: Board) -> None:
        from IPython.display import display
        from rich.console import Console

        super().draw(board)
        page = Console(file=io.StringIO(), record=True, width=NOTEBOOK_WIDTH, color_system="truecolor", force_jupyter=False)
        page.print(self._bar)
        drawn = {
            "text/plain": page.export_text(clear=False),
            "text/html": page.export_html(code_format=self._form, inline_styles=True),
        }
        if self._handle is None:
            self._handle = display(drawn, raw=True, display_id=True)
        else:
            self._handle.update(drawn, raw=True)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": "", "text/html": ""}, raw=True)
        self._bar = None


def view_of(lines: bool) -> View | None:
    """Return where a bar can be drawn; None if nowhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return Notebook(sys.stderr)
    if _is_terminal(sys.stderr) and os.environ.get("TERM") not in ("dumb", "unknown"):
        return Terminal(sys.stderr)
    return Lines(sys.stderr) if lines and sys.stderr is not None else None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def clock(seconds: float) -> str:
    """Return a time as on a clock.

    Examples
    --------
    >>> clock(5.4), clock(3725)
    ('0:05', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
