"""Names for functions that cannot be identified by their content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError


@dataclass(frozen=True)
class Named:
    """A function that is identified by a name chosen by the user; see :func:`named`."""

    name: str
    function: Callable[..., Any]

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the function."""
        return self.function(*arguments, **keywords)

    def identity(self) -> object:
        """Return the name; the function is not part of the identity."""
        return ("named", self.name)


def named(name: str, function: Callable[..., Any]) -> Named:
    """Return a function that a resumable run identifies by a name instead of its content.

    The name is a promise: change it whenever the function computes something different.

    Parameters
    ----------
    name : str
    function : callable

    Examples
    --------
    >>> named("half of y, version 1", lambda y: y / 2)(3.0)
    1.5
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"named: the name is {shown(name)}; give a text such as 'my cost, version 1'")
    if not callable(function):
        raise InputError(f"named: {shown(function)} is not a function; give the function that the name stands for")
    return Named(name, function)
