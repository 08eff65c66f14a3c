"""JSON and TOML from untrusted files: limited in size and depth, with 64-bit whole numbers and valid text."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from typing import Any

DEEPEST = 50
"""The most levels of a document; this package writes fewer than ten."""
LARGEST_JSON = 256_000_000
MOST_VALUES = 3_000_000
"""The most values of a JSON document; each takes about a hundred bytes of memory."""
LARGEST_TOML = 8_000_000
_INT64 = 2**63


def json_document(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        If the text is invalid, too large or too deep, or contains a number or text that this package never writes.
    """
    if len(data) > LARGEST_JSON:
        raise ValueError(f"it has {len(data):,} bytes; at most {LARGEST_JSON:,} are read")
    count = sum(data.count(sign) for sign in (b",", b"[", b"{"))
    if count > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES:,} values")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refused)
    except RecursionError:
        raise ValueError(f"it has more than {DEEPEST} levels") from None
    check(value)
    return value


def json_value(text: str) -> Any:
    """Return the value of a JSON text in a run's file.

    Raises
    ------
    ValueError
        If the text is not JSON, or is too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"it has more than {DEEPEST} levels") from None


def toml_tables(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises
    ------
    ValueError
        If the text is not TOML, or is too large or too deep.
    """
    if len(text) > LARGEST_TOML:
        raise ValueError(f"it has {len(text):,} characters; at most {LARGEST_TOML:,} are read")
    _check_dots(text)
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"it has more than {DEEPEST} levels") from None
    check(tables, finite=False)
    return tables


def _check_dots(text: str) -> None:
    """Refuse a key with many levels before it is parsed, since the parsing time is quadratic in their number."""
    for number, line in enumerate(text.splitlines(), start=1):
        key = line.partition("=")[0]
        if key.count(".") > DEEPEST and '"' not in key and "'" not in key and not key.lstrip().startswith("#"):
            raise ValueError(f"line {number}: a key has more than {DEEPEST} levels")


def check(value: Any, *, finite: bool = True) -> None:
    """Refuse a document that is too deep, or contains an infinite or huge number or a lone surrogate.

    Raises
    ------
    ValueError
    """
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        here, depth = todo.pop()
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} levels")
        if isinstance(here, Mapping):
            todo += ((item, depth + 1) for pair in here.items() for item in pair)
        elif isinstance(here, list | tuple):
            todo += ((item, depth + 1) for item in here)
        elif isinstance(here, float) and finite and not math.isfinite(here):
            raise ValueError(f"{here} is not a JSON number")
        elif isinstance(here, int) and not -_INT64 <= here < _INT64:
            raise ValueError("it holds a whole number of more than 64 bits")
        elif isinstance(here, str) and not here.isascii() and any("\ud800" <= letter <= "\udfff" for letter in here):
            raise ValueError("it holds half of a character (a lone surrogate)")


def _refused(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")
