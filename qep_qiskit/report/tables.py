"""Tables of pages: rows from mappings, columns of weights, and the numbers in them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qep_qiskit.estimates import MISSING, finite

LONGEST = 160
"""The largest number of characters of a list in a table; the page's JSON file has all of it."""
LONG = 22
ABSENT = (None, "", MISSING)
"""The values of empty cells."""


@dataclass(frozen=True)
class Cell:
    """A text, with the number by which its column is sorted, and whether it is marked."""

    text: str
    key: float | None = None
    marked: bool = False


@dataclass(frozen=True)
class Table:
    """Headings and rows of cells.

    Attributes
    ----------
    log : bool
        Whether the cells are sentences, which are aligned to the left and not sorted.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    log: bool = False

    @property
    def sentences(self) -> frozenset[int]:
        """The columns with a text of more than `LONG` characters, which are aligned to the left and wrapped."""
        return frozenset(k for row in self.rows for k, entry in enumerate(row) if len(entry.text) > LONG)


def table(records: Iterable[Mapping[str, Any]], *, log: bool = False) -> Table:
    """Return records as a table, with one column per key in order of appearance; columns without any value are left out."""
    rows = list(records)
    keys = dict.fromkeys(str(key) for row in rows for key in row)
    cells = {key: [value if isinstance(value := row.get(key), Cell) else cell(value) for row in rows] for key in keys}
    used = {key: column for key, column in cells.items() if any(entry.text for entry in column)}
    return Table([key.replace("_", " ") for key in used], list(zip(*used.values(), strict=True)), log)


def cell(value: object, key: float | None = None, *, marked: bool = False) -> Cell:
    """Return a value as a cell, sorted by the key or else by the value if it is a number; an absent value is empty."""
    number = float(value) if key is None and finite(value) else key
    return Cell("" if value in ABSENT else text_of(value), number, marked)


def as_rows(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested mapping as (dotted key, text) rows, without those that have no value."""
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping) and value:
            rows.extend(as_rows(value, f"{name}."))
        elif value not in ABSENT:
            rows.append((name, text_of(value)))
    return rows


def text_of(value: object) -> str:
    """Return a value as text: numbers with four digits, and lists of numbers in the same form.

    Examples
    --------
    >>> text_of(0.12345678), text_of(20000), text_of([0.5, 1e-9]), text_of({"rz": 44, "cx": 30}), text_of(-0.0)
    ('0.1235', '20,000', '[0.5, 1e-09]', 'rz 44, cx 30', '0')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value + 0.0:.4g}" if math.isfinite(value) else MISSING
    if isinstance(value, Mapping):
        return _short(", ".join(f"{key} {text_of(item)}" for key, item in value.items()))
    if isinstance(value, list | tuple):
        return _short(json.dumps(_rounded(value), ensure_ascii=False, default=str))
    return str(value)


def _rounded(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) and math.isfinite(value) else value


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip(', ')} … (whole in the JSON file)"
