"""What goes to stdout and to stderr: JSON without NaN, consoles, and progress."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    Progress = Callable[[str, float | None], None]

PLAIN_WIDTH = 100
"""Columns where stdout is no terminal."""


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return JSON that every parser reads: NaN and infinities are null, arrays are lists.

    Examples
    --------
    >>> to_json({"a": float("nan"), "b": (1, 2)}, indent=None)
    '{"a": null, "b": [1, 2]}'
    """
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    click.echo(to_json(value))


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(below) for key, below in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(below) for below in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def console() -> Console:
    """Return the console of stdout."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show what is being done on stderr while it is done; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        from qep_qiskit.preparation.preparer import silent

        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def report(stage: str, share: float | None = None) -> None:
            done = None if share is None else min(max(share, 0.0), 1.0)
            bar.update(task, description=stage, total=None if done is None else 1.0, completed=done or 0.0)

        yield report
