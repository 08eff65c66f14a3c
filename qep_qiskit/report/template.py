"""What all pages share: one template for their frame, tables of mappings, and data that a page carries along."""

from __future__ import annotations

import base64
import functools
import json
import math
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from qep_qiskit.plain_text import printable
from qep_qiskit.report.numbers import MISSING
from qep_qiskit.secrets import scrubbed, scrubbed_document

ABSENT = (None, "", MISSING)
"""Cells that say nothing."""


def rendered(template: str, /, **values: object) -> str:
    """Return the page of a template: no script runs in it and nothing outside it is loaded."""
    style = Markup(_text_of("page.css"))
    return _environment().get_template(template).render(style=style, **values)


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """Return what stands in a page: every text that is not our own markup without secrets and unseen characters."""
    return printable(scrubbed(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text_of(name: str) -> str:
    return resources.files("qep_qiskit.report").joinpath(name).read_text(encoding="utf-8")


def image(data: bytes) -> Markup:
    """Return a picture as the base64 text of a data address."""
    return Markup(base64.b64encode(data).decode("ascii"))


def as_rows(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested mapping as (dotted key, value) rows."""
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            rows.extend(as_rows(value, f"{name}."))
        else:
            rows.append((name, _text(value)))
    return rows


def as_grid(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return records as a table: one column per key in the order of appearance, those without any value left out."""
    rows = list(records)
    headers = [
        key for key in dict.fromkeys(str(key) for row in rows for key in row) if any(row.get(key) not in ABSENT for row in rows)
    ]
    return {
        "headers": [header.replace("_", " ") for header in headers],
        "rows": [[_text(row.get(key)) for key in headers] for row in rows],
    }


def _text(value: object) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value + 0.0:.6g}" if math.isfinite(value) else MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def as_data(budget: Mapping[str, Any]) -> str:
    """Return the data as JSON in which no character can end the script element or open a comment."""
    text = json.dumps(scrubbed_document(_without_nan(budget)), allow_nan=False, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value
