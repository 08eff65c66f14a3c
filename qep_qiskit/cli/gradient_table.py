"""A gradient as a table, with its loss, predictions and diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qep_qiskit.cli.output import console, marked, name_cell

if TYPE_CHECKING:
    from qep_qiskit.equilibrium import Gradient

LARGE_BIAS = 0.1
"""The bias that shot noise adds to the loss is shown if it exceeds this share of the error bar."""
PHASE_KEYS = ("energy", "residual", "variance", "curvature")


def show(result: Gradient, exact: list[float] | None) -> None:
    """Print a gradient as a table, with its loss, predictions and diagnostics."""
    from rich.table import Table

    from qep_qiskit.report.numbers import column, score, with_error

    data: dict[str, Any] = result.to_dict()
    values, errors = data["values"], data["stderr"]
    table = Table(title="Gradient", title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim")
    table.add_column("weight", no_wrap=True)
    table.add_column("gradient ± error" if errors else "gradient", justify="right")
    cells = column(values) if errors is None else [with_error(v, e) for v, e in zip(values, errors, strict=True)]
    columns = [list(data["names"]), cells]
    if exact is not None:
        table.add_column("exact", justify="right")
        columns.append(column(exact))
        if errors is not None:
            table.add_column("z", justify="right")
            columns.append([score((v - x) / e if e else None) for v, e, x in zip(values, errors, exact, strict=True)])
    for name, *numbers in zip(*columns, strict=True):
        table.add_row(name_cell(name), *numbers)
    out = console()
    out.print(table)
    out.print()
    bias, bar = data.get("loss_bias") or 0.0, data.get("loss_stderr") or 0.0
    added = f" (of which shot noise adds {bias:.2g} on average)" if abs(bias) > LARGE_BIAS * bar else ""
    out.print(marked("[bold]Loss[/] {}", with_error(data["loss"], data.get("loss_stderr")) + added))
    deviations = data.get("predictions_stderr") or [None] * len(data["predictions"])
    shown = ", ".join(with_error(v, e) for v, e in zip(data["predictions"], deviations, strict=True))
    out.print(marked("[bold]Predictions[/] {}", shown))
    _show_diagnostics(out, data["diagnostics"])


def _show_diagnostics(out: Any, diagnostics: dict[str, Any]) -> None:
    from qep_qiskit.report.numbers import MISSING

    def number(value: float | None) -> str:
        return MISSING if value is None else f"{value:.4g}"

    out.print(marked("[bold]Gap[/] {}", number(diagnostics.get("gap"))))
    for phase in diagnostics.get("phases", ()):
        parts = [f"{key} {number(phase.get(key))}" for key in PHASE_KEYS if phase.get(key) is not None]
        out.print(marked("[bold]Phase[/] β = {}: {}", number(phase["beta"]), ", ".join(parts)))
    for warning in diagnostics.get("warnings") or ():
        out.print(marked("[bold yellow]warning:[/] {}", warning))
