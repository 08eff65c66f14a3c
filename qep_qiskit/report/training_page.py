"""One self-contained HTML page of a training: curves, weights, confusion matrix, and how good its gradients were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from qep_qiskit.errors import InputError
from qep_qiskit.files import write_whole
from qep_qiskit.report.budget_page import graph_of
from qep_qiskit.report.curves import confusion, curves, svg
from qep_qiskit.report.numbers import MISSING, column, cosine, duration, percent, with_error
from qep_qiskit.report.template import as_data, as_grid, as_rows, image, rendered
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.life.checkpoints import state_of
from qep_qiskit.training.trained import mean_cosine


def report(store: RunStore, path: Path | None = None) -> Path:
    """Write the page of a training run, by default ``report.html`` in its folder. The run is not changed.

    Parameters
    ----------
    store : RunStore
        A training's, finished or not.
    path : Path, optional
    """
    target = store.folder / "report.html" if path is None else Path(path)
    with store.snapshot():
        return write_whole(target, page(store).encode())


def page(store: RunStore) -> str:
    """Return the page: no script runs in it and nothing outside it is loaded."""
    facts = gathered(store)
    settings, weights, last = facts["settings"], facts["weights"], facts["shown_epoch"]
    counts = None if last is None else last.get("validation_confusion")
    return rendered(
        "training.html.jinja",
        name=store.folder.resolve().name,
        verdict=_verdict(facts),
        warnings=facts["warnings"],
        summary=_summary(facts),
        curves=_image(curves(facts["history"], facts["epochs"])),
        graph=graph_of(weights, settings.get("network")),
        weights=list(zip(weights, column(weights.values()), strict=True)),
        confusion=None if counts is None else _image(confusion(counts, _labels(settings, len(counts)))),
        jobs=as_grid(facts["jobs"]),
        epochs=as_grid([{k: v for k, v in row.items() if k != "validation_confusion"} for row in facts["epochs"]]),
        settings=as_rows({k: v for k, v in settings.items() if k not in ("weights", "versions")}),
        versions=" · ".join(f"{name} {version}" for name, version in (settings.get("versions") or {}).items()),
        spec=store.spec_text,
        data=Markup(as_data(facts)),
    )


def gathered(store: RunStore) -> dict[str, Any]:
    """Return all that the page shows, as plain numbers.

    Raises
    ------
    InputError
        If the run has no step yet.
    """
    state, settings = state_of(store), store.get("training", "settings") or {}
    if state is None:
        raise InputError(f"run: {store.folder} has no step yet; `qep train --resume {store.folder}` begins")
    kept = store.steps()
    epochs = [step["epoch"] for step in kept if step["epoch"] is not None]
    best = settings.get("early_stopping") is not None and state.best_weights is not None
    chosen = state.best_weights if best and state.best_weights is not None else state.weights
    score = "validation_loss" if settings.get("held_out") else "train_loss"
    history = [step["record"] for step in kept]
    return {
        "run": str(store.folder),
        "settings": settings,
        "history": history,
        "epochs": epochs,
        "shown_epoch": (min(epochs, key=lambda row: row[score]) if best else epochs[-1]) if epochs else None,
        "weights": dict(zip(settings.get("weights", ()), map(float, chosen), strict=True)),
        "steps": len(kept),
        "shots": state.shots,
        "stopped": state.stopped,
        "finished": bool(epochs) and (state.stopped is not None or epochs[-1]["epoch"] >= settings.get("epochs", 0)),
        "mean_cosine": mean_cosine(history),
        "jobs": _jobs(store),
        "estimated_seconds": (store.get("estimate", "training") or {}).get("qpu_seconds"),
        "warnings": list(dict.fromkeys(text for step in kept for text in step["warnings"]))[:5],
    }


def _jobs(store: RunStore) -> list[dict[str, Any]]:
    """Return the jobs that a device was sent, with what each was billed."""
    seconds = store.all("seconds")
    return [
        {
            "job": job.purpose,
            "id": job.job_id,
            "state": job.state,
            "circuits": sum(len(pub.values) for pub in job.pubs),
            "shots each": job.shots,
            "written down": job.created[:19].replace("T", " "),
            "QPU seconds": seconds.get(job.tag),
        }
        for job in store.jobs()
    ]


def _verdict(facts: dict[str, Any]) -> str:
    last = facts["shown_epoch"]
    if last is None:
        return f"{facts['steps']} steps are done, not one whole epoch yet."
    parts = [f"training loss {with_error(last['train_loss'], None)}"]
    if last.get("validation_loss") is not None:
        parts.append(f"held-out loss {with_error(last['validation_loss'], last['validation_loss_stderr'])}")
    for name, title in (("train_accuracy", "training accuracy"), ("validation_accuracy", "held-out accuracy")):
        if last.get(name) is not None:
            parts.append(f"{title} {percent(last[name])}")
    state = f"stopped: {facts['stopped']}" if facts["stopped"] else "finished" if facts["finished"] else "not finished"
    return f"After epoch {last['epoch']}: {', '.join(parts)} ({state})."


def _summary(facts: dict[str, Any]) -> list[tuple[str, str]]:
    history = facts["history"]
    if facts["jobs"]:
        billed = [job["QPU seconds"] for job in facts["jobs"] if job["QPU seconds"] is not None]
        told = f", {sum(billed):.1f} QPU seconds billed" if billed else ""
        if told and facts["estimated_seconds"] is not None:
            told += f" of about {facts['estimated_seconds']:.0f} foreseen"
        rows_of_jobs = [("jobs", f"{len(facts['jobs'])} on {(facts['settings'].get('device') or {}).get('name')}{told}")]
    else:
        rows_of_jobs = []
    compared = sum(row.get("cosine") is not None for row in history)
    rows = [
        ("steps", f"{facts['steps']}, {len(facts['epochs'])} of {facts['settings'].get('epochs', MISSING)} epochs"),
        ("time", duration(sum(float(row.get("seconds") or 0.0) for row in history))),
        ("shots", f"{facts['shots']:,}" if facts["shots"] else "none: expectations are exact"),
        *rows_of_jobs,
    ]
    if compared:
        rows.append(("mean cosine to the exact gradient", f"{cosine(facts['mean_cosine'])} over {compared} steps"))
    warned = sum(bool(row.get("warned")) for row in history)
    if warned:
        rows.append(("steps with a warning", str(warned)))
    return rows


def _labels(settings: dict[str, Any], count: int) -> list[str]:
    known = (settings.get("targets") or {}).get("labels") or []
    return [str(label) for label in known] if len(known) == count else [str(k) for k in range(count)]


def _image(drawing: Figure | None) -> Markup | None:
    return None if drawing is None else image(svg(drawing))
