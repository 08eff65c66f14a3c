"""Error budgets as text on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.display import largest_first, terminal_table
from qep_qiskit.estimates import MISSING, Estimate, column
from qep_qiskit.kinds import RUNGS
from qep_qiskit.plain_text import one_line, shortened
from qep_qiskit.report.findings import (
    LARGEST_Z,
    Column,
    columns_of,
    conclusion,
    large,
    mitigation_effect,
    numbers_of,
    shown_rungs,
)

MANY_WEIGHTS = 24
"""If there are more weights than this, only the most deviating ones are listed; the page lists all."""
LISTED = 16
HEADINGS = {
    "error": "error",
    "shot noise alone": "from shots",
    "rung added": "added",
    "cosine": "cosine",
    "signs agree": "signs",
    LARGEST_Z: "max |z|",
    "time": "time",
}
"""The short headings of the columns of a rung."""


def render(budget: Budget | Mapping[str, Any], console: Console) -> None:
    """Print the rungs, the weights, the loss, the conclusion and the warnings, formatted for 100 columns."""
    budget = Budget.of(budget)
    console.print(_rung_table(budget))
    for rung in budget.rows:
        if rung.note:
            console.print(Text.assemble((f"  {rung.title}: ", "bold"), (one_line(rung.note), "dim")))
    console.print()
    table, omitted = _weight_table(budget)
    console.print(table)
    if omitted:
        console.print(Text(f"  {omitted} more weights deviate less; the page and --json have them all.", style="dim"))
    console.print()
    console.print(_loss_line(budget))
    text, good, detail = conclusion(budget)
    console.print(Text(text, style={True: "bold green", False: "bold yellow", None: "bold"}[good]))
    for sentence in (mitigation_effect(budget), detail):
        if sentence:
            console.print(Text(sentence))
    for warning in budget.diagnostics.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), one_line(warning)))


def _rung_table(budget: Budget) -> Table:
    table = terminal_table("rung", right=HEADINGS.values(), title="Error budget: distance from the exact gradient")
    for rung in budget.rows:
        numbers = numbers_of(budget, rung)
        cells = [_marked(numbers[name], name == LARGEST_Z and large(rung.largest_z)) for name in HEADINGS]
        table.add_row(Text(shortened(rung.title)), *cells, style="dim" if rung.values is None else None)
    return table


def _weight_table(budget: Budget) -> tuple[Table, int]:
    classical, shown = budget.mean_field, shown_rungs(budget)
    columns = [Column("exact", column([None] * len(budget.names) if budget.exact is None else budget.exact))]
    for rung in (*([] if classical is None else [classical]), *shown):
        columns += columns_of(rung, RUNGS[rung.name].short)

    listed = _listed(budget, shown[-1:])
    omitted = len(budget.names) - len(listed)
    title = f"Gradient: the {len(listed)} weights that deviate most" if omitted else "Gradient"
    table = terminal_table("weight", right=[entry.heading for entry in columns], title=title)
    table.columns[0].max_width = 20
    for k in listed:
        cells = [_marked(entry.cells[k], bool(entry.marked) and entry.marked[k]) for entry in columns]
        table.add_row(Text(shortened(budget.names[k], 20)), *cells)
    return table, omitted


def _listed(budget: Budget, last: list[Rung]) -> list[int]:
    """Return the indices of the listed weights: all, or those that deviate most in the last rung."""
    count = len(budget.names)
    if count <= MANY_WEIGHTS or not last:
        return list(range(min(count, MANY_WEIGHTS)))
    if last[0].z is not None:
        size = np.nan_to_num(last[0].z)
    else:
        size = np.array(last[0].values) - (0.0 if budget.exact is None else budget.exact)
    return sorted(largest_first(size.tolist(), LISTED))


def _loss_line(budget: Budget) -> Text:
    line = Text("Loss: ", style="bold")
    parts = [
        f"{rung.title} {Estimate(rung.loss, rung.loss_stderr)}"
        for rung in budget.computed.values()
        if rung.loss is not None and (rung.name not in ("finite_beta", "prepared") or "shots" not in budget.computed)
    ]
    return line.append(" · ".join(parts) or MISSING, style="not bold")


def _marked(text: str, marked: bool) -> Text:
    return Text(text, style="bold red" if marked else "")
