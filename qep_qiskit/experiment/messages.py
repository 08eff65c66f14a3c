"""Error messages for a spec, in one line: the key, the value, the allowed values, and the nearest known key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.experiment.section import KindSection, SectionOfKinds
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.kinds import shown


def unknown_key(
    where: str, key: str, value: object, known: Sequence[str], owner: str, elsewhere: Sequence[str] = ()
) -> InputError:
    """Return the error for a key that `owner` does not have; `elsewhere` names the sections that have it."""
    full = f"{where}.{key}" if where else key
    if elsewhere:
        return InputError(f"{full} = {shown(value)}: unknown key; did you mean {' or '.join(f'{s}.{key}' for s in elsewhere)}?")
    return InputError(f"{full} = {shown(value)}: unknown key; {owner} takes {', '.join(known)}{nearest(key, known)}")


def explain(error: ValidationError, model: type[BaseModel], table: Mapping[str, object], where: str) -> InputError:
    """Return an error for the first problem in one line; misspelt keys come before missing ones."""
    details = error.errors(include_url=False)
    extra = [d for d in details if d["type"] == "extra_forbidden" and len(d["loc"]) == 1]
    first = (extra or details)[0]
    key = str(first["loc"][0])
    if extra:
        form, owner = SECTIONS[where], _owner(model, table, where)
        if isinstance(form, SectionOfKinds) and (kinds := form.with_key(key)):
            return InputError(f"{where}.{key} = {shown(table[key])}: unknown key in {owner}; it goes with {' or '.join(kinds)}")
        return unknown_key(where, key, table[key], list(model.model_fields), owner)
    allowed = model.model_fields[key].description or "another value"
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return InputError(f"{where}.{key}: missing; give {allowed}")
    reason = first.get("ctx", {}).get("error")
    if isinstance(reason, InputError):  # the message of our own check is complete
        return reason
    path, value = _place(first, table)
    return InputError(f"{where}.{path}: {shown(value)} is not allowed; give {allowed}")


def _owner(model: type[BaseModel], table: Mapping[str, object], where: str) -> str:
    if issubclass(model, KindSection):
        return f"[{where}] with {model.selector_} = {shown(table.get(model.selector_, model.kind_.name))}"
    return f"[{where}]"


def _place(detail: ErrorDetails, table: Mapping[str, object]) -> tuple[str, object]:
    """Return the path and the value of an error's location, without the branches of unions that pydantic adds to it."""
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
    """Prefix InputErrors raised inside with the section, and with `key` if they do not name one."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if key and text.startswith(f"{section}:"):
            text = f"{section}.{key}{text[len(section) :]}"
        elif not text.startswith((f"{section}.", f"{section}:")):
            text = f"{section}.{text}"
        raise type(error)(text) from None
