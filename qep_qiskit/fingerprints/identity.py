"""The identity of a value as a flat document, from which changes can be named."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.fingerprints.content import fingerprint
from qep_qiskit.fingerprints.digests import FileContent

Identity = dict[str, str]
"""An identity by name: numbers and texts literally, files as ``file NAME DIGEST``, everything else as a digest."""
LONGEST = 80
_FILE = "file "


def identity(value: object, name: str = "", *, depth: int = 3) -> Identity:
    """Return the identity of a value, with dataclasses and mappings split by name.

    Parameters
    ----------
    name : str
        The name of the value, a prefix for the names of its parts.
    depth : int
        The number of levels to split; a deeper part becomes one digest.

    Raises
    ------
    UnidentifiedError
        If a part has no content; the message names it.

    Examples
    --------
    >>> identity({"rate": 0.1, "sizes": (1, 2)}, "task")["task.rate"]
    '0.1'
    """
    if isinstance(value, FileContent):
        return {name: f"{_FILE}{value.name} {value.digest()}"}
    if isinstance(value, os.PathLike) and Path(value).is_file():
        return identity(FileContent(value), name)
    if (plain := _plain(value)) is not None:
        return {name: plain}
    parts = _parts(value) if depth > 0 else None
    if not parts:
        return {name: fingerprint(value, name or "value")}
    entries: Identity = {}
    for key, part in parts.items():
        entries |= identity(part, f"{name}.{key}" if name else key, depth=depth - 1)
    return entries


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Return the first difference between two identities, in words; None if they are equal.

    Examples
    --------
    >>> difference({"preparer.layers": "1"}, {"preparer.layers": "2"})
    'its preparer.layers is 1, not 2'
    """
    for key in [*now, *(key for key in before if key not in now)]:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if old is not None and new is not None and old.startswith(_FILE) and new.startswith(_FILE):
            return f"the file {new.removeprefix(_FILE).rsplit(' ', 1)[0]} changed since it began"
        if old is not None and new is not None and not _is_digest(old) and not _is_digest(new):
            return f"its {key} is {old}, not {new}"
        return f"its {key} changed since it began"
    return None


def _plain(value: object) -> str | None:
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float) and type(value).__module__ == "builtins":
        return str(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
    if type(value) is str and len(value) <= LONGEST:
        return repr(value)
    return None


def _parts(value: Any) -> dict[str, object] | None:
    stands_for = getattr(value, "identity", None)
    if callable(stands_for) and not isinstance(value, type):
        content = stands_for()
        if isinstance(content, Mapping):
            return {"kind": type(value).__qualname__, **{str(key): part for key, part in content.items()}}
        return None
    if isinstance(value, Mapping) and value and all(isinstance(key, str) for key in value):
        return dict(sorted(value.items()))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        compared = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.compare}
        return {"kind": type(value), **compared} if compared else None
    return None


def _is_digest(text: str) -> bool:
    return text.startswith(_FILE) or (len(text) == 64 and all(letter in "0123456789abcdef" for letter in text))
