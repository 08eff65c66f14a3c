"""Functions, classes and modules by content.

What comes with Python or with an installed package is known by its name; versions are compared elsewhere. What the user wrote is
known by its code, its constants, its defaults, its closure and the globals that it names, each identified in turn.
"""

from __future__ import annotations

import builtins
import dis
import functools
import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from qep_qiskit.fingerprints.digests import packed

if TYPE_CHECKING:
    from qep_qiskit.fingerprints.content import Reader

OPEN_ENDED = ("eval", "exec", "globals", "locals", "open", "input", "compile", "__import__")
"""Functions whose callers have dependencies that cannot be read from the code."""
PACKAGES = {"site-packages", "dist-packages"}
"""The folders that package managers install into."""
_NOT_CONTENT = {
    *("__doc__", "__module__", "__qualname__", "__name__", "__dict__", "__weakref__", "__annotations__", "__match_args__"),
    *("__dataclass_fields__", "__dataclass_params__", "__abstractmethods__", "__parameters__", "__orig_bases__", "__slots__"),
    *("__repr__", "__str__", "__hash__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__setattr__", "__delattr__"),
    *("__reduce__", "__getstate__", "__setstate__", "__firstlineno__", "__static_attributes__", "_abc_impl"),
    *("_is_protocol", "_is_runtime_protocol", "__non_callable_proto_members__", "__protocol_attrs__"),
}


def of_function(reader: Reader, function: Any) -> bytes:
    """Return the digest of a function or a method."""
    match function:
        case MethodType():
            return reader.sequence("method", (function.__func__, function.__self__))
        case FunctionType():
            return _of_python(reader, function)
        case np.ufunc():
            return _of_ufunc(reader, function)
        case BuiltinFunctionType() | MethodWrapperType():
            owner = function.__self__
            if owner is None or isinstance(owner, ModuleType):
                return packed("built in", [str(function.__module__), function.__qualname__])
            return packed("built-in method", [function.__qualname__, reader.digest(owner)])
    raise reader.refuse(f"{function!r} is not a function that can be read")


def of_class(reader: Reader, kind: type) -> bytes:
    """Return the digest of a class: its name and, for a class of the user, everything that it defines."""
    module = str(kind.__module__)
    name = [top_of(module), kind.__qualname__]
    if is_installed(module):
        return packed("class", name)
    members = [(key, _member(value)) for key, value in vars(kind).items() if key not in _NOT_CONTENT and not _made(key, value)]
    content = reader.mapping("members", ((key, value) for key, value in members if value is not None))
    bases = [reader.digest(base) for base in kind.__bases__]
    return packed("user's class", [kind.__qualname__, content, *bases])


def of_module(reader: Reader, module: ModuleType, names: Iterable[str]) -> bytes:
    """Return the digest of a module: its name and, for a module of the user, those of `names` that it has."""
    name = str(module.__name__)
    if is_installed(name):
        return packed("module", [name])
    used = [(key, vars(module)[key]) for key in sorted(names) if key in vars(module)]
    parts = [(key, _used(reader, value, set(names))) for key, value in used]
    return packed("user's module", [part for key, digest in parts for part in (key, digest)])


def _member(value: Any) -> object:
    """Return the content of a class member; None for a slot."""
    if isinstance(value, staticmethod | classmethod):
        return (type(value).__name__, value.__func__)
    if isinstance(value, property):
        return ("property", value.fget, value.fset)
    if isinstance(value, functools.cached_property):
        return ("property", value.func, None)
    if type(value).__name__ in ("member_descriptor", "getset_descriptor"):
        return None
    return value


def _made(key: str, value: Any) -> bool:
    """Whether a member was written by `dataclass` itself."""
    return key == "__init__" and getattr(getattr(value, "__code__", None), "co_filename", "") == "<string>"


def _of_ufunc(reader: Reader, function: np.ufunc) -> bytes:
    import scipy.special

    for package in (np, scipy.special):
        if getattr(package, function.__name__, None) is function:
            return packed("ufunc", [package.__name__, function.__name__])
    raise reader.refuse(f"the ufunc {function.__name__!r} holds a function that cannot be read")


def _of_python(reader: Reader, function: FunctionType) -> bytes:
    module = str(function.__module__)
    if is_installed(module):
        if "<" not in function.__qualname__:
            return packed("function", [top_of(module), function.__qualname__])
        # the package is known by its version; what a function made inside it differs by is its code, defaults and closure
        parts = [_of_code(reader, function.__code__), *_bound(reader, function)]
        return packed("function", [top_of(module), function.__qualname__, *parts])
    names = set(_names(function.__code__))
    references = [
        packed("global", [name, _global(reader, function, name, names)]) for name in sorted(_globals(function.__code__))
    ]
    return packed(
        "user's function", [_of_code(reader, function.__code__, function.__doc__), *_bound(reader, function), *references]
    )


def _bound(reader: Reader, function: FunctionType) -> list[bytes]:
    """Return the digests of a function's defaults and of its closure, by name."""
    names = set(_names(function.__code__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closure = packed("closure", [packed(name, [_in_cell(reader, cell, names)]) for name, cell in cells])
    return [reader.digest(function.__defaults__), reader.digest(function.__kwdefaults__), closure]


def _in_cell(reader: Reader, cell: Any, names: set[str]) -> bytes:
    try:
        value = cell.cell_contents
    except ValueError:
        return packed("empty", [])
    return _used(reader, value, names)


def _used(reader: Reader, value: object, names: set[str]) -> bytes:
    """Return the digest of a value that a function uses; of a module, only the names that the function mentions."""
    return of_module(reader, value, names) if isinstance(value, ModuleType) else reader.digest(value)


def _of_code(reader: Reader, code: CodeType, doc: str | None = None) -> bytes:
    """Return the digest of compiled code; its place in a file and its documentation do not count."""
    # a constant counts with its type: 1 and 1.0 do not compute the same
    constants = [None if i == 0 and doc is not None and c == doc else c for i, c in enumerate(code.co_consts)]
    parts = [_of_code(reader, c, _doc(c)) if isinstance(c, CodeType) else reader.digest((type(c).__name__, c)) for c in constants]
    names = [",".join(n) for n in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)]
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return packed("code", [code.co_code, code.co_exceptiontable, str(counts), *names, *parts])


def _doc(code: CodeType) -> str | None:
    first = code.co_consts[0] if code.co_consts else None
    return first if isinstance(first, str) and code.co_name != "<lambda>" else None


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _names(code: CodeType) -> Iterator[str]:
    for part in _nested(code):
        yield from part.co_names


def _globals(code: CodeType) -> set[str]:
    """Return the global names that code looks up, and the modules that it imports."""
    opcodes = ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME")
    return {
        ("import " if step.opname == "IMPORT_NAME" else "") + str(step.argval)
        for part in _nested(code)
        for step in dis.get_instructions(part)
        if step.opname in opcodes
    }


def _global(reader: Reader, function: FunctionType, name: str, names: set[str]) -> bytes:
    if name.startswith("import "):
        return _imported(reader, name.removeprefix("import "), names)
    if name in function.__globals__:
        return _used(reader, function.__globals__[name], names)
    if name in OPEN_ENDED:
        raise reader.refuse(f"the function {function.__qualname__} calls {name}()")
    return packed("built in" if hasattr(builtins, name) else "missing", [name])


def _imported(reader: Reader, name: str, names: set[str]) -> bytes:
    if is_installed(name):
        return packed("module", [name])
    try:
        return of_module(reader, importlib.import_module(name), names)
    except Exception:
        raise reader.refuse(f"it imports {name}, which cannot be imported") from None


def top_of(module: str) -> str:
    """Return the package that a module belongs to."""
    return module.split(".")[0]


@functools.cache
def is_installed(module: str) -> bool:
    """Whether a module comes with Python, with this package or with one that pip installed."""
    top = top_of(module)
    if top == "__main__":
        return False
    if top in ("qep_qiskit", "builtins") or top in sys.stdlib_module_names:
        return True
    try:
        package = sys.modules.get(top) or importlib.import_module(top)
    except Exception:
        return False
    places = [getattr(package, "__file__", None), *getattr(package, "__path__", ())]
    return any(PACKAGES & set(Path(place).parts) for place in places if place)
