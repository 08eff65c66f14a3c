"""One self-contained HTML page of an error budget."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from qep_qiskit.files import write_whole
from qep_qiskit.report import findings
from qep_qiskit.report.figures import figure_bytes
from qep_qiskit.report.findings import LARGE_Z, Budget, Rung
from qep_qiskit.report.numbers import MISSING, column, cosine, duration, finite, percent, ratio, score, with_error

SHORT = {
    "exact": "exact",
    "finite_beta": "finite β",
    "prepared": "prepared",
    "device": "device, ∞ shots",
    "shots": "raw",
    "mitigated": "mitigated",
    "mean_field": "mean field",
}


def write(budget: Budget, path: str | os.PathLike[str], *, spec_text: str | None = None) -> Path:
    """Write the page; a reader of the path sees a whole page or none.

    Parameters
    ----------
    budget : mapping
        The mapping of ``Budget.to_dict()``.
    path : path-like
    spec_text : str, optional
        The experiment as the user wrote it.

    Returns
    -------
    Path
    """
    return write_whole(path, page(budget, spec_text=spec_text).encode("utf-8"))


def page(budget: Budget, *, spec_text: str | None = None) -> str:
    """Return the page: no script runs in it and nothing outside it is loaded."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    home = resources.files("qep_qiskit.report")
    source = home.joinpath("page.html.jinja").read_text(encoding="utf-8")
    settings = dict(budget.get("settings") or {})
    provenance = _unrepeated(budget.get("provenance") or {}, settings)
    versions = provenance.pop("versions", None) or {}
    tables = {key: provenance.pop(key) for key, value in list(provenance.items()) if _is_records(value)}
    diagnostics = dict(budget.get("diagnostics") or {})
    phases, warnings = diagnostics.pop("phases", None) or [], diagnostics.pop("warnings", None) or []
    values = settings.pop("weights", None)
    if not isinstance(values, Mapping):
        values = {}
    verdict = findings.verdict(budget)
    return environment.from_string(source).render(
        style=Markup(home.joinpath("page.css").read_text(encoding="utf-8")),
        headline=headline(settings),
        verdict=verdict._replace(text=verdict.text.replace(" %", "\u00a0%")),
        allowed=ratio(findings.allowed_chi_square(len(budget["names"]))),
        image=Markup(base64.b64encode(figure_bytes(budget, style="svg")).decode("ascii")),
        rungs=[_rung_row(budget, r) for r in (*budget.get("rungs", ()), *_classical(budget))],
        weights=_weights(budget, values),
        warnings=[str(w) for w in warnings],
        diagnostics=as_rows(diagnostics),
        phases=as_grid(phases),
        provenance=as_rows(provenance),
        versions=" · ".join(f"{name} {version}" for name, version in versions.items()),
        tables=[(key.replace("_", " ").capitalize(), as_grid(records)) for key, records in tables.items()],
        settings=as_rows(settings),
        spec=spec_text,
        data=Markup(as_data(budget)),
    )


def headline(settings: Mapping[str, Any]) -> str:
    """Return what ran in one line.

    Examples
    --------
    >>> headline({"network": {"kind": "ising", "sites": 6}, "device": {"name": "aer"}, "shots": 20000})
    'ising, 6 sites · aer · 20,000 shots a circuit'
    """
    parts = []
    for key in ("network", "preparer", "preparation", "stencil", "device", "shots", "mitigation"):
        value = settings.get(key)
        if isinstance(value, Mapping):
            parts.append(", ".join(_brief(value)))
        elif key == "shots" and finite(value):
            parts.append(f"{value:,} shots a circuit")
        elif key == "mitigation" and value in (None, "none"):
            parts.append("no mitigation" if value else "")
        elif value is not None:
            parts.append(f"{value} mitigation" if key == "mitigation" else str(value))
    return " · ".join(p for p in parts if p)


def _brief(value: Mapping[str, Any]) -> list[str]:
    first = "name" if value.get("name") else "method"
    words = [str(value[k]) for k in ("kind", first, "noise", "ansatz") if value.get(k)]
    forms = {"sites": "{} sites", "layers": "{} layers", "beta": "β = {}"}
    return words + [form.format(value[k]) for k, form in forms.items() if value.get(k) is not None]


def _rung_row(budget: Budget, rung: Rung) -> dict[str, Any]:
    fits = rung.get("values") is not None
    reference = rung["name"] == "exact"
    largest = findings.largest_score(rung) if fits else None
    cells = [
        "0" if reference and fits else percent(rung.get("relative_error")),
        percent(findings.shot_noise(budget, rung)) if fits else MISSING,
        MISSING if reference else percent(rung.get("added")),
        MISSING if reference else cosine(rung.get("cosine")),
        MISSING if reference else percent(rung.get("sign_agreement")),
        MISSING if largest is None else f"{largest:.1f}",
        ratio(findings.reduced_chi_square(rung)) if fits else MISSING,
        with_error(rung.get("loss"), rung.get("loss_stderr")),
        duration(rung.get("seconds")) if fits else MISSING,
    ]
    return {
        "title": str(rung["title"]),
        "meaning": findings.MEANINGS.get(rung["name"], ""),
        "note": str(rung["note"]) if rung.get("note") else "",
        "fits": fits,
        "cells": [(text, index == 5 and largest is not None and largest > LARGE_Z) for index, text in enumerate(cells)],
    }


def _classical(budget: Budget, *, fits: bool = False) -> list[Rung]:
    """Return the mean field's gradient where the budget has it, and (with `fits`) only where it has values."""
    found = findings.mean_field(budget)
    return [] if found is None or (fits and found.get("values") is None) else [found]


def _weights(budget: Budget, values: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(n) for n in budget["names"]]
    headers: list[str] = []
    columns: list[list[tuple[str, bool]]] = []
    if values:
        headers.append("value")
        columns.append([(text, False) for text in column(values.get(name) for name in names)])
    fitting = findings.fitting(budget)
    for rung in (*fitting[:1], *_classical(budget, fits=True), *fitting[1:]):
        label = SHORT.get(rung["name"], str(rung["title"]))
        stderr, z = rung.get("stderr"), rung.get("z")
        if stderr:
            headers.append(f"{label} ± error")
            columns.append([(with_error(v, e), False) for v, e in zip(rung["values"], stderr, strict=True)])
        else:
            headers.append(label)
            columns.append([(text, False) for text in column(rung["values"])])
        if z:
            headers.append("z")
            columns.append([(score(value), finite(value) and abs(value) > LARGE_Z) for value in z])
    return {"headers": headers, "rows": [(name, [c[k] for c in columns]) for k, name in enumerate(names)]}


def _unrepeated(provenance: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance without what the settings say in the same words."""
    rest = {key: value for key, value in provenance.items() if key not in settings or settings[key] != value}
    asked = settings.get("preparer")
    if isinstance(asked, Mapping) and isinstance(rest.get("preparation"), Mapping):
        rest["preparation"] = {k: v for k, v in rest["preparation"].items() if k not in asked or asked[k] != v}
    return {key: value for key, value in rest.items() if value not in ({}, [])}


def _is_records(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


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
    """Return records as a table whose headers are the keys in the order in which they first appear."""
    rows = list(records)
    headers = list(dict.fromkeys(str(key) for row in rows for key in row))
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
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def as_data(budget: Mapping[str, Any]) -> str:
    """Return the data as JSON in which no character can end the script element or open a comment."""
    text = json.dumps(_without_nan(budget), allow_nan=False, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value
