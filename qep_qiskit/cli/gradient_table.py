"""Display of a gradient as a table, with its loss, predictions and diagnostics."""

from __future__ import annotations

from qep_qiskit.budget import deviation
from qep_qiskit.cli.output import console, marked, name_cell
from qep_qiskit.display import terminal_table
from qep_qiskit.equilibrium import Gradient
from qep_qiskit.estimates import MISSING, Estimate, cells, column, estimates, finite, score

LARGE_BIAS = 0.1
"""The bias of the loss from shot noise is shown if it exceeds this share of the error bar."""
PHASE_KEYS = ("energy", "residual", "variance", "curvature")


def show(result: Gradient, exact: list[float] | None) -> None:
    """Print a gradient as a table, with its loss, predictions and diagnostics."""

    def number(value: float | None) -> str:
        return MISSING if value is None else f"{value:.4g}"

    columns = {"gradient" if result.stderr is None else "gradient ± error": cells(result.values, result.stderr)}
    if exact is not None:
        columns["exact"] = column(exact)
        z = deviation(result.values, exact, result.stderr).z
        columns |= {} if z is None else {"z": [score(value) for value in z]}
    table = terminal_table("weight", right=columns, title="Gradient")
    for name, *numbers in zip(result.names, *columns.values(), strict=True):
        table.add_row(name_cell(name), *numbers)
    out = console()
    out.print(table)
    out.print()
    bias, bar = result.loss_bias or 0.0, result.loss_stderr or 0.0
    added = f" (of which shot noise adds {bias:.2g} on average)" if abs(bias) > LARGE_BIAS * bar else ""
    out.print(marked("[bold]Loss[/] {}", f"{Estimate(result.loss, result.loss_stderr)}{added}"))
    out.print(marked("[bold]Predictions[/] {}", ", ".join(map(str, estimates(result.predictions, result.predictions_stderr)))))
    diagnostics = result.diagnostics
    if diagnostics.gap is not None:
        out.print(marked("[bold]Gap[/] {}", number(diagnostics.gap)))
    for phase in diagnostics.phases:
        parts = [f"{key} {number(value)}" for key in PHASE_KEYS if finite(value := getattr(phase, key))]
        out.print(marked("[bold]Phase[/] β = {}: {}", number(phase.beta), ", ".join(parts)))
    for warning in diagnostics.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", warning))
