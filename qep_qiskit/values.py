"""Values: results that are equal if their numbers are equal, and are pickled without caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from qep_qiskit.checks import shown

UNEQUAL_BY_NATURE = frozenset(("seconds", "started"))
"""Entries that differ in every run and are ignored when comparing."""


class Value:
    """Mixin for the equality and pickling of results, networks and problems; for frozen dataclasses with ``eq=False``.

    Two values are equal if they have the same class and all compared fields have the same content. NaN equals NaN, arrays are
    compared element by element, and durations are ignored. The result is always True or False.
    """

    __hash__: Any = None
    __array_ufunc__ = None  # otherwise == with a NumPy array returns an array

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.compare)  # type: ignore[arg-type]

    def __getstate__(self) -> dict[str, Any]:
        """Return only the fields; cached values are computed again."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


class Brief:
    """Mixin for a short repr, with only the arguments that differ from their defaults; for dataclasses with ``repr=False``."""

    def __repr__(self) -> str:
        return brief(self)


def brief(value: Any, name: str | None = None) -> str:
    """Return the call that makes a dataclass's value, with only the arguments that differ from their defaults.

    Parameters
    ----------
    value : dataclass
    name : str, optional
        The function or class to call. Default: the class of the value.
    """
    arguments = []
    for entry in fields(value):
        given = getattr(value, entry.name)
        default = entry.default if entry.default_factory is MISSING else entry.default_factory()
        if entry.init and entry.repr and (default is MISSING or not same(given, default)):
            arguments.append(f"{entry.name}={getattr(given, '__qualname__', None) or shown(given)}")
    return f"{name or type(value).__name__}({', '.join(arguments)})"


def same(one: Any, other: Any) -> bool:
    """Return whether two contents are equal; NaN equals NaN, and a list equals a tuple or an array of the same numbers.

    Examples
    --------
    >>> same({"a": np.array([1.0, np.nan])}, {"a": [1, float("nan")]}), same(np.zeros(2), np.zeros(3)), same(None, 0)
    (True, False, False)
    """
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = {key for key in one if key not in UNEQUAL_BY_NATURE}
        return keys == {key for key in other if key not in UNEQUAL_BY_NATURE} and all(same(one[k], other[k]) for k in keys)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return _same_arrays(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    try:
        equal = bool(one == other)
        return equal or bool(one != one and other != other)  # NaN
    except Exception:  # == of a foreign object failed or returned an array
        return False


def _same_arrays(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    try:
        first, second = np.asarray(one), np.asarray(other)
    except ValueError:
        return False
    if first.shape != second.shape:
        return False
    if first.dtype.kind in "biufc" and second.dtype.kind in "biufc":
        return bool(np.array_equal(first, second, equal_nan=True))
    return all(same(a, b) for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
