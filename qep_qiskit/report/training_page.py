"""Self-contained HTML pages of trainings: curves, weights, confusion matrix, and the quality of the gradients."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qep_qiskit.display import when
from qep_qiskit.drawing.curves import confusion, curves
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import MISSING, column, cosine, duration, percent, with_error
from qep_qiskit.report.findings import Column, Verdict
from qep_qiskit.report.template import Page, as_grid, as_rows, graph, image, write_report
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.life.checkpoints import state_of
from qep_qiskit.training.loop.compared import compared_with
from qep_qiskit.training.loop.log import different
from qep_qiskit.training.loop.trained import mean_cosine

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """The content of the page of a training.

    The shown epoch is the best one with early stopping, else the last one. The jobs are those sent to a device, with the time
    billed for them. Of the warnings, only the first few distinct ones are kept.
    """

    run: str
    settings: Record
    history: list[Record]
    epochs: list[Record]
    shown_epoch: Record | None
    weights: dict[str, float]
    shots: int
    stopped: str | None
    finished: bool
    mean_cosine: float | None
    jobs: list[dict[str, Any]]
    estimated_seconds: float | None
    warnings: list[str]


def write(store: RunStore, path: Path | None = None) -> Path:
    """Write the page of a training run, finished or not, by default ``report.html`` in its folder. The run is not changed."""
    return write_report(store, path, lambda: page(store))


def page(store: RunStore) -> str:
    """Return the page, which runs no script and loads nothing from outside."""
    facts = facts_of(store)
    settings, last = facts.settings, facts.shown_epoch
    counts = None if last is None else last.get("validation_confusion")
    whole = Page(
        kind="training",
        title=f"Training {store.folder.resolve().name}",
        verdict=_verdict(facts),
        warnings=facts.warnings,
        summary=_summary(facts),
        ran=as_rows({key: value for key, value in settings.items() if key not in ("weights", "versions")}),
        versions=settings.get("versions") or {},
        spec=store.spec_text,
        data=vars(facts),
    )
    return whole.render(
        curves=image(curves(facts.history, facts.epochs, facts.estimated_seconds)),
        graph=graph(facts.weights, settings.get("network")),
        names=list(facts.weights),
        columns=[Column("value", column(facts.weights.values()))],
        confusion=None if counts is None else image(confusion(counts, _labels(settings, len(counts)))),
        jobs=as_grid(facts.jobs),
        epochs=as_grid({k: v for k, v in row.items() if k != "validation_confusion"} for row in facts.epochs),
    )


def facts_of(store: RunStore) -> Facts:
    """Return the content of the page.

    Raises
    ------
    InputError
        If the run has no step yet.
    """
    state, settings = state_of(store), store.get("training", "settings") or {}
    if state is None:
        raise InputError(f"run: {store.folder} has no step yet; `qep train --resume {store.folder}` begins")
    steps = store.steps()
    history, epochs = [step["record"] for step in steps], [step["epoch"] for step in steps if step["epoch"] is not None]
    best = state.best_weights if settings.get("early_stopping") is not None else None
    weights, shown = (state.weights, epochs[-1] if epochs else None) if best is None else (best, None)
    if best is not None and epochs:
        score = "validation_loss" if settings.get("held_out") else "train_loss"
        shown = min(epochs, key=lambda row: row[score])
    return Facts(
        run=str(store.folder),
        settings=settings,
        history=history,
        epochs=epochs,
        shown_epoch=shown,
        weights=dict(zip(settings.get("weights", ()), map(float, weights), strict=True)),
        shots=state.shots,
        stopped=state.stopped,
        finished=bool(epochs) and (state.stopped is not None or epochs[-1]["epoch"] >= settings.get("epochs", 0)),
        mean_cosine=mean_cosine(history),
        jobs=_jobs(store),
        estimated_seconds=(store.get("estimate", "training") or {}).get("qpu_seconds"),
        warnings=different(text for step in steps for text in step["warnings"]),
    )


def _jobs(store: RunStore) -> list[dict[str, Any]]:
    seconds = store.all("seconds")
    return [
        {
            "job": job.purpose,
            "id": job.job_id,
            "state": job.state,
            "circuits": job.executions,
            "shots each": job.shots,
            "written down": when(job.created),
            "QPU seconds": seconds.get(job.tag),
        }
        for job in store.jobs()
    ]


def _verdict(facts: Facts) -> Verdict:
    last = facts.shown_epoch
    if last is None:
        return Verdict(f"{len(facts.history)} steps are done, not yet a whole epoch.")
    parts = [f"training loss {with_error(last['train_loss'], None)}"]
    if last.get("validation_loss") is not None:
        parts.append(f"held-out loss {with_error(last['validation_loss'], last['validation_loss_stderr'])}")
    for name, title in (("train_accuracy", "training accuracy"), ("validation_accuracy", "held-out accuracy")):
        if last.get(name) is not None:
            parts.append(f"{title} {percent(last[name])}")
    state = f"stopped: {facts.stopped}" if facts.stopped else "finished" if facts.finished else "not finished"
    return Verdict(f"After epoch {last['epoch']}: {', '.join(parts)} ({state}).")


def _summary(facts: Facts) -> list[tuple[str, str]]:
    history, settings = facts.history, facts.settings
    rows = [
        ("steps", f"{len(history)}, {len(facts.epochs)} of {settings.get('epochs', MISSING)} epochs"),
        ("time", duration(sum(float(row.get("seconds") or 0.0) for row in history))),
        ("shots", f"{facts.shots:,}" if facts.shots else "none: expectations are exact"),
    ]
    if facts.jobs:
        seconds = [job["QPU seconds"] for job in facts.jobs if job["QPU seconds"] is not None]
        billed = f", {sum(seconds):.1f} QPU seconds billed" if seconds else ""
        if billed and facts.estimated_seconds is not None:
            billed += f", about {facts.estimated_seconds:.0f} estimated"
        rows.append(("jobs", f"{len(facts.jobs)} on {(settings.get('device') or {}).get('name')}{billed}"))
    if compared := sum(row.get("cosine") is not None for row in history):
        errors = [row["relative_error"] for row in history if row.get("relative_error") is not None]
        middle = f", relative error {percent(statistics.median(errors))} in the median" if errors else ""
        rows.append((f"mean cosine to {compared_with(history)}", f"{cosine(facts.mean_cosine)}{middle}, over {compared} steps"))
    if warned := sum(bool(row.get("warned")) for row in history):
        rows.append(("steps with a warning", str(warned)))
    return rows


def _labels(settings: Record, count: int) -> list[str]:
    labels = (settings.get("targets") or {}).get("labels") or []
    return list(map(str, labels if len(labels) == count else range(count)))
