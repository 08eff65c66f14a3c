"""Self-contained HTML pages of error budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qiskit.circuit import QuantumCircuit

from qep_qiskit.budget import Budget
from qep_qiskit.estimates import MISSING, column, finite
from qep_qiskit.kinds import RUNGS
from qep_qiskit.networks.network import Network
from qep_qiskit.report.budget_bars import TONES, error_bars, not_computed, step_records
from qep_qiskit.report.charts import Series, Strip, strips_of
from qep_qiskit.report.downloads import Download, columns_file, csv_file, json_file, spec_file
from qep_qiskit.report.findings import Column, columns_of, conclusion, mitigation_effect, numbers_of, shown_rungs
from qep_qiskit.report.network_view import drawing, network_view
from qep_qiskit.report.tables import as_rows, table
from qep_qiskit.report.template import Page


def page(
    budget: Budget | Mapping[str, Any],
    *,
    spec_text: str | None = None,
    circuit: QuantumCircuit | None = None,
    network: Network | None = None,
    command: str = "qep compare spec.toml",
) -> str:
    """Return the page, which loads nothing from outside.

    Parameters
    ----------
    budget : Budget, or the mapping of its ``to_dict()``
    spec_text : str, optional
        The spec as the user wrote it.
    circuit : QuantumCircuit, optional
        The circuit that prepares the states; it is drawn on the page.
    network : Network, optional
        The network; without it, the graph and the legend follow from the budget's settings.
    command : str
        The command that makes the page again. It is shown if the spec is given.
    """
    budget = Budget.of(budget)
    document: dict[str, Any] = budget.to_dict()
    settings, diagnostics = dict(document["settings"]), dict(document["diagnostics"])
    provenance = _unrepeated(document["provenance"], settings)
    versions = provenance.pop("versions", None) or {}
    tables = {key: provenance.pop(key) for key, value in list(provenance.items()) if _is_records(value)}
    weights = settings.pop("weights", None) or {}
    phases, warnings = diagnostics.pop("phases"), diagnostics.pop("warnings")
    drawn = None if circuit is None else drawing("The circuit that prepares the states", circuit)
    view = network_view(budget.names, description=settings.get("network"), weights=weights, network=network, circuit=drawn)
    whole = Page(
        kind="budget",
        title="Error budget of a gradient",
        headline=headline(settings),
        conclusion=conclusion(budget),
        warnings=warnings,
        facts=_facts(budget),
        tables=[(key.replace("_", " ").capitalize(), table(records)) for key, records in tables.items()],
        ran=[*as_rows(settings), *as_rows(provenance)],
        versions=versions,
        spec=spec_text,
        command="" if spec_text is None else command,
        network=view,
        files=files(budget, document, spec_text),
    )
    return whole.render(
        groups=error_bars(budget),
        missing=not_computed(budget),
        effect=mitigation_effect(budget),
        steps=table(step_records(budget)),
        tones=[
            ("exact", "exact"),
            *((TONES[r.name], f"{RUNGS[r.name].short}{'' if r.stderr is None else ' ± σ'}") for r in shown_rungs(budget)[-2:]),
        ],
        names=budget.names,
        columns=_columns(budget, weights),
        strips=strips(budget),
        diagnostics=as_rows(diagnostics),
        phases=table(phases),
    )


def files(budget: Budget, document: Mapping[str, Any], spec_text: str | None, name: str = "budget") -> list[Download]:
    """Return the data of a budget: all of it as JSON, the gradients and the errors of its steps as CSV, and the spec."""
    weights = budget.settings.get("weights")
    values = [weights.get(name) for name in budget.names] if isinstance(weights, Mapping) else None
    rest: dict[str, Any] = {"weight_value": values}
    for rung in budget.rows:
        if rung.values is not None:
            rest |= {rung.name: rung.values, f"{rung.name}_stderr": rung.stderr, f"{rung.name}_z": rung.z}
    long = ("values", "stderr", "z", "uncertainty")
    steps = [{key: value for key, value in rung.to_dict().items() if key not in long} for rung in budget.rows]
    spec = [] if spec_text is None else [spec_file(spec_text, "the spec that was run")]
    return [
        json_file(f"{name}.json", document),
        columns_file("gradient.csv", "the gradient of every step, weight by weight", {"weight": list(budget.names)}, rest),
        csv_file("steps.csv", "the error of every step", steps),
        *spec,
    ]


def _facts(budget: Budget) -> list[tuple[str, str]]:
    last = list(budget.computed.values())[-1:]
    if not last:
        return []
    rung, provenance = last[0], budget.provenance
    shots = (provenance.get("shots_total") or 0) + (provenance.get("calibration_shots_total") or 0)
    numbers = numbers_of(budget, rung)
    facts = [
        ("error", numbers["error"]),
        ("shot noise alone", numbers["shot noise alone"]),
        ("cosine with the exact gradient", numbers["cosine"]),
        ("weights with the correct sign", numbers["signs agree"]),
        ("loss", numbers["loss"]),
        ("shots with calibration", f"{shots:,}" if shots else MISSING),
    ]
    return [(name, text) for name, text in facts if text != MISSING]


def strips(budget: Budget) -> list[Strip]:
    """Return the gradient as a strip, and its difference from the exact one if both are known."""
    shown = shown_rungs(budget)[-2:]
    series = [Series(TONES[r.name], RUNGS[r.name].short, r.values, r.stderr) for r in shown if r.values is not None]
    return strips_of(budget.names, series, budget.exact)


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
    return [*dict.fromkeys(words)] + [form.format(value[k]) for k, form in forms.items() if value.get(k) is not None]


def _columns(budget: Budget, weights: Mapping[str, Any]) -> list[Column]:
    values = [weights.get(name) for name in budget.names]
    columns = [Column("w", column(values), keys=values)] if weights else []
    exact = [budget.computed["exact"]] if "exact" in budget.computed else []
    for rung in (*exact, *shown_rungs(budget)[-2:]):
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
