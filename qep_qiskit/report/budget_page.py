"""One self-contained HTML page of an error budget."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup
from qiskit.circuit import QuantumCircuit

from qep_qiskit.files import write_whole
from qep_qiskit.report import findings
from qep_qiskit.report.circuit_text import circuit_text
from qep_qiskit.report.curves import svg, weight_graph
from qep_qiskit.report.figures import figure_bytes
from qep_qiskit.report.findings import LARGE_Z, Budget, Rung
from qep_qiskit.report.numbers import MISSING, column, cosine, duration, finite, percent, ratio, score, with_error
from qep_qiskit.report.template import as_data, as_grid, as_rows, image, rendered

SHORT = {
    "exact": "exact",
    "finite_beta": "finite β",
    "prepared": "prepared",
    "device": "device, ∞ shots",
    "shots": "raw",
    "mitigated": "mitigated",
    "mean_field": "mean field",
}

LABELS = ("error", "shot noise alone", "step added", "cosine", "signs agree", "max |z|", "χ²/K", "loss", "time")
"""Of the cells of a rung."""


def write(
    budget: Budget, path: str | os.PathLike[str], *, spec_text: str | None = None, circuit: QuantumCircuit | None = None
) -> Path:
    """Write the page; a reader of the path sees a whole page or none.

    Parameters
    ----------
    budget : Budget, or the mapping of its ``to_dict()``
    path : path-like
    spec_text : str, optional
        The experiment as the user wrote it.
    circuit : QuantumCircuit, optional
        The circuit that prepares the states, to be drawn.

    Returns
    -------
    Path
    """
    return write_whole(path, page(budget, spec_text=spec_text, circuit=circuit).encode("utf-8"))


def page(budget: Budget, *, spec_text: str | None = None, circuit: QuantumCircuit | None = None) -> str:
    """Return the page: no script runs in it and nothing outside it is loaded."""
    budget = findings.document(budget)
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
    return rendered(
        "page.html.jinja",
        headline=headline(settings),
        verdict=verdict._replace(text=verdict.text.replace(" %", "\u00a0%")),
        allowed=ratio(findings.allowed_chi_square(len(budget["names"]))),
        image=image(figure_bytes(budget, style="svg")),
        graph=graph_of(values, settings.get("network")),
        circuit=None if circuit is None else circuit_text(circuit),
        labels=LABELS,
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


def graph_of(weights: Mapping[str, float], network: object) -> Markup | None:
    """Return the picture of a network's couplings; None for a network without pairs of sites."""
    drawing = weight_graph(weights, network if isinstance(network, Mapping) else {})
    return None if drawing is None else image(svg(drawing))


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
