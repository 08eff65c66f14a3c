"""Display of results: short lines, and small tables in notebooks and terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from qep_qiskit.plain_text import one_line, printable

if TYPE_CHECKING:
    from rich.table import Table

INK, FAINT = "#222222", "#8a8a8a"
# Okabe and Ito's palette, distinguishable with any colour vision
BLUE, ORANGE, GREEN, PINK, AMBER, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"
MOST_ROWS = 60
LONGEST = 80


def table_html(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], notes: Sequence[str] = (), graph: str = ""
) -> str:
    """Return a table of text as escaped HTML, below a graph if there is one.

    A long table is cut, with the number of remaining rows below it.

    Parameters
    ----------
    graph : str
        An SVG element, which is not escaped.
    """
    lines = list(rows)
    rest = [f"… and {len(lines) - MOST_ROWS} more rows"] if len(lines) > MOST_ROWS else []
    head = "".join(f"<th>{escape(word)}</th>" for word in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(printable(str(cell)))}</td>" for cell in row) + "</tr>" for row in lines[:MOST_ROWS]
    )
    below = "".join(f"<p>{escape(note)}</p>" for note in [*rest, *notes])
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if lines else ""
    return f"<div><p><b>{escape(title)}</b></p>{graph}{table}{below}</div>"


def terminal_table(*left: str, right: Iterable[str] = (), title: str | None = None) -> Table:
    """Return an empty table for a terminal, with text columns first and number columns after them."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim")
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as "1 weight", "2 weights" or "2 batches"."""
    several = word[:-2] + "es" if word.endswith("is") else word + ("es" if word.endswith("tch") else "s")
    return f"{number} {word if number == 1 else several}"


def when(time: str, length: int = 19) -> str:
    """Return a stored time for readers, to the second; 16 characters of it end with the minutes.

    Examples
    --------
    >>> when("2026-01-31T12:00:05.123+00:00")
    '2026-01-31 12:00:05'
    """
    return time[:length].replace("T", " ")


def short(text: str) -> str:
    """Return a text on one line, cut to a readable length."""
    line = one_line(" ".join(text.split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
