"""Display of a gradient as a table, with its loss, predictions and diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from qep_qiskit.budget import deviation
from qep_qiskit.certified import Certificate
from qep_qiskit.cli.output import console, marked, name_cell
from qep_qiskit.display import terminal_table
from qep_qiskit.equilibrium import Gradient
from qep_qiskit.estimates import MISSING, Estimate, cells, column, estimates, finite, score

LARGE_BIAS = 0.1
"""The bias of the loss from shot noise is shown if it exceeds this share of the error bar."""
Vector = NDArray[np.float64]
PHASE_KEYS = ("energy", "residual", "variance", "curvature")


def show(result: Gradient, exact: Gradient | None, certificate: Certificate | None = None) -> None:
    """Print a gradient as a table, with its loss, predictions and diagnostics, and its certified intervals if there are any."""

    def number(value: float | None) -> str:
        return MISSING if value is None else f"{value:.4g}"

    out = console()
    exactly = None if exact is None else exact.values
    ends = {}
    if certificate is not None and not certificate.reason:
        ends["certified"] = [certificate.ends(k) for k in range(len(certificate))]
    out.print(_table("weight", "Gradient", result.names, result.values, result.stderr, exactly, ends))
    if result.input_values is not None:
        out.print()
        exactly = None if exact is None else exact.input_values
        title = "Gradient with respect to the inputs"
        if ends and certificate is not None:
            count = len(result.names)
            ends = {"certified": [certificate.ends(count + i) for i in range(len(result.input_names))]}
        out.print(_table("input", title, result.input_names, result.input_values, result.input_stderr, exactly, ends))
    out.print()
    bias, bar = result.loss_bias or 0.0, result.loss_stderr or 0.0
    added = f" (of which shot noise adds {bias:.2g} on average)" if abs(bias) > LARGE_BIAS * bar else ""
    out.print(marked("[bold]Loss[/] {}", f"{Estimate(result.loss, result.loss_stderr)}{added}"))
    out.print(marked("[bold]Predictions[/] {}", ", ".join(map(str, estimates(result.predictions, result.predictions_stderr)))))
    for line in () if certificate is None else certificate.lines():
        out.print(marked("[bold]Certified[/] {}", line))
    diagnostics = result.diagnostics
    if diagnostics.gap is not None:
        out.print(marked("[bold]Gap[/] {}", number(diagnostics.gap)))
    for phase in diagnostics.phases:
        parts = [f"{key} {number(value)}" for key in PHASE_KEYS if finite(value := getattr(phase, key))]
        out.print(marked("[bold]Phase[/] β = {}: {}", number(phase.beta), ", ".join(parts)))
    for warning in diagnostics.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", warning))


def _table(
    what: str,
    title: str,
    names: Sequence[str],
    values: Vector,
    errors: Vector | None,
    exact: Vector | None,
    more: Mapping[str, list[str]],
) -> Table:
    columns = {"gradient" if errors is None else "gradient ± error": cells(values, errors)}
    if exact is not None:
        columns["exact"] = column(exact)
        z = deviation(values, exact, errors).z
        columns |= {} if z is None else {"z": [score(value) for value in z]}
    columns |= more
    table = terminal_table(what, right=columns, title=title)
    for name, *numbers in zip(names, *columns.values(), strict=True):
        table.add_row(name_cell(name), *numbers)
    return table
