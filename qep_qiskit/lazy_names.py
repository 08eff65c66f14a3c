"""Lazy import of the public names of a package, at their first use, with signatures that are made to be read."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from qep_qiskit.errors import nearest


def lazy_names(package: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package that lists its names in ``__all__``.

    The module of each name is given only once, by the imports under ``if TYPE_CHECKING:``, which type checkers read too.

    Parameters
    ----------
    package : str
        The ``__name__`` of the package.
    """
    module = sys.modules[package]

    @functools.cache
    def homes() -> dict[str, str]:
        import ast
        from pathlib import Path

        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        block = next(node for node in tree.body if isinstance(node, ast.If))
        statements = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        return {alias.name: str(node.module) for node in statements for alias in node.names}

    def get(name: str) -> object:
        if name not in module.__all__:
            close = "" if name.startswith("_") else nearest(name, module.__all__)
            raise AttributeError(f"module {package!r} has no attribute {name!r}{close}")
        value = readable(getattr(import_module(homes()[name]), name))
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*module.__all__, *(name for name in vars(module) if name.startswith("__"))})

    return get, names


class _Written(str):
    """A text that is displayed without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def readable(value: Any) -> Any:
    """Give a function, or a class and its methods, a signature for help(): annotations as written, without quotes and keys.

    Only the display changes: the signature has the same parameters, and ``__annotations__`` stays as it is.

    Examples
    --------
    >>> def ramp(time: Annotated[float, Key("the duration", above=0)] = 2.0) -> str | None: ...
    >>> inspect.signature(readable(ramp))
    <Signature (time: float = 2.0) -> str | None>
    """
    functions = [f for _, f in inspect.getmembers(value, inspect.isfunction)] if inspect.isclass(value) else []
    functions = [f for f in functions if f.__module__.startswith(f"{__name__.partition('.')[0]}.")]
    for each in [*functions, value]:
        try:
            signature = inspect.signature(each)
            each.__signature__ = signature.replace(
                parameters=[_parameter(parameter) for parameter in signature.parameters.values()],
                return_annotation=_annotation(signature.return_annotation),
            )
        except (ValueError, TypeError, AttributeError):  # exceptions have none; methods of builtins cannot be given one
            continue
    return value


def _parameter(parameter: inspect.Parameter) -> inspect.Parameter:
    default = _Written("...") if repr(parameter.default) == "<factory>" else parameter.default
    return parameter.replace(annotation=_annotation(parameter.annotation), default=default)


def _annotation(annotation: Any) -> Any:
    """Return a written annotation without ``Annotated[…, Key(…)]``; anything else unchanged."""
    if not isinstance(annotation, str):
        return annotation
    if not annotation.startswith("Annotated["):
        return _Written(annotation)
    depth = 0
    inside = annotation.removeprefix("Annotated[")
    for place, letter in enumerate(inside):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            return _Written(inside[:place])
    return _Written(annotation)
