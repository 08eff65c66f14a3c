"""One line for whatever is wrong in a spec: the key, the value, what is allowed, and the nearest known key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import shown


def unknown_key(where: str, key: str, value: object, known: Sequence[str], owner: str) -> InputError:
    """Return the error of a key that `owner` does not have."""
    full = f"{where}.{key}" if where else key
    return InputError(f"{full} = {shown(value)}: unknown key; {owner} takes {', '.join(known)}{nearest(key, known)}")


def explain(error: ValidationError, model: type[BaseModel], table: Mapping[str, object], where: str) -> InputError:
    """Return the first problem as one line; misspelt keys come before missing ones."""
    details = error.errors(include_url=False)
    extra = [d for d in details if d["type"] == "extra_forbidden" and len(d["loc"]) == 1]
    first = (extra or details)[0]
    key = str(first["loc"][0])
    if extra:
        return unknown_key(where, key, table[key], list(model.model_fields), _owner(model, table, where))
    allowed = model.model_fields[key].description or "another value"
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return InputError(f"{where}.{key}: missing; give {allowed}")
    reason = first.get("ctx", {}).get("error")
    if isinstance(reason, InputError):  # a check of our own, which says all
        return reason
    path, value = _place(first, table)
    return InputError(f"{where}.{path}: {shown(value)} is not allowed; give {allowed}")


def _owner(model: type[BaseModel], table: Mapping[str, object], where: str) -> str:
    for selector in ("kind", "method", "name"):
        if selector in model.model_fields and isinstance(table.get(selector), str):
            return f"[{where}] with {selector} = {shown(table[selector])}"
    return f"[{where}]"


def _place(detail: ErrorDetails, table: Mapping[str, object]) -> tuple[str, object]:
    """Follow a location as far as the table has it: pydantic also names the branches of a union."""
    path, value = "", table
    here: object = table
    for part in detail["loc"]:
        if isinstance(here, Mapping) and part in here:
            here = here[part]
            path += f".{part}" if path else str(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
            path += f"[{part}]"
        value = here  # type: ignore[assignment]
    return path, value


@contextmanager
def named(section: str, *, key: str = "") -> Iterator[None]:
    """Put the section before the key in the errors of what is built inside, and `key` where they name no key."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if key and text.startswith(f"{section}:"):
            text = f"{section}.{key}{text[len(section) :]}"
        elif not text.startswith((f"{section}.", f"{section}:")):
            text = f"{section}.{text}"
        raise type(error)(text) from None
