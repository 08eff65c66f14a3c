"""`qep gradient`: one gradient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.options import load_spec, spec_options
from qep_qiskit.cli.output import console, marked, name_cell, print_json, progress

if TYPE_CHECKING:
    from qep_qiskit.equilibrium import Gradient
    from qep_qiskit.preparation.preparer import Preparer, Progress
    from qep_qiskit.problem import Problem
    from qep_qiskit.runs.lifecycle import Lifecycle

LARGE_BIAS = 0.1
"""Error bars of the loss from which on the bias that shot noise adds to it is shown."""
PHASE_KEYS = ("energy", "residual", "variance", "curvature")


@click.command("gradient", short_help="Measure the gradient of the loss.")
@spec_options
@click.option("--no-exact", is_flag=True, help="Do not compute the exact gradient to compare with.")
@click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False),
    help="On a device that bills: the run's folder; by default one under hardware_runs/ for each spec.",
)
@click.option("--yes", is_flag=True, help="Do not ask before jobs are sent to a device that bills.")
def command(
    spec_path: str, overrides: tuple[str, ...], seed: int | None, as_json: bool, no_exact: bool, folder: str | None, yes: bool
) -> None:
    """Measure the gradient of the loss with respect to every weight.

    On a device that bills the price is shown and confirmed first, and every job is kept in a run. The same command resumes it
    after a stop or a crash; once it is finished, the same command shows the result again and sends nothing.
    """
    from qep_qiskit.cli.paid import bills, measured, run_folder_of
    from qep_qiskit.errors import InputError
    from qep_qiskit.verbs.gradient import gradient

    spec = load_spec(spec_path, overrides, seed)
    if bills(spec):
        home = run_folder_of(spec) if folder is None else Path(folder)
        measured(spec, home, yes, lambda life, found, report: _shown(life, found, report, as_json=as_json, no_exact=no_exact))
        return
    if folder is not None:
        raise InputError("--run: goes with a device that bills, such as ibm_torino; leave it out")
    problem, settings = spec.problem(), spec.settings()
    with progress() as report:
        result = gradient(problem, **settings, progress=report)
        report("exact gradient", None)
        exact = None if no_exact else _exact(problem, settings["preparer"])
    if as_json:
        print_json({**result.to_dict(), "exact": exact})
    else:
        show(result, exact)


def _shown(life: Lifecycle, result: Gradient, report: Progress, *, as_json: bool, no_exact: bool) -> None:
    from qep_qiskit.cli.following import jobs_of

    report("exact gradient", None)
    exact = None if no_exact else _exact(life.spec.problem(), life.spec.settings()["preparer"])
    if as_json:
        print_json({**result.to_dict(), "exact": exact, "run": str(life.store.folder), "jobs": jobs_of(life.store)})
    else:
        show(result, exact)


def _exact(problem: Problem, preparer: Preparer) -> list[float] | None:
    from qep_qiskit.errors import DegenerateGroundStateError
    from qep_qiskit.preparation.exact import reference_state
    from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient

    if problem.network.num_qubits > COMPARED_QUBITS:
        return None
    try:
        return [float(v) for v in exact_gradient(problem, preparer=reference_state(preparer)).values]
    except DegenerateGroundStateError:
        return None


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
