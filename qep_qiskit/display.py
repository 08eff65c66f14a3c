"""Display of results: short lines, small tables in terminals, and colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from qep_qiskit.plain_text import one_line

if TYPE_CHECKING:
    from rich.table import Table

INK, FAINT = "#222222", "#8a8a8a"
# Okabe and Ito's palette, distinguishable with any colour vision
BLUE, ORANGE, GREEN, PINK, AMBER, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"
MOST_LINES, MOST_ROWS = 20, 18
"""The largest numbers of weights in a text and in a table for notebooks."""
LONGEST = 80
MOST_WARNINGS = 5
_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")


def largest_first(values: Sequence[float], most: int) -> list[int]:
    """Return all positions if there are at most `most`; otherwise those of the largest absolute values, the largest first.

    Examples
    --------
    >>> largest_first([0.1, -3.0, 2.0], 3), largest_first([0.1, -3.0, 2.0], 2)
    ([0, 1, 2], [1, 2])
    """
    if len(values) <= most:
        return list(range(len(values)))
    return sorted(range(len(values)), key=lambda k: (values[k] != values[k], -abs(values[k])))[:most]


def left_out(number: int, shown: int, whole: str = ".to_frame()") -> list[str]:
    """Return a line on how many weights a cut list leaves out, and what has all of them; nothing if the list is whole."""
    return [f"… and {number - shown} smaller of {number} weights; {whole} has all of them"] if number > shown else []


def terminal_table(*left: str, right: Iterable[str] = (), title: str | None = None) -> Table:
    """Return an empty table for a terminal: text columns, which may be broken, and then number columns, which are kept whole."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim")
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as "1 weight", "2 weights" or "2 batches"."""
    several = word[:-2] + "es" if word.endswith("is") else word + ("es" if word.endswith("tch") else "s")
    return f"{number} {word if number == 1 else several}"


def different(texts: Iterable[str]) -> list[str]:
    """Return the first few texts that differ in more than their numbers, such as the warnings of a batch.

    Examples
    --------
    >>> different(["a gap of 0.1", "a gap of 0.2", "no gap"])
    ['a gap of 0.1', 'no gap']
    """
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(_NUMBER.sub("#", text), text)
    return list(first.values())[:MOST_WARNINGS]


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
