"""Self-contained HTML pages of trainings: curves, what was learned, weights, and the quality of the gradients."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qep_qiskit.display import counted
from qep_qiskit.drawing.curves import panels
from qep_qiskit.drawing.plane import Plane, draw_plane
from qep_qiskit.estimates import MISSING, column, cosine, duration, percent, with_error
from qep_qiskit.files import typed
from qep_qiskit.networks.network import Network
from qep_qiskit.report.charts import Series, strip
from qep_qiskit.report.downloads import Download, columns_file, csv_file, json_file, spec_file
from qep_qiskit.report.findings import Column, Conclusion
from qep_qiskit.report.inline_svg import plot
from qep_qiskit.report.network_view import network_view
from qep_qiskit.report.tables import Cell, as_rows, cell, table
from qep_qiskit.report.template import Page
from qep_qiskit.report.training_facts import Facts, Record, facts_of
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.loop.compared import compared_with

MOST_PLANS = 20
PERCENTAGES = ("train_accuracy", "validation_accuracy")


def page(store: RunStore, *, network: Network | None = None, plane: Plane | None = None) -> str:
    """Return the page, which loads nothing from outside.

    Parameters
    ----------
    network : Network, optional
        The network, for the terms of one of Pauli strings.
    plane : Plane, optional
        What the network has learned, over the plane of its two inputs.
    """
    facts = facts_of(store)
    settings, last = facts.settings, facts.shown_epoch
    counts = None if last is None else last.get("validation_confusion")
    name = store.folder.resolve().name
    whole = Page(
        kind="training",
        title=f"Training {name}",
        headline=_headline(facts),
        conclusion=_conclusion(facts),
        warnings=facts.warnings,
        facts=_key_numbers(facts),
        ran=as_rows({key: value for key, value in settings.items() if key not in ("weights", "versions")}),
        versions=settings.get("versions") or {},
        spec=store.spec_text or None,
        command=f"qep train spec.toml --run {typed(name)}\nqep report {typed(name)}" if store.spec_text else "",
        network=network_view(list(facts.weights), description=settings.get("network"), weights=facts.weights, network=network),
        files=_files(facts, store.spec_text),
    )
    drawn = panels(facts.history, facts.epochs, facts.estimated_seconds)
    plots = [plot(title, draw, number=number) for number, (title, draw) in enumerate(drawn.items())]
    values = np.array(list(facts.weights.values()))
    return whole.render(
        plots=plots,
        plane=_plane(plane, settings, number=len(plots)),
        compared=any(row.get("cosine") is not None for row in facts.history),
        names=list(facts.weights),
        columns=[Column("value", column(facts.weights.values()), keys=list(facts.weights.values()))],
        strips=[strip("size and sign", list(facts.weights), [Series("exact", "value", values)])] if len(values) else [],
        confusion=None if counts is None else _confusion(counts, _labels(settings, len(counts))),
        jobs=table(facts.jobs),
        epochs=table(map(_epoch, facts.epochs)),
        plan=table(_planned(facts.history)),
    )


def _headline(facts: Facts) -> str:
    network = facts.settings.get("network") or {}
    device = (facts.settings.get("device") or {}).get("name")
    preparer = (facts.settings.get("preparer") or {}).get("method")
    samples = facts.settings.get("samples")
    parts = [
        ", ".join(str(network[key]) + word for key, word in (("kind", ""), ("sites", " sites")) if network.get(key) is not None),
        f"{samples} training samples" if samples else "",
        *(str(word) for word in (preparer, device) if word),
    ]
    return " · ".join(part for part in parts if part)


def _conclusion(facts: Facts) -> Conclusion:
    last = facts.shown_epoch
    if last is None:
        return Conclusion(f"Not yet a whole epoch: {counted(len(facts.history), 'step')} so far.")
    state = f"It stopped: {facts.stopped}." if facts.stopped else "" if facts.finished else "The training is not finished."
    losses = [f"training loss {with_error(last['train_loss'], None)}"]
    if last.get("validation_loss") is not None:
        losses.append(f"held-out loss {with_error(last['validation_loss'], last['validation_loss_stderr'])}")
    detail = f"{', '.join(losses)}; trained samples are measured while the weights change".capitalize() + "."
    after = f"After {counted(last['epoch'], 'epoch')} "
    trained, held = last.get("train_accuracy"), last.get("validation_accuracy")
    if held is not None:
        text = f"{after}the network answers {percent(held)} of the held-out samples correctly"
        text += f", and {percent(trained)} of the training samples." if trained is not None else "."
    elif trained is not None:
        text = f"{after}the network answers {percent(trained)} of the training samples correctly."
    else:
        text, detail = f"{after}the {' and the '.join(losses[::-1])}.".replace("loss ", "loss is ", 1), ""
    return Conclusion(f"{text} {state}".strip(), detail=detail)


def _key_numbers(facts: Facts) -> list[tuple[str, str]]:
    history, settings = facts.history, facts.settings
    rows = [
        ("steps", f"{len(history)} in {len(facts.epochs)} of {settings.get('epochs') or len(facts.epochs)} epochs"),
        ("time", duration(sum(float(row.get("seconds") or 0.0) for row in history))),
        ("shots", f"{facts.shots:,}" if facts.shots else "none: exact expectations"),
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


def _files(facts: Facts, spec_text: str) -> list[Download]:
    spec = [spec_file(spec_text, "the spec that was run")] if spec_text else []
    weights = columns_file("weights.csv", "the weights", {"weight": list(facts.weights)}, {"value": list(facts.weights.values())})
    return [
        json_file("training.json", vars(facts)),
        csv_file("history.csv", "every step", facts.history),
        csv_file("epochs.csv", "every epoch", facts.epochs),
        weights,
        *spec,
    ]


def _plane(plane: Plane | None, settings: Record, *, number: int) -> Any:
    """Return the picture of what was learned; None if there is none."""
    if plane is None:
        return None
    labels = [f"class {label}" for label in _labels(settings, max(2, int(plane.truth.max()) + 1, len(plane.levels) - 1))]
    features = [*map(str, settings.get("features") or ()), "x0", "x1"]
    scaled = " (scaled)" if (settings.get("scaling") or {}).get("kind", "none") != "none" else ""
    names = (features[0] + scaled, features[1] + scaled)
    draw = functools.partial(draw_plane, plane=plane, labels=labels, names=names)
    return plot("What the network has learned", draw, number=number, size=(3.8, 3.4))


def _confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:
    """Return the rows of a confusion matrix, one per true class, with the share of every cell in its row."""
    rows = [
        (label, [(str(count), round(count / max(sum(row), 1), 3)) for count in row])
        for label, row in zip(labels, counts, strict=True)
    ]
    return {"labels": labels, "rows": rows}


def _epoch(row: Mapping[str, Any]) -> dict[str, Cell]:
    """Return an epoch for the table, with losses next to their errors and accuracies in percent."""
    kept: dict[str, Cell] = {}
    for key, value in row.items():
        if key in ("validation_confusion", "validation_loss_stderr"):
            continue
        if key in PERCENTAGES:
            kept[key] = cell(percent(value), value)
        elif key == "validation_loss" and value is not None:
            kept[key] = Cell(with_error(value, row.get("validation_loss_stderr")), value)
        else:
            kept[key] = cell(value)
    return kept


def _planned(history: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the plans of at most `MOST_PLANS` steps, evenly spaced; nothing if the steps were not planned."""
    rows = [row for row in history if row.get("shots_reason")]
    every = max(1, -(-len(rows) // MOST_PLANS))
    return [
        {
            "step": row["step"],
            "β": row["beta"],
            "shots": row["shots"],
            "nudged": row.get("nudged"),
            "split": " · ".join("/".join(f"{n:g}" for n in phase) for phase in row.get("split") or ()),
            "why these shots": row["shots_reason"],
            "noise, wanted": _and_wanted(row, "noise"),
            "why this β": row["beta_reason"],
            "saturation": cell(None if row.get("saturation") is None else float(f"{row['saturation']:.3g}")),
        }
        for row in rows[::every]
    ]


def _and_wanted(row: Record, key: str) -> Cell:
    """Return a value of a plan and the one that it wanted, with three digits, sorted by the first."""
    now, wanted = row.get(key), row.get(f"{key}_wanted")
    return cell(None) if now is None else Cell(f"{now:.3g}, {MISSING if wanted is None else format(wanted, '.3g')}", now)


def _labels(settings: Record, count: int) -> list[str]:
    labels = (settings.get("targets") or {}).get("labels") or []
    return list(map(str, labels if len(labels) == count else range(count)))
