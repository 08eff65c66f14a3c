"""Conversion of results to JSON documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Convert a value to numbers, texts, lists and mappings for JSON; NaN and infinities become None.

    Examples
    --------
    >>> plain({"a": float("nan"), "b": (1, 2)})
    {'a': None, 'b': [1, 2]}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(below) for key, below in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(below) for below in value]
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy
        return plain(value.tolist())
    return str(value)
