"""Axes of a sweep, each a key of the spec with its values."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.experiment.overrides import value_of

MOST_POINTS = 100_000
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")


@dataclass(frozen=True)
class Axis:
    """A key of the spec, such as ``"stencil.beta"`` or ``"seed"``, and its values in a sweep."""

    key: str
    values: tuple[Any, ...]


def axis_of(text: str) -> Axis:
    """Parse ``key=value,value,…``. Values are TOML if they parse as such, else texts; ``0..9`` means the whole numbers 0 to 9.

    Examples
    --------
    >>> axis_of("stencil.beta=0.05,0.1").values, axis_of("seed=0..3").values, axis_of("network.edges=chain,ring").values
    ((0.05, 0.1), (0, 1, 2, 3), ('chain', 'ring'))
    """
    key, equals, rest = text.partition("=")
    key, rest = key.strip(), rest.strip()
    if not equals or not key or not rest:
        raise InputError(f"--over {text!r}: write key=value,value such as --over stencil.beta=0.05,0.1")
    if span := RANGE.fullmatch(rest):
        first, last = int(span[1]), int(span[2])
        if not first <= last < first + MOST_POINTS:
            raise InputError(f"--over {text!r}: an empty or endless range; write it as 0..9")
        return Axis(key, tuple(range(first, last + 1)))
    whole = value_of(rest) if rest.startswith("[") and not rest.startswith("[[") else None
    values = whole if isinstance(whole, list) else [value_of(part) for part in _split(rest)]
    if not values or any(not isinstance(v, str | int | float | bool | list) for v in values):
        raise InputError(f"--over {text!r}: a value is missing; write key=value,value")
    if len({repr(v) for v in values}) != len(values):
        raise InputError(f"--over {text!r}: a value is given twice; give each once")
    return Axis(key, tuple(values))


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def combinations(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Return all combinations of the axes' values, with the last axis varying fastest."""
    if not axes:
        raise InputError("--over: missing; name what is varied, such as --over stencil.beta=0.05,0.1")
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"--over {key}: is given twice; give all its values in one --over")
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_POINTS:
        raise InputError(f"--over: {count} combinations are more than {MOST_POINTS}; give fewer values")
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes))]
