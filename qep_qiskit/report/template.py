"""The common frame of all pages, tables from mappings, and the data embedded in a page."""

from __future__ import annotations

import base64
import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from qep_qiskit.documents import plain
from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.picture import file_bytes
from qep_qiskit.drawing.sketch import sketch_of
from qep_qiskit.estimates import MISSING
from qep_qiskit.files import write_whole
from qep_qiskit.plain_text import printable
from qep_qiskit.report.findings import Verdict
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.secrets import scrubbed, scrubbed_document

Table = Mapping[str, Any]
"""A table as a mapping with ``headers`` and ``rows`` of text."""
ABSENT = (None, "", MISSING)
"""The values of empty cells."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """The title, verdict, tables and data around the body of a page.

    Attributes
    ----------
    kind : str
        The name of the body's template, and the id of the page's data.
    data : mapping
        The data that the page contains as JSON.
    notice : tuple of str
        A word and its explanation, shown in a frame below the title; empty for none.
    summary, ran : sequence of (str, str)
        The rows of the table below the verdict, and of the table of settings.
    tables : sequence of (str, table)
        Further tables of settings, with their titles.
    spec : str or None
        The spec as the user wrote it.
    """

    kind: str
    title: str
    verdict: Verdict
    data: Mapping[str, Any]
    headline: str = ""
    notice: tuple[str, ...] = ()
    warnings: Sequence[str] = ()
    summary: Sequence[tuple[str, str]] = ()
    ran: Sequence[tuple[str, str]] = ()
    tables: Sequence[tuple[str, Table]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    spec: str | None = None

    def render(self, **values: object) -> str:
        """Return the page with these values in its body; it runs no script and loads nothing from outside."""
        template = _environment().get_template(f"{self.kind}.html.jinja")
        return template.render(page=self, style=Markup(_text_of("page.css")), data=Markup(data_text(self.data)), **values)


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
    """Return a value for a page. Text, except for our own markup, is cleared of secrets and invisible characters."""
    return printable(scrubbed(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text_of(name: str) -> str:
    return resources.files("qep_qiskit.report").joinpath(name).read_text(encoding="utf-8")


def image(figure: Figure | None) -> Markup | None:
    """Return a figure as base64 text for a data URL; None without a figure."""
    return None if figure is None else Markup(base64.b64encode(file_bytes(figure)).decode("ascii"))


def graph(weights: Mapping[str, float], description: object) -> Markup | None:
    """Return the network of named weights as an SVG graph; None without edges."""
    sketch = sketch_of(weights, description, weights)
    return None if sketch is None else Markup(graph_svg(sketch))


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


def as_grid(records: Iterable[Mapping[str, Any]]) -> Table:
    """Return records as a table, with one column per key in order of appearance; columns without any value are left out."""
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


def write_report(store: RunStore, path: Path | None, page: Callable[[], str]) -> Path:
    """Write the page of a run, by default ``report.html`` in its folder. The run is not changed."""
    with store.snapshot():
        return write_whole(store.folder / "report.html" if path is None else path, page().encode())


def data_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON without any character that could end the script element or open a comment."""
    text = json.dumps(scrubbed_document(plain(document)), allow_nan=False, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
