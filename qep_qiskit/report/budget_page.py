"""Self-contained HTML pages of error budgets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qiskit.circuit import QuantumCircuit

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.estimates import column, finite, ratio
from qep_qiskit.files import write_whole
from qep_qiskit.kinds import RUNGS
from qep_qiskit.report.circuit_text import circuit_text
from qep_qiskit.report.figures import figure
from qep_qiskit.report.findings import Column, allowed_chi_square, columns_of, large, numbers_of, verdict
from qep_qiskit.report.template import Page, as_grid, as_rows, graph, image


def write(budget: Budget | Mapping[str, Any], path: str | os.PathLike[str], **options: Any) -> Path:
    """Write the page, with the options of :func:`page`, so that a reader never sees a part of it, and return its path."""
    return write_whole(path, page(budget, **options).encode("utf-8"))


def page(budget: Budget | Mapping[str, Any], *, spec_text: str | None = None, circuit: QuantumCircuit | None = None) -> str:
    """Return the page, which runs no script and loads nothing from outside.

    Parameters
    ----------
    budget : Budget, or the mapping of its ``to_dict()``
    spec_text : str, optional
        The spec as the user wrote it.
    circuit : QuantumCircuit, optional
        The circuit that prepares the states; it is drawn on the page.
    """
    budget = Budget.of(budget)
    document: dict[str, Any] = budget.to_dict()
    settings, diagnostics = dict(document["settings"]), dict(document["diagnostics"])
    provenance = _unrepeated(document["provenance"], settings)
    versions = provenance.pop("versions", None) or {}
    tables = {key: provenance.pop(key) for key, value in list(provenance.items()) if _is_records(value)}
    weights = settings.pop("weights", None) or {}
    phases, warnings = diagnostics.pop("phases"), diagnostics.pop("warnings")
    whole = Page(
        kind="budget",
        title="Error budget of a gradient",
        headline=headline(settings),
        verdict=verdict(budget),
        warnings=warnings,
        tables=[(key.replace("_", " ").capitalize(), as_grid(records)) for key, records in tables.items()],
        ran=as_rows(provenance),
        versions=versions,
        spec=spec_text,
        data=document,
    )
    return whole.render(
        allowed=ratio(allowed_chi_square(len(budget.names))),
        image=image(figure(budget)),
        graph=graph(weights, settings.get("network")),
        circuit=None if circuit is None else circuit_text(circuit),
        rungs=[_row(budget, rung) for rung in budget.rows],
        names=budget.names,
        columns=_columns(budget, weights),
        diagnostics=as_rows({key: value for key, value in diagnostics.items() if value is not None}),
        phases=as_grid(phases),
        settings=as_rows(settings),
    )


def headline(settings: Mapping[str, Any]) -> str:
    """Return a one-line summary of the settings.

    Examples
    --------
    >>> headline({"network": {"kind": "ising", "sites": 6}, "device": {"name": "aer"}, "shots": 20000})
    'ising, 6 sites · aer · 20,000 shots per circuit'
    """
    parts = []
    for key in ("network", "preparer", "preparation", "stencil", "device", "shots", "mitigation"):
        value = settings.get(key)
        if isinstance(value, Mapping):
            parts.append(", ".join(_brief(value)))
        elif key == "shots" and finite(value):
            parts.append(f"{value:,} shots per circuit")
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


def _row(budget: Budget, rung: Rung) -> dict[str, Any]:
    computed, numbers = rung.values is not None, numbers_of(budget, rung)
    return {
        "title": rung.title,
        "meaning": RUNGS[rung.name].meaning,
        "note": rung.note or "",
        "computed": computed,
        "numbers": {**numbers, "error": "0"} if computed and rung.name == "exact" else numbers,
        "marked": large(rung.largest_z),
    }


def _columns(budget: Budget, weights: Mapping[str, Any]) -> list[Column]:
    columns = [Column("value", column(weights.get(name) for name in budget.names))] if weights else []
    computed = list(budget.computed.values())
    classical = [] if budget.mean_field is None else [budget.mean_field]
    for rung in (*computed[:1], *classical, *computed[1:]):
        columns += columns_of(rung, RUNGS[rung.name].short)
    return columns


def _unrepeated(provenance: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance without entries that only repeat the settings."""
    rest = {key: value for key, value in provenance.items() if key not in settings or settings[key] != value}
    preparer = settings.get("preparer")
    if isinstance(preparer, Mapping) and isinstance(rest.get("preparation"), Mapping):
        rest["preparation"] = {k: v for k, v in rest["preparation"].items() if k not in preparer or preparer[k] != v}
    return {key: value for key, value in rest.items() if value not in ({}, [])}


def _is_records(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
