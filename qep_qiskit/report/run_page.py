"""Self-contained HTML pages of runs: the measurement, the history of the jobs, and their cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qep_qiskit.display import when
from qep_qiskit.estimates import MISSING, column, duration, finite
from qep_qiskit.files import typed
from qep_qiskit.networks.network import Network
from qep_qiskit.report.budget_bars import error_bars
from qep_qiskit.report.budget_page import files, headline, strips
from qep_qiskit.report.findings import Column, Conclusion, columns_of, conclusion, mitigation_effect
from qep_qiskit.report.network_view import Drawing, drawing, network_view
from qep_qiskit.report.tables import as_rows, table
from qep_qiskit.report.template import Page
from qep_qiskit.report.timeline import Span, seen, spans, timeline
from qep_qiskit.runs.file.records import BILL, Event
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.listing import state_of
from qep_qiskit.runs.readings import Readings


def page(store: RunStore, readings: Readings, *, network: Network | None = None) -> str:
    """Return the page, which loads nothing from outside.

    Parameters
    ----------
    network : Network, optional
        The network, for the terms of one of Pauli strings.
    """
    budget, provenance, diagnostics = readings.budget, readings.budget.provenance, readings.budget.diagnostics
    events, weights = store.events(), budget.settings["weights"]
    history = spans(events)
    service, name = _service(store, provenance), store.folder.resolve().name
    run = typed(name)
    document = {
        "description": store.description,
        "gradients": {reading.mitigation: reading.document for reading in readings.each},
        "budget": budget.to_dict(),
    }
    whole = Page(
        kind="run",
        title=f"Run {name}",
        headline=headline(budget.settings),
        notice=("Not a quantum device", f"this run was made against {service}.") if service else (),
        conclusion=conclusion(budget) if readings.each else Conclusion(f"The run has no gradient yet: it is {state_of(store)}."),
        warnings=[*diagnostics.warnings, *_oddities(store)],
        facts=_key_numbers(store, readings, events),
        ran=as_rows(dict(provenance.get("device") or {"name": store.description.get("device")})),
        versions=provenance.get("versions") or {},
        spec=store.spec_text or None,
        command=f"qep submit spec.toml\nqep collect {run}\nqep report {run}" if store.spec_text else f"qep report {run}",
        network=network_view(
            budget.names, description=budget.settings["network"], weights=weights, network=network, circuit=_drawn(store)
        ),
        files=files(budget, document, store.spec_text or None, "run"),
    )
    return whole.render(
        groups=error_bars(budget) if budget.exact is not None else [],
        effect=mitigation_effect(budget),
        names=budget.names,
        columns=_columns(readings) if readings.each else [],
        strips=strips(budget) if readings.each else [],
        inputs=table(_inputs(readings)),
        timeline=timeline(events, history, store.created),
        states=seen(history),
        jobs=table(_jobs(store, history)),
        costs=_costs(store),
        circuits=table(_circuits(store)),
        compiled=table(_compiled(store)),
        layout=table(_layout(store, provenance)),
        calibrations=" and ".join(dict.fromkeys(str(e.get("date") or "unknown") for e in store.all("calibration").values())),
        phases=table(diagnostics["phases"]),
        gap=diagnostics.gap,
        events=table(({"time (UTC)": when(e.time), "job": e.tag, "state": e.state, "what": e.text} for e in events), log=True),
    )


def _columns(readings: Readings) -> list[Column]:
    values = list(readings.budget.settings["weights"].values())
    columns = [Column("w", column(values), keys=values)]
    for name, heading in (("exact", "exact"), ("prepared", "as prepared")):
        if name in readings.budget.computed:
            columns.append(columns_of(readings.budget[name], heading)[0])
    for reading in readings.each:
        columns += columns_of(reading.rung, reading.title)
    return columns


def _inputs(readings: Readings) -> list[dict[str, str]]:
    """Return one row per input with its value and dL/dx, if that was measured."""
    rows = zip(*readings.inputs.values(), strict=True)
    return [{"input": f"x[{number}]", **dict(zip(readings.inputs, row, strict=True))} for number, row in enumerate(rows)]


def _key_numbers(store: RunStore, readings: Readings, events: list[Event]) -> list[tuple[str, str]]:
    rows = [("device", str(store.description.get("device", MISSING))), ("made", when(store.created))]
    if events:
        rows.append(("last change", when(events[-1].time)))
    for reading in readings.each[-1:]:
        rows.append(("loss", str(reading.loss)))
        several = "prediction" if len(reading.predictions) == 1 else "predictions"
        rows.append((several, ", ".join(map(str, reading.predictions))))
    return rows


def _service(store: RunStore, provenance: Mapping[str, Any]) -> str:
    """Return the service that stood in for a quantum device, if one did."""
    device = provenance.get("device")
    service = device.get("service") if isinstance(device, Mapping) else None
    return str(service or store.description.get("service") or "")


def _oddities(store: RunStore) -> list[str]:
    """Return notes that a reader should see first: duplicates, resubmitted jobs, and whether the run is a copy."""
    lines = [
        f"{len(ids)} duplicate{'s' * (len(ids) > 1)} of {tag} were made by the service: {', '.join(ids)}"
        for tag, ids in store.all("duplicates").items()
    ]
    for job in store.jobs(replaced=True):
        if job.state == "replaced":
            lines.append(f"{job.tag} failed ({job.detail.get('reason') or 'no reason given'}) and was sent again")
    if store.imported is not None:
        lines.append(f"this is a copy, imported from {store.imported['file']}")
        lines += [f"lost: {line}" for line in store.imported["lost"]]
    return lines


def _jobs(store: RunStore, history: Mapping[str, list[Span]]) -> list[dict[str, Any]]:
    seconds, rows = store.all(BILL), []
    times = {tag: {state: start for state, start, _ in states} for tag, states in history.items()}
    for job in store.jobs(replaced=True):
        at = times.get(job.tag, {})
        waited = (at["done"] - at["submitted"]).total_seconds() if {"done", "submitted"} <= at.keys() else None
        rows.append(
            {
                "round": job.round + 1,
                "job": job.purpose,
                "state": job.state,
                "circuits": job.executions,
                "shots each": job.shots,
                "QPU seconds": None if seconds.get(job.tag) is None else round(seconds[job.tag], 2),
                "sent to done": duration(waited),
                "id": job.job_id,
                "tag": job.tag,
            }
        )
    return rows


def _costs(store: RunStore) -> list[tuple[str, str]]:
    jobs, billed = store.jobs(), store.billed
    executions, shots = sum(job.executions for job in jobs), sum(job.executions * job.shots for job in jobs)
    rows = [("jobs", str(len(jobs))), ("circuit executions", f"{executions:,}"), ("shots in all", f"{shots:,}")]
    estimates = [value for value in store.all("estimate").values() if finite(value.get("qpu_seconds"))]
    if estimates:
        rows.append(("QPU time, estimated", duration(sum(value["qpu_seconds"] for value in estimates))))
    rows.append(("QPU time, billed", "not reported in full by the service" if billed is None else duration(billed)))
    return rows


def _circuits(store: RunStore) -> list[dict[str, Any]]:
    uses: dict[str, int] = {}
    for job in store.jobs():
        for pub in job.pubs:
            uses[pub.circuit] = uses.get(pub.circuit, 0) + len(pub.values)
    return [
        {"circuit": key, **{k: _short(v) for k, v in facts.items()}, "executions": uses.get(key, 0)}
        for key, facts in store.circuits().items()
    ]


def _short(value: Any) -> Any:
    """Return a long list of equal axes as one letter with its number, and any other value unchanged."""
    if isinstance(value, str) and len(value) > 8 and len(set(value)) == 1:
        return f"{value[0]} × {len(value)}"
    return value


def _compiled(store: RunStore) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, entry in store.all("compiled").items():
        rows += [{"round": int(number) + 1, **{k: v for k, v in found.items() if k != "qubits"}} for found in entry["summaries"]]
    return rows


def _drawn(store: RunStore) -> Drawing | None:
    """Return the drawing of the first circuit that was sent."""
    keys = [pub.circuit for job in store.jobs() for pub in job.pubs]
    return drawing(f"Circuit {keys[0]} as sent", store.circuit(keys[0])) if keys else None


def _layout(store: RunStore, provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    compiled, calibration = store.get("compiled", "0"), store.get("calibration", "0") or {}
    if not compiled or not compiled["qubits"]:
        return []
    readout, times = calibration.get("readout") or {}, calibration.get("t1_t2_seconds") or {}
    measured = {
        entry["qubit"]: entry for entry in provenance.get("readout") or [] if isinstance(entry, Mapping) and "qubit" in entry
    }
    rows = []
    for logical, qubit in enumerate(next(iter(compiled["qubits"].values()))):
        row: dict[str, Any] = {"site": logical, "device qubit": qubit}
        flips = readout.get(str(qubit)) or [None, None]
        if readout:
            row.update({"0 read as 1": _share(flips[0]), "1 read as 0": _share(flips[1])})
        if qubit in measured:
            flips = measured[qubit]
            row.update({"0 as 1, measured": _share(flips.get("flip_up")), "1 as 0, measured": _share(flips.get("flip_down"))})
        if times:
            t1, t2 = times.get(str(qubit)) or [None, None]
            row.update({"T1": _micro(t1), "T2": _micro(t2)})
        rows.append(row)
    return rows


def _share(value: object) -> str:
    return f"{100 * value:.2f} %" if finite(value) else MISSING


def _micro(value: object) -> str:
    return f"{1e6 * value:.0f} µs" if finite(value) else MISSING
