"""Signatures of public names that are made to be read."""

from __future__ import annotations

import inspect
from typing import Any


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
