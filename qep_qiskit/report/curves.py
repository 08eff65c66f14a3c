"""Figures of a training: curves with error bars, the weights as a graph, and the confusion matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qep_qiskit.plain_text import shortened
from qep_qiskit.report.picture import BLUE, FAINT, GREEN, INK, ORANGE, SKY, YELLOW, note

Rows = Sequence[Mapping[str, Any]]
TRAINED, HELD_OUT, THIRD = BLUE, ORANGE, GREEN
PAIR, SINGLE = re.compile(r"^(\w+)\[(\d+),(\d+)\]$"), re.compile(r"^(\w+)\[(\d+)\]$")


def curves(history: Rows, epochs: Rows) -> Figure:
    """Return the figure of loss, accuracy, gradient and (if computed) cosines over the steps, with error bars of one σ."""
    accuracy = any(row.get("train_accuracy") is not None for row in epochs)
    cosines = [(row["step"], row["cosine"]) for row in history if row.get("cosine") is not None]
    shots = len({row.get("shots_per_circuit") for row in history}) > 1
    panels = 2 + accuracy + bool(cosines) + shots
    rows = -(-panels // 2)
    drawing = Figure(figsize=(10.0, 3.0 * rows), layout="constrained", facecolor="white")
    axes = list(drawing.subplots(rows, 2, squeeze=False).flat)
    for unused in axes[panels:]:
        unused.set_axis_off()
    _loss(axes.pop(0), history, epochs)
    if accuracy:
        _accuracy(axes.pop(0), epochs)
    _gradient(axes.pop(0), history)
    if cosines:
        panel = axes.pop(0)
        panel.plot(*zip(*cosines, strict=True), ".", color=THIRD, markersize=3)
        mean = float(np.mean([c for _, c in cosines]))
        panel.axhline(mean, color=THIRD, linewidth=1.0, label=f"mean {mean:.4f}")
        _finish(panel, "cosine to the exact gradient")
    if shots:
        panel = axes.pop(0)
        panel.step([row["step"] for row in history], [row["shots_per_circuit"] for row in history], color=FAINT, where="mid")
        _finish(panel, "shots per circuit")
    return drawing


def _loss(panel: Axes, history: Rows, epochs: Rows) -> None:
    x, y = _columns(history, "step", "loss")
    errors = [row.get("loss_stderr") or 0.0 for row in history]
    panel.errorbar(x, y, yerr=errors if any(errors) else None, fmt=".", color=TRAINED, alpha=0.35, markersize=3, elinewidth=0.7)
    panel.plot(*_columns(epochs, "step", "train_loss"), "-", color=TRAINED, label="training, mean of an epoch")
    held = [row for row in epochs if row.get("validation_loss") is not None]
    if held:
        errors = [row.get("validation_loss_stderr") or 0.0 for row in held]
        x, y = _columns(held, "step", "validation_loss")
        panel.errorbar(x, y, yerr=errors if any(errors) else None, fmt="o-", color=HELD_OUT, markersize=3, label="held out")
    shown = [row["loss"] for row in history] + [row["validation_loss"] for row in held]
    if min(shown, default=0.0) > 0:  # a loss from shots may be negative after its bias is subtracted
        panel.set_yscale("log")
    _finish(panel, "loss")


def _accuracy(panel: Axes, epochs: Rows) -> None:
    panel.plot(*_columns(epochs, "step", "train_accuracy"), ".-", color=TRAINED, label="training")
    held = [row for row in epochs if row.get("validation_accuracy") is not None]
    if held:
        x, y = _columns(held, "step", "validation_accuracy")
        count = np.array([np.sum(row["validation_confusion"]) for row in held])
        spread = np.sqrt(np.array(y) * (1 - np.array(y)) / count)
        panel.errorbar(x, y, yerr=spread, fmt="o-", color=HELD_OUT, markersize=3, elinewidth=0.7, label="held out ± binomial σ")
    _finish(panel, "accuracy")


def _gradient(panel: Axes, history: Rows) -> None:
    panel.plot(*_columns(history, "step", "gradient_norm"), "-", color=TRAINED, linewidth=0.8, label="norm of the gradient")
    if any(row.get("gradient_stderr") is not None for row in history):
        panel.plot(
            *_columns(history, "step", "gradient_stderr"), "-", color=FAINT, linewidth=0.8, label="its shot noise, √tr Cov"
        )
    if all(row["gradient_norm"] > 0 for row in history):
        panel.set_yscale("log")
    _finish(panel, "gradient")


def _columns(rows: Rows, x: str, y: str) -> tuple[list[float], list[float]]:
    return [row[x] for row in rows], [row[y] for row in rows]


def _finish(panel: Axes, label: str) -> None:
    panel.set_xlabel("step", fontsize=9)
    panel.set_ylabel(label, fontsize=9)
    panel.tick_params(labelsize=8, color=FAINT)
    panel.spines[["top", "right"]].set_visible(False)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8)


def weight_graph(weights: Mapping[str, float], network: object) -> Figure | None:
    """Return a figure of couplings as lines between sites, with width for size and colour for sign; None without couplings.

    Parameters
    ----------
    weights : mapping of name to number
        The weights. Couplings are named ``J[i,j]``, single-site weights ``h[i]``.
    network : mapping, or anything else if it is not known
        The network's description, possibly with lists of sites as ``inputs`` and ``outputs``.
    """
    couplings = {(int(m[2]), int(m[3])): w for name, w in weights.items() if (m := PAIR.match(name))}
    if not couplings:
        return None
    single = [(m[1], int(m[2]), w) for name, w in weights.items() if (m := SINGLE.match(name))]
    sites = sorted({s for pair in couplings for s in pair} | {s for _, s, _ in single})
    described = network if isinstance(network, Mapping) else {}
    inputs, outputs = (_sites(described.get(name)) for name in ("inputs", "outputs"))
    places = _places(sites, inputs, outputs)
    drawing = Figure(figsize=(8.5, 0.4 * max(len(sites), 8) + 1.2), layout="constrained", facecolor="white")
    panel = drawing.subplots()
    largest = max(abs(w) for w in couplings.values()) or 1.0
    for (i, j), w in couplings.items():
        ends = np.array([places[i], places[j]]).T
        panel.plot(*ends, color=HELD_OUT if w < 0 else TRAINED, linewidth=0.3 + 4.5 * abs(w) / largest, alpha=0.75, zorder=1)
    for site in sites:
        x, y = places[site]
        colour = YELLOW if site in inputs else SKY if site in outputs else "#ffffff"
        panel.scatter([x], [y], s=260, color=colour, edgecolors=INK, zorder=2)
        panel.text(x, y, str(site), ha="center", va="center", fontsize=9, zorder=3)
        fields = "  ".join(f"{shortened(letter, 14)} {w:+.2f}" for letter, s, w in single if s == site)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        note(panel, fields, (x, y), (0, -15), ha="center", va="top", fontsize=7, color="#444444", zorder=4, bbox=box)
    panel.set_axis_off()
    panel.margins(0.12)
    title = f"largest |coupling| {largest:.3g} · blue positive, orange negative · yellow inputs, blue outputs"
    panel.set_title(title, fontsize=8.5, loc="left")
    return drawing


def _sites(given: object) -> list[int]:
    return [s for s in given if isinstance(s, int)] if isinstance(given, list | tuple) else []


def _places(sites: list[int], inputs: list[int], outputs: list[int]) -> dict[int, tuple[float, float]]:
    """Return the positions of sites: inputs in a column on the left, outputs on the right, others on an ellipse between."""
    places: dict[int, tuple[float, float]] = {}
    for group, x in (([s for s in sites if s in inputs], -2.2), ([s for s in sites if s in outputs and s not in inputs], 2.2)):
        for k, site in enumerate(group):
            places[site] = (x, 1.0 - 2.0 * (k + 0.5) / len(group))
    rest = [s for s in sites if s not in places]
    for k, site in enumerate(rest):
        angle = 2 * np.pi * k / len(rest) + np.pi / 2
        places[site] = (1.1 * float(np.cos(angle)), float(np.sin(angle)))
    return places


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Return the figure of the confusion matrix, with one row per true class and one column per predicted class."""
    matrix = np.array(counts)
    size = 1.8 + 0.5 * len(matrix)
    drawing = Figure(figsize=(size + 0.8, size), layout="constrained", facecolor="white")
    panel = drawing.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    panel.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for (i, j), count in np.ndenumerate(matrix):
        panel.text(j, i, str(count), ha="center", va="center", fontsize=9, color="white" if share[i, j] > 0.6 else INK)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_ticks(range(len(labels)), [shortened(label, 14) for label in labels], fontsize=8, parse_math=False)
    panel.set_xlabel("answer", fontsize=9)
    panel.set_ylabel("true class", fontsize=9)
    return drawing
