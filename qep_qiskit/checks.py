"""Checks of arguments from users, with one clear line for each error."""

from __future__ import annotations

import math
import operator
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qep_qiskit.errors import InputError, nearest

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxdict = _SHORT.maxlist


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F.]+")


def shown(value: object) -> str:
    """Return a value on one line, cut to a readable length.

    Examples
    --------
    >>> shown(np.float64(0.5)), shown(list(range(100)))
    ('0.5', '[0, 1, 2, 3, 4, 5, ...]')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"<{'class' if isinstance(value, type) else 'function'} {value.__qualname__}>"
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # a foreign object may fail in its repr
        text = f"<{type(value).__name__}>"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= 80 else text[:79] + "…"


def whole(name: str, value: object, *, least: int = 0, most: int | None = None, what: str = "") -> int:
    """Return a whole number of any type: a Python int, a NumPy scalar, or a float without a fraction such as 1e4.

    Raises
    ------
    InputError
        If the value is not allowed. The message names the argument, its value, and the allowed values.
    """
    number = _whole(value)
    if number is None or number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name}: {shown(value)} is not allowed; give {what or 'a whole number'} {limits}")
    return number


def counts(value: Any, least: int) -> bool:
    """Return whether a value is a Python or NumPy integer of at least `least`; floats and flags are not."""
    try:
        return not isinstance(value, bool | np.bool_) and operator.index(value) >= least
    except TypeError:
        return False


def _whole(given: object) -> int | None:
    value: Any = _scalar(given)
    if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating):
        return None
    if isinstance(value, float | np.floating):
        return int(value) if math.isfinite(value) and float(value).is_integer() else None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _scalar(value: object) -> Any:
    """Return the item of a NumPy array without dimensions, and any other value unchanged."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def real(name: str, value: Any, *, above: float | None = None, least: float | None = None) -> float:
    """Return a finite real number of any type, within its limits."""
    value = _scalar(value)
    try:
        if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (above is not None and number <= above) or (least is not None and number < least):
        limits = "" if least is None else f" of at least {least:g}"
        limits = limits if above is None else f" above {above:g}"
        raise InputError(f"{name}: {shown(value)} is not allowed; give a finite number{limits}")
    return number


def flag(name: str, value: object) -> bool:
    """Return a Python or NumPy Boolean as bool; nothing else is accepted."""
    value = _scalar(value)
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}: {shown(value)} is not allowed; give True or False")
    return bool(value)


def word(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return a value that must be one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"{name}: unknown {shown(value)}; allowed: {', '.join(allowed)}{nearest(value, allowed)}")
    return value


def seed_of(value: object) -> int:
    """Return a seed as an int; any whole number is allowed."""
    number = _whole(value)
    if number is None:
        raise InputError(f"seed: {shown(value)} is not allowed; give a whole number such as 7")
    return number


def named(where: str, values: object) -> dict[str, Any] | None:
    """Return {name: value} for an object with named values; None if it has no names.

    Objects with names are mappings of any kind, pandas Series with an index of names, tables of one row (pandas, polars), xarray
    arrays with a coordinate, NumPy records, and named tuples.

    Raises
    ------
    InputError
        If a name appears twice, or if a table has several rows.
    """
    names, items = _names(where, values)
    if names is None:
        return None
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise InputError(f"{where}: {twice!r} is given twice; give each name once")
    return dict(zip(texts, items, strict=True))


def _names(where: str, values: Any) -> tuple[list[Any] | None, list[Any]]:
    if isinstance(values, Mapping):
        return list(values), list(values.values())
    if isinstance(values, np.ndarray | np.void) and values.dtype.names is not None:
        records = np.atleast_1d(np.asarray(values))
        if records.size != 1:
            raise InputError(f"{where}: has {records.size} records; give one")
        record = records.ravel()[0]
        return list(values.dtype.names), [record[name] for name in values.dtype.names]
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return list(values._fields), list(values)
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):  # a table
        table = np.asarray(values.to_numpy())
        if table.ndim != 2 or len(table) != 1:
            raise InputError(f"{where}: is a table of shape {table.shape}; give one of its rows")
        return list(values.columns), list(table[0])
    if hasattr(values, "coords") and hasattr(values, "dims"):  # xarray
        if len(values.dims) != 1 or values.dims[0] not in values.coords:
            return None, []
        return _unless_numbered(list(values.coords[values.dims[0]].values), list(values.values))
    if hasattr(values, "index") and hasattr(values, "to_numpy"):  # a pandas Series
        return _unless_numbered(list(values.index), list(values.to_numpy()))
    if hasattr(values, "keys") and hasattr(values, "__getitem__"):
        keys = list(values.keys())
        return keys, [values[key] for key in keys]
    return None, []


def _unless_numbered(labels: list[Any], items: list[Any]) -> tuple[list[Any] | None, list[Any]]:
    """Return labels and items; no labels if they are only the positions 0, 1, 2, …"""
    return (None, []) if labels == list(range(len(labels))) else (labels, items)


def unnamed(where: str, values: object, order: str) -> Any:
    """Return a value unchanged, but refuse one with names; `order` describes the order of plain numbers."""
    names = named(where, values)
    if names is not None:
        raise InputError(
            f"{where}: carries the names {', '.join(list(names)[:4])}{', …' if len(names) > 4 else ''}, but is read by position; "
            f"give plain numbers such as list(values), {order}"
        )
    return values


def numbers(values: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return real numbers as an array of floats, with NaN for masked ones; None if there is anything else.

    Text does not count as a number, and a complex number only if its imaginary part is zero.
    """
    try:
        array = np.ma.asarray(values) if np.ma.isMaskedArray(values) else np.asarray(values)
        if array.dtype.kind == "c":
            if np.any(array.imag):
                return None
            array = array.real
        if array.dtype.kind == "O":
            if any(isinstance(item, str | bytes | complex) for item in array.ravel()):
                return None
        elif array.dtype.kind not in "fiub":
            return None
        array = array.astype(float)
    except (TypeError, ValueError, OverflowError):
        return None
    return np.asarray(array.filled(np.nan) if np.ma.isMaskedArray(array) else array, dtype=float)


def index_of(where: str, name: object, names: Sequence[str]) -> int:
    """Return the position of a weight by its name.

    Raises
    ------
    InputError
        If there is no such weight; `where` says in what.
    """
    if not isinstance(name, str) or name not in names:
        raise InputError(f"{where}: this network has no weight {shown(name)}{nearest(name, names)}")
    return list(names).index(name)
