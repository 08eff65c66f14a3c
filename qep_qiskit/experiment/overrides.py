"""Overrides of the keys of a spec: ``section.key=value``."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.section import SectionOfKinds
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.foreign.documents import DEEPEST, toml_tables

Tables = dict[str, Any]
REMOVED = object()


def parse(text: str) -> tuple[str, str]:
    """Split ``section.key=value`` into the key and the text of the value.

    Examples
    --------
    >>> parse("network.edges=ring")
    ('network.edges', 'ring')
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {text!r}: write section.key=value, such as --set measurement.shots=1000")
    return key.strip(), value.strip()


def value_of(text: str) -> Any:
    """Return the value of a text: parsed as TOML if possible, else the text itself. An empty text removes the key.

    Examples
    --------
    >>> value_of("[1, 2]"), value_of("ring"), value_of("'0.5'")
    ([1, 2], 'ring', '0.5')
    """
    if not text:
        return REMOVED
    try:
        tables = toml_tables(f"value = {text}")
    except ValueError:
        return text
    return tables["value"] if set(tables) == {"value"} else text


def apply(tables: Mapping[str, Any], overrides: Sequence[tuple[str, object]]) -> Tables:
    """Return the tables with the overrides applied in order.

    Parameters
    ----------
    tables : mapping
        The tables as parsed from TOML.
    overrides : sequence of (key, value)
        The key is ``"seed"`` or ``"section.key"``. A string value is read as TOML.

    Notes
    -----
    If an override changes the kind of a section (``preparation.method=exact``), the file's options that belong to other
    kinds are dropped; options that belong to no kind stay and cause errors.
    """
    result: Tables = copy.deepcopy(dict(tables))
    for key, raw in overrides:
        value = value_of(raw) if isinstance(raw, str) else raw
        if key.count(".") > DEEPEST:
            raise InputError(f"--set {key[:60]}…: has more than {DEEPEST} levels; write section.key=value")
        section, dot, rest = key.partition(".")
        if not dot:
            if isinstance(SECTIONS.get(section), SectionOfKinds | type) or section == "weights":
                raise InputError(f"--set {key}: names a whole section; write {key}.key=value")
            _put(result, [key], value, key)
            continue
        form, before = SECTIONS.get(section), result.get(section)
        kind_before = before.get(rest) if isinstance(before, dict) else None
        _put(result, [section, *([rest] if section == "weights" else rest.split("."))], value, key)
        if isinstance(form, SectionOfKinds) and rest == form.selector and value in form.kinds:
            _drop_options_of_others(result[section], form, kind_before, str(value), key)
    return result


def _put(tables: Tables, path: Sequence[str], value: object, key: str) -> None:
    here = tables
    for part in path[:-1]:
        below = here.setdefault(part, {})
        if not isinstance(below, dict):
            raise InputError(f"--set {key}: {part} is {shown(below)}, which has no keys below it")
        here = below
    if not path[-1]:
        raise InputError(f"--set {key}: the key is empty; write section.key=value")
    if value is REMOVED:
        here.pop(path[-1], None)
    else:
        here[path[-1]] = value


def _drop_options_of_others(table: Tables, form: SectionOfKinds, before: object, value: str, where: str) -> None:
    others = form.built_in()
    if before in form.kinds:
        with contextlib.suppress(InputError):  # the kind that is left behind need not work
            others.append(form.model(before, where))
    elsewhere = {option for other in others for option in other.model_fields}
    options = form.model(value, where).model_fields
    for option in [option for option in table if option in elsewhere and option not in options]:
        del table[option]
