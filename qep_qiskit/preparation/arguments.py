"""Checks of a preparer's arguments against the limits of the corresponding keys of a spec."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import Annotated, Any, get_args, get_origin

from qep_qiskit.checks import flag, real, whole, word
from qep_qiskit.kinds import Key, Kind


def check_arguments(value: Any) -> None:
    """Check the numbers, flags and words of a frozen dataclass against the keys of its fields, and convert them to Python types.

    Raises
    ------
    InputError
        If a value is not allowed. The message names the class, the argument, its value and the allowed values.
    """
    kind: Any = type(value)
    for name, (form, key) in _checked(kind).items():
        where, given = f"{kind.__name__}: {name}", getattr(value, name)
        if form is str:
            checked: object = word(where, given, key.words)
        elif form is bool:
            checked = flag(where, given)
        elif form is int:
            checked = whole(where, given, least=int(key.least or 0), most=None if key.most is None else int(key.most))
        else:
            checked = real(where, given, above=key.above, least=key.least)
        object.__setattr__(value, name, checked)


@functools.cache
def _checked(kind: Hashable) -> dict[str, tuple[type, Key]]:
    """Return the type and the key of each argument of a dataclass that is a single number or flag, or one of a list of words."""
    forms = {}
    for name, parameter in Kind("", kind).parameters.items():
        hint = parameter.annotation
        form = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if form in (bool, int, float) or (form is str and parameter.key.words):
            forms[name] = (form, parameter.key)
    return forms
