"""One self-contained HTML page of a run: what was measured, what happened to its jobs, and what they cost."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from qep_qiskit.equilibrium.result import Gradient, cosine, relative_error, scores
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import Spec
from qep_qiskit.files import write_whole
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.report import findings
from qep_qiskit.report.budget_page import graph_of, headline
from qep_qiskit.report.circuit_text import circuit_text
from qep_qiskit.report.figures import figure_bytes
from qep_qiskit.report.numbers import MISSING, column, duration, finite, score, with_error
from qep_qiskit.report.template import as_data, as_grid, as_rows, image, rendered
from qep_qiskit.report.timeline import spans, timeline_bytes
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import reread
from qep_qiskit.runs.listing import state_of
from qep_qiskit.stencils import stencil
from qep_qiskit.verbs.gradient import gradient

TITLES = {"none": "raw", "tensored": "tensored", "m3": "M3", "trex": "TREX", "zne": "ZNE"}


@dataclass(frozen=True)
class Facts:
    """All that the page shows.

    Attributes
    ----------
    store : RunStore
    spec : Spec
    gradients : mapping of mitigation to mapping
        As ``Gradient.to_dict``; the one that the spec asks for comes last.
    exact, prepared : Gradient or None
        Without noise: β → 0, and the states that were prepared at the β that was measured.
    """

    store: RunStore
    spec: Spec
    gradients: dict[str, dict[str, Any]]
    exact: Gradient | None
    prepared: Gradient | None


def report(
    store: RunStore, spec: Spec, path: Path | None = None, *, exact: bool | None = None, progress: Progress = silent
) -> Path:
    """Write the page of a run, by default ``report.html`` in its folder. No service is asked and the run is not changed.

    Parameters
    ----------
    store : RunStore
    spec : Spec
    path : Path, optional
    exact : bool, optional
        Whether the exact gradient is computed and shown beside; up to 16 qubits where absent.
    """
    target = store.folder / "report.html" if path is None else Path(path)
    with store.snapshot():
        return write_whole(target, page(gathered(store, spec, exact=exact, progress=progress)).encode())


def gathered(store: RunStore, spec: Spec, *, exact: bool | None = None, progress: Progress = silent) -> Facts:
    """Return the gradients of a run, the raw one and those of its copies of the counts, and what they should have been."""
    found = {str(entry.get("mitigation", "none")): entry for entry in store.gradients()}
    if found and "none" not in found:
        progress("reading the raw counts", None)
        with contextlib.suppress(InputError):  # where the counts are not all there, the page shows what was read of them
            found["none"] = reread(store, spec, "none").to_dict()
    order = sorted(found, key=lambda name: (name == spec.mitigation, name != "none", name))
    problem = spec.problem()
    small = problem.network.num_qubits <= COMPARED_QUBITS if exact is None else exact
    truth = prepared = None
    if small:
        settings = spec.settings()
        progress("computing the exact gradient", None)
        truth = exact_gradient(problem, seed=spec.seed)
        progress("computing the gradient without noise", None)
        prepared = gradient(
            problem, preparer=settings["preparer"], stencil=_stencil(found, settings), seed=spec.seed, progress=progress
        )
    return Facts(store, spec, {name: found[name] for name in order}, truth, prepared)


def page(facts: Facts) -> str:
    """Return the page: no script runs in it and nothing outside it is loaded."""
    store = facts.store
    last = list(facts.gradients.values())[-1] if facts.gradients else {}
    provenance = dict(last.get("provenance") or {})
    diagnostics = dict(last.get("diagnostics") or {})
    warnings = [str(w) for w in diagnostics.get("warnings") or ()] + _odd(store)
    budget = budget_of(facts)
    versions = provenance.get("versions") or {}
    problem = facts.spec.problem()
    weights = dict(zip(problem.network.names, problem.weights.tolist(), strict=True))
    return rendered(
        "run.html.jinja",
        name=store.folder.resolve().name,
        headline=headline(_settings(facts, provenance)),
        state=state_of(store),
        stand_in=_stand_in(store, provenance),
        verdict=None if budget is None else _unbroken(findings.verdict(budget)),
        image=None if budget is None else image(figure_bytes(budget, style="svg")),
        warnings=warnings,
        summary=_summary(facts, last),
        weights=None if not facts.gradients else _weights(facts),
        timeline=image(timeline_bytes(store.events(), store.created)) if spans(store.events()) else None,
        jobs=as_grid(_jobs(store)),
        costs=_costs(store),
        circuits=as_grid(_circuits(store)),
        graph=graph_of(weights, problem.network.description),
        circuit=_drawn(store),
        compiled=as_grid(_compiled(store)),
        layout=as_grid(_layout(store, provenance)),
        calibrations=_calibration_dates(store),
        phases=as_grid(diagnostics.get("phases") or []),
        gap=diagnostics.get("gap"),
        events=as_grid(_events(store)),
        device=as_rows(dict(provenance.get("device") or {"name": store.description.get("device")})),
        versions=" · ".join(f"{name} {version}" for name, version in versions.items()),
        spec=store.spec_text,
        data=Markup(as_data({"description": store.description, "gradients": facts.gradients, "budget": budget})),
    )


def budget_of(facts: Facts) -> dict[str, Any] | None:
    """Return the gradients as an error budget's rungs, None before there is one."""
    if not facts.gradients:
        return None
    names = list(next(iter(facts.gradients.values()))["names"])
    rungs: list[dict[str, Any]] = []
    for name, title, found in (
        ("exact", "exact (β → 0)", facts.exact),
        ("prepared", "as prepared, without noise", facts.prepared),
    ):
        if found is not None:
            rungs.append(_rung(name, title, found.to_dict(), facts.exact))
    reads = list(facts.gradients.items())
    raw = [entry for entry in reads if entry[0] == "none"][:1]
    for place, (method, entry) in zip(("shots", "mitigated"), [*raw, *[r for r in reads if r[0] != "none"][-1:]], strict=False):
        where = "shots" if method == "none" else "mitigated" if raw else place
        rungs.append(_rung(where, TITLES.get(method, method), entry, facts.exact))
    for before, rung in itertools.pairwise(rungs):
        if facts.exact is not None:
            rung["added"] = float(np.linalg.norm(np.subtract(rung["values"], before["values"])) / _size(facts.exact))
    return {"names": names, "rungs": rungs, "settings": {}, "diagnostics": {}, "provenance": {}}


def _rung(name: str, title: str, found: Mapping[str, Any], exact: Gradient | None) -> dict[str, Any]:
    rung: dict[str, Any] = {"name": name, "title": title, "note": None, "seconds": None, "added": None}
    rung.update({key: found[key] for key in ("values", "stderr", "loss", "loss_stderr")})
    rung.update(relative_error=None, cosine=None, sign_agreement=None, z=None)
    if exact is not None:
        values = np.array(found["values"], dtype=float)
        rung["relative_error"], rung["cosine"] = relative_error(values, exact.values), cosine(values, exact.values)
        rung["sign_agreement"] = float(np.mean(np.sign(values) == np.sign(exact.values)))
        rung["z"] = _scores(found, exact)
    return rung


def _size(exact: Gradient) -> float:
    return float(np.linalg.norm(exact.values)) or 1.0


def _scores(found: Mapping[str, Any], truth: Gradient | None) -> list[float | None] | None:
    if truth is None or not found["stderr"]:
        return None
    values, errors = (np.array(found[key], dtype=float) for key in ("values", "stderr"))
    return [z if finite(z) else None for z in scores(values, truth.values, errors).tolist()]


def _weights(facts: Facts) -> dict[str, Any]:
    names = list(next(iter(facts.gradients.values()))["names"])
    headers, columns = ["value"], [column(facts.spec.problem().weights.tolist())]
    for title, found in (("exact", facts.exact), ("as prepared", facts.prepared)):
        if found is not None:
            headers.append(title)
            columns.append(column(found.values.tolist()))
    far: list[list[bool]] = [[False] * len(names) for _ in columns]
    for method, entry in facts.gradients.items():
        headers.append(f"{TITLES.get(method, method)} ± error")
        errors = entry["stderr"] or [None] * len(names)
        columns.append([with_error(v, e) for v, e in zip(entry["values"], errors, strict=True)])
        far.append([False] * len(names))
        scores = _scores(entry, facts.prepared)
        if scores is not None:
            headers.append("z")
            columns.append([score(z) for z in scores])
            far.append([finite(z) and abs(z) > findings.LARGE_Z for z in scores])
    rows = [(name, [(c[k], f[k]) for c, f in zip(columns, far, strict=True)]) for k, name in enumerate(names)]
    return {"headers": headers, "rows": rows}


def _summary(facts: Facts, last: Mapping[str, Any]) -> list[tuple[str, str]]:
    store = facts.store
    rows = [("device", str(store.description.get("device", MISSING))), ("made", _when(store.created))]
    events = store.events()
    if events:
        rows.append(("last change", _when(events[-1].time)))
    if last:
        rows.append(("loss", with_error(last["loss"], last["loss_stderr"])))
        errors = last["predictions_stderr"] or [None] * len(last["predictions"])
        told = ", ".join(with_error(v, e) for v, e in zip(last["predictions"], errors, strict=True))
        rows.append(("prediction" if len(last["predictions"]) == 1 else "predictions", told))
    return rows


def _stencil(found: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> Any:
    """Return the stencil that the gradients of a run were measured with."""
    for kept in found.values():
        about = (kept.get("provenance") or {}).get("stencil")
        if about:
            return stencil(about["kind"], float(about["beta"]))
    return settings["stencil"]


def _settings(facts: Facts, provenance: Mapping[str, Any]) -> dict[str, Any]:
    tables = dict(facts.spec.tables)
    keys: dict[str, Any] = {key: tables.get(key) for key in ("network", "preparation")}
    keys["stencil"] = provenance.get("stencil") or tables.get("stencil")
    about = {"device": facts.store.description.get("device"), "shots": facts.spec.shots, "mitigation": facts.spec.mitigation}
    return {**keys, **about}


def _stand_in(store: RunStore, provenance: Mapping[str, Any]) -> str:
    device = provenance.get("device")
    told = device.get("service") if isinstance(device, Mapping) else None
    return str(told or store.description.get("service") or "")


def _odd(store: RunStore) -> list[str]:
    """Return what a reader should know of first: duplicates, jobs that were sent again, a copy."""
    found = [
        f"{len(ids)} duplicate{'s' * (len(ids) > 1)} of {tag} were made by the service: {', '.join(ids)}"
        for tag, ids in store.all("duplicates").items()
    ]
    found += [f"{job.tag} ended badly ({_reason(job.detail)}) and was sent again" for job in _replaced(store)]
    if store.imported is not None:
        found.append(f"this is a copy, imported from {store.imported['file']}")
        found += [f"lost: {line}" for line in store.imported["lost"]]
    return found


def _replaced(store: RunStore) -> list[Any]:
    return [job for job in store.jobs(replaced=True) if job.state == "replaced"]


def _reason(detail: Mapping[str, Any]) -> str:
    return str(detail.get("reason") or "no reason given")


def _jobs(store: RunStore) -> list[dict[str, Any]]:
    seconds, rows = store.all("seconds"), []
    times = {tag: {state: start for state, start, _ in found} for tag, found in spans(store.events()).items()}
    for job in store.jobs(replaced=True):
        known = times.get(job.tag, {})
        took = _between(known.get("submitted"), known.get("done"))
        rows.append(
            {
                "round": job.round + 1,
                "job": job.purpose,
                "state": job.state,
                "circuits": sum(len(pub.values) for pub in job.pubs),
                "shots each": job.shots,
                "QPU seconds": None if seconds.get(job.tag) is None else round(seconds[job.tag], 2),
                "sent to done": MISSING if took is None else duration(took),
                "id": job.job_id,
                "tag": job.tag,
            }
        )
    return rows


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def _costs(store: RunStore) -> list[tuple[str, str]]:
    jobs, told = store.jobs(), [value for value in store.all("seconds").values() if value is not None]
    executions = sum(len(pub.values) for job in jobs for pub in job.pubs)
    shots = sum(len(pub.values) * job.shots for job in jobs for pub in job.pubs)
    rows = [("jobs", str(len(jobs))), ("circuit executions", f"{executions:,}"), ("shots in all", f"{shots:,}")]
    estimates = [value for value in store.all("estimate").values() if finite(value.get("qpu_seconds"))]
    if estimates:
        rows.append(("QPU time, estimated", duration(sum(value["qpu_seconds"] for value in estimates))))
    rows.append(("QPU time, billed", duration(sum(told)) if told else "the service did not tell"))
    return rows


def _circuits(store: RunStore) -> list[dict[str, Any]]:
    uses: dict[str, int] = {}
    for job in store.jobs():
        for pub in job.pubs:
            uses[pub.circuit] = uses.get(pub.circuit, 0) + len(pub.values)
    return [
        {"circuit": key, **{k: _short(v) for k, v in about.items()}, "executions": uses.get(key, 0)}
        for key, about in store.circuits().items()
    ]


def _short(value: Any) -> Any:
    """Return a long list of axes as one letter where they are all the same."""
    if isinstance(value, str) and len(value) > 8 and len(set(value)) == 1:
        return f"{value[0]} × {len(value)}"
    return value


def _compiled(store: RunStore) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, entry in store.all("compiled").items():
        rows += [{"round": int(number) + 1, **{k: v for k, v in found.items() if k != "qubits"}} for found in entry["summaries"]]
    return rows


def _drawn(store: RunStore) -> tuple[str, str] | None:
    """Return the name and the drawing of the first circuit that was sent."""
    keys = [pub.circuit for job in store.jobs() for pub in job.pubs]
    return (keys[0], circuit_text(store.circuit(keys[0]))) if keys else None


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
            found = measured[qubit]
            row.update({"0 as 1, measured": _share(found.get("flip_up")), "1 as 0, measured": _share(found.get("flip_down"))})
        if times:
            t1, t2 = times.get(str(qubit)) or [None, None]
            row.update({"T1": _micro(t1), "T2": _micro(t2)})
        rows.append(row)
    return rows


def _share(value: object) -> str:
    return f"{100 * value:.2f} %" if finite(value) else MISSING


def _micro(value: object) -> str:
    return f"{1e6 * value:.0f} µs" if finite(value) else MISSING


def _calibration_dates(store: RunStore) -> str:
    dates = [str(entry.get("date") or "unknown") for entry in store.all("calibration").values()]
    return " and ".join(dict.fromkeys(dates))


def _events(store: RunStore) -> list[dict[str, Any]]:
    return [{"time (UTC)": _when(e.time), "job": e.tag, "state": e.state, "what": e.text} for e in store.events()]


def _when(time: str) -> str:
    return time[:19].replace("T", " ")


def _unbroken(verdict: findings.Verdict) -> findings.Verdict:
    return verdict._replace(text=verdict.text.replace(" %", "\u00a0%"))
