"""The recursive digest of a value by its content."""

from __future__ import annotations

import dataclasses
import enum
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType

import numpy as np

from qep_qiskit.fingerprints import functions
from qep_qiskit.fingerprints.digests import FileContent, UnidentifiedError, of_numbers, packed, plain

DEEPEST = 100


def fingerprint(value: object, what: str = "value") -> str:
    """Return the digest of a value's content, as 64 hexadecimal digits.

    Parameters
    ----------
    value : object
        Numbers, text, arrays, mappings, sets, dataclasses, paths of files, functions, classes, Qiskit's circuits, operators,
        noise models and backends, and any object whose state can be read. An object with a method ``identity()`` is identified
        by the method's result.
    what : str
        The value's name in error messages.

    Raises
    ------
    UnidentifiedError
        If a part of the value has no content, or a function depends on more than can be read.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": [2.5]}) == fingerprint({"b": [2.5], "a": 1.0})
    True
    >>> fingerprint(lambda y: 2 * y) == fingerprint(lambda y: 3 * y)
    False
    """
    digests = _digests.get()
    if digests is None:
        return Reader(what).digest(value).hex()
    if id(value) not in digests:
        digests[id(value)] = (value, Reader(what).digest(value).hex())
    return digests[id(value)][1]


_digests: ContextVar[dict[int, tuple[object, str]] | None] = ContextVar("digests", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Read every object only once within the ``with`` block, in which no object may change."""
    token = _digests.set({})
    try:
        yield
    finally:
        _digests.reset(token)


def of_or_none(value: object) -> str | None:
    """Return the fingerprint of a value, or None if it has none; caches then store nothing."""
    try:
        return fingerprint(value)
    except UnidentifiedError:
        return None


class Reader:
    """A reader of one value. It reads a repeated part only once, and replaces a part that contains itself by a reference."""

    def __init__(self, what: str = "value") -> None:
        self.what = what
        self._done: dict[int, tuple[object, bytes]] = {}  # the object is kept alive, so that its id is not reused
        self._open: dict[int, int] = {}

    def refuse(self, why: str) -> UnidentifiedError:
        """Return the error for a value that cannot be identified."""
        return UnidentifiedError(
            f"{self.what}: {why}, so that a run cannot tell whether it is still the same; "
            "name the function that uses it: qep.named('what it does, version 1', function)"
        )

    def digest(self, value: object) -> bytes:
        """Return the digest of a part of the value."""
        if (leaf := plain(value)) is not None:
            return leaf
        key = id(value)
        if key in self._done:
            return self._done[key][1]
        if key in self._open:
            return packed("back", [str(self._open[key])])
        if len(self._open) > DEEPEST:
            raise self.refuse("it is nested too deeply")
        self._open[key] = len(self._open)
        try:
            content = self._read(value)
        finally:
            del self._open[key]
        self._done[key] = (value, content)
        return content

    def sequence(self, tag: str, values: Iterable[object]) -> bytes:
        """Return the digest of parts in their order."""
        return packed(tag, [self.digest(value) for value in values])

    def mapping(self, tag: str, items: Iterable[tuple[object, object]]) -> bytes:
        """Return the digest of pairs, independent of their order."""
        return packed(tag, sorted(self.digest(key) + self.digest(value) for key, value in items))

    def _read(self, value: object) -> bytes:
        stands_for = getattr(value, "identity", None)
        if callable(stands_for) and not isinstance(value, type):
            return packed("identity", [self.digest(type(value)), self.digest(stands_for())])
        qiskits = ("BackendV2", "BaseSamplerV2", "BaseEstimatorV2")
        if type(value).__module__.startswith("qiskit") or any(base.__name__ in qiskits for base in type(value).__mro__):
            from qep_qiskit.fingerprints import qiskit_objects

            content = qiskit_objects.read(self, value)
            if content is not None:
                return content
        match value:
            case np.ndarray() if value.dtype.hasobject or value.dtype.names is not None:
                return packed("objects", [str(value.shape), self.digest(value.tolist())])
            case np.ndarray():
                return of_numbers(value)
            case os.PathLike():
                path = Path(value)
                return self.digest(FileContent(path)) if path.is_file() else packed("path", [os.fspath(path)])
            case enum.Enum():
                return packed("enum", [self.digest(type(value)), value.name])
            case Mapping():
                return self.mapping("mapping", value.items())
            case Set():
                return packed("set", sorted(self.digest(part) for part in value))
            case list() | tuple():
                return self.sequence("sequence", value)
            case range() | slice():
                return self.sequence(type(value).__name__, (value.start, value.stop, value.step))
        if isinstance(value, type):
            return functions.of_class(self, value)
        if isinstance(value, ModuleType):
            return functions.of_module(self, value, ())
        if isinstance(value, functools.partial):
            return self.sequence("partial", (value.func, value.args, value.keywords))
        if isinstance(value, FunctionType | MethodType | BuiltinFunctionType | MethodWrapperType | np.ufunc):
            return functions.of_function(self, value)
        if callable(wrapped := getattr(value, "__wrapped__", None)):
            return packed("wrapped", [self.digest(type(value)), self.digest(wrapped)])
        if dataclasses.is_dataclass(value):
            parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.compare}
            return packed("dataclass", [self.digest(type(value)), self.mapping("fields", parts.items())])
        return self.state(value)

    def state(self, value: object) -> bytes:
        """Return the digest of an object by the state that a copy would have, without cached properties."""
        kind = type(value)
        title = f"{kind.__module__}.{kind.__qualname__}"
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            raise self.refuse(f"a {title} has no content") from None
        if isinstance(reduced, str):
            return packed("global", [title, reduced])
        make, arguments, state, *rest = (*reduced, None, None, None)[:5]
        if isinstance(state, dict):
            state = {k: v for k, v in state.items() if not isinstance(getattr(kind, str(k), None), functools.cached_property)}
        parts = [list(part) if part is not None else None for part in rest]
        return packed("object", [self.digest(kind), *(self.digest(part) for part in (make, arguments, state, *parts))])
