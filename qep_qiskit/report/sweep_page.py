"""Self-contained HTML pages of sweeps: every measure over the varied keys, with its spread over seeds."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from qep_qiskit.display import counted
from qep_qiskit.estimates import Estimate
from qep_qiskit.networks.network import Network
from qep_qiskit.report.downloads import Download, csv_file, json_file, spec_file
from qep_qiskit.report.findings import Conclusion
from qep_qiskit.report.inline_svg import plot
from qep_qiskit.report.network_view import network_view
from qep_qiskit.report.sweep_figure import draw_measure
from qep_qiskit.report.tables import Cell, cell, table
from qep_qiskit.report.template import Page
from qep_qiskit.sweeps import Average, Row

BEST = {
    "relative_error": ("smallest", min),
    "cosine": ("largest", max),
    "validation_accuracy": ("largest", max),
    "validation_loss": ("smallest", min),
    "train_accuracy": ("largest", max),
    "train_loss": ("smallest", min),
    "mean_cosine": ("largest", max),
    "loss": ("smallest", min),
}
"""The measures that are drawn, with the values that count as good; the conclusion names the first one that a sweep has."""
JUDGED = tuple(name for name in BEST if name != "loss")


def page(
    *,
    name: str,
    rows: Sequence[Row],
    entries: Sequence[Average],
    measures: Sequence[str],
    document: Mapping[str, Any],
    spec_text: str,
    command: str,
    network: Network | None = None,
) -> str:
    """Return the page, which loads nothing from outside.

    Parameters
    ----------
    name : str
        The name of the sweep.
    rows : sequence of Row
        One per point.
    entries : sequence of Average
        One per point without its seed.
    measures : sequence of str
        The names of the numbers.
    document : mapping
        All of the sweep, for the JSON file.
    spec_text, command : str
        The spec, and the command that makes the page again.
    network : Network, optional
        The network, for the graph and the legend.
    """
    seeds = max((entry.count for entry in entries), default=0)
    drawn = [measure for measure in BEST if measure in measures and any(entry.numbers[measure] for entry in entries)]
    failed = [row for row in rows if row.problem is not None]
    view = None if network is None else network_view(network.names, description=network.description, network=network)
    whole = Page(
        kind="sweep",
        title=f"Sweep {name}",
        headline=f"{counted(len(entries), 'point')}{f', each with {seeds} seeds' if seeds > 1 else ''}",
        conclusion=_conclusion(entries, drawn),
        warnings=[f"no numbers at {row.title}: {row.problem}" for row in failed],
        facts=[
            ("points", str(len(entries))),
            ("seeds per point", str(seeds)),
            ("measured", f"{len(rows) - len(failed)} of {len(rows)}"),
        ],
        files=_files(rows, document, spec_text),
        spec=spec_text,
        command=command,
        network=view,
    )
    return whole.render(
        plots=[
            plot(measure.replace("_", " "), functools.partial(draw_measure, entries=entries, measure=measure), number=k)
            for k, measure in enumerate(drawn)
        ],
        seeds=seeds,
        points=table(_record(entry, measures) for entry in entries),
    )


def _conclusion(entries: Sequence[Average], known: Sequence[str]) -> Conclusion:
    judged = [measure for measure in known if measure in JUDGED]
    if not judged:
        return Conclusion("No point has a number that says which is best.")
    word, choose = BEST[judged[0]]
    numbered = [(entry, number) for entry in entries if (number := entry.numbers[judged[0]]) is not None]
    entry, number = choose(numbered, key=lambda pair: pair[1].value)
    where = ", ".join(f"{key} = {value}" for key, value in entry.point.items())
    at = f", at {where}" if where else ""
    detail = _rivals(numbered, number)
    return Conclusion(f"The {word} {judged[0].replace('_', ' ')} is {number}{at}.", detail=detail)


def _rivals(numbered: Sequence[tuple[Average, Estimate]], best: Estimate) -> str:
    """Return how many other points are as good within their spread over seeds; empty if there are no spreads."""
    spreads = [other for _, other in numbered if other is not best and other.stderr is not None]
    if best.stderr is None or not spreads:
        return ""
    close = sum(abs(other.value - best.value) <= (other.stderr**2 + best.stderr**2) ** 0.5 for other in spreads if other.stderr)
    return (
        f"{counted(close, 'other point')} {'is' if close == 1 else 'are'} within one standard deviation of the best."
        if close
        else ""
    )


def _record(entry: Average, measures: Sequence[str]) -> dict[str, Cell]:
    record = {key: cell(value) for key, value in entry.point.items()}
    for name in measures:
        number = entry.numbers[name]
        if number is not None:
            record[name] = Cell(f"{number.value:,.0f}" if name in ("shots", "steps") else str(number), number.value)
    return record


def _files(rows: Sequence[Row], document: Mapping[str, Any], spec_text: str) -> list[Download]:
    records = ({**row.point, **row.numbers, "problem": row.problem} for row in rows)
    return [
        json_file("sweep.json", document),
        csv_file("sweep.csv", "every point", records),
        spec_file(spec_text, "the spec that was varied"),
    ]
