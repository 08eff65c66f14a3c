"""`qep plan`: the price and the accuracy of a gradient, before any money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.options import SpecRequest, device_option, spec_options
from qep_qiskit.cli.output import cell, console, marked, name_cell, print_json, progress
from qep_qiskit.display import counted, terminal_table
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import MISSING, cells, column, duration, finite, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from qep_qiskit.forecasting import Forecast
    from qep_qiskit.forecasting.noise_free import NoiseFreeError


def _share(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        number = 0.0
    if not 0 < number < 1:
        raise InputError(f"--target-error: {text!r} is not allowed; give a share such as 5% or 0.05")
    return number


@click.command("plan", short_help="Forecast the price and the accuracy of a gradient.")
@spec_options
@device_option
@click.option(
    "--target-error",
    "target",
    metavar="SHARE",
    callback=_share,
    help="Solve for the shots: the root-mean-square error of the gradient over its norm, such as 5%.",
)
def command(request: SpecRequest, as_json: bool, device_name: str | None, target: float | None) -> None:
    """Show the circuits to be sent, their duration, and the expected accuracy. Nothing is run.

    stencil.beta = "auto" and measurement.split = "optimal" give the same choices as in the other commands.
    """
    from qep_qiskit.verbs.forecast import forecast

    spec = request.load(device_name)
    problem, settings = spec.problem(), spec.settings()
    with progress() as report:
        result = forecast(problem, **settings, target_error=target, progress=report)
        prepared = result.noise_free_error(progress=report)
    if as_json:
        print_json({**result.to_dict(), "noise_free_error": prepared.to_dict()})
    else:
        show(console(), result, prepared)


def show(out: Console, forecast: Forecast, prepared: NoiseFreeError) -> None:
    """Print a forecast: circuits, duration, accuracy and qubits."""
    out.print(_circuits(forecast))
    out.print()
    for title, text in _lines(forecast):
        out.print(marked("[bold]" + title + "[/] {}", text))
    out.print(marked("[bold]Noise-free gradient[/] {}", str(prepared).removeprefix("noise-free gradient ")))
    out.print()
    out.print(_weights(forecast))
    for warning in forecast.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", warning))


def _circuits(forecast: Forecast) -> Table:
    numbers = ("shots", "depth", "2-qubit gates", "2-qubit depth", "duration", "fidelity")
    table = terminal_table("round", "circuit", "basis", right=numbers, title="What will be sent")
    for row in forecast.sending.rows:
        facts = row.appraisal
        what = f"{row.circuits} × calibration" if row.phase is None else "free" if row.phase == 0 else f"β = {row.phase:+.4g}"
        gates = (MISSING,) * 3 if facts is None else (facts.depth, facts.two_qubit_gates, facts.two_qubit_depth)
        time = MISSING if facts is None or facts.seconds is None else f"{facts.seconds * 1e6:.3g} µs"
        fidelity = MISSING if facts is None or facts.fidelity is None else f"{facts.fidelity:.3f}"
        shots = "exact" if row.shots is None else f"{row.shots:,}"
        table.add_row(*map(cell, (row.round, what, row.basis, shots, *gates, time, fidelity)))
    return table


def _lines(forecast: Forecast) -> list[tuple[str, str]]:
    sent = forecast.sending
    rounds = counted(max(row.round for row in sent.rows), "round")
    shots = "exact expectations" if sent.shots is None else f"{sent.shots:,} shots"
    lines = [("Total", f"{sent.circuits} circuits, {shots}, {counted(sent.jobs, 'job')} in {rounds}")]
    if sent.seconds is not None and sent.repetition_delay is not None:
        formula = f"2 s per job + shots × ({sent.repetition_delay * 1e6:g} µs repetition delay + duration)"
        lines.append(("QPU time", f"about {duration(sent.seconds)}: {formula}"))
    lines.append(("Device", str(forecast.provenance["device"]["name"])))
    if sent.qubits is not None:
        lines.append(("Qubits", " ".join(map(str, sent.qubits))))
    if forecast.fidelity is not None:
        lines.append(("Fidelity", f"{forecast.fidelity:.3g} of the worst circuit, Π(1 − error) over gates and readouts"))
    how = "chosen for the least predicted error" if forecast.chosen_beta else "adapted" if forecast.adapted_beta else "as given"
    return [
        *lines,
        ("β", f"{forecast.stencil.beta:g} ({forecast.stencil.kind}), {how}"),
        ("Mitigation", forecast.mitigation),
        ("Error", _error(forecast)),
        ("Prediction", forecast.method),
    ]


def _error(forecast: Forecast) -> str:
    def share(value: float | None) -> str:
        return percent(value) if finite(value) else "unknown"

    if forecast.stderr is not None and not forecast.known:
        return f"at most {sum(forecast.stderr**2) ** 0.5:.2g}, root mean square, of a gradient whose norm is not known"
    wanted = "" if forecast.target_error is None else f" (target: {share(forecast.target_error)})"
    causes = {
        "shots": forecast.statistical_error,
        "finite β": forecast.finite_beta_error,
        "prepared states": forecast.prepared_error,
        "device noise": forecast.device_error,
    }
    parts = [f"{name} {share(value)}" for name, value in causes.items() if value is not None]
    return f"{share(forecast.relative_error)} of the gradient's norm, root mean square{wanted}: {', '.join(parts)}"


def _weights(forecast: Forecast) -> Table:
    if forecast.stderr is not None and not forecast.known:
        columns = {"error at most": [f"{error:.2g}" for error in forecast.stderr]}
    else:
        heading = "gradient" if forecast.stderr is None else "gradient ± error"
        columns = {heading: cells(forecast.values, forecast.stderr)}
        columns |= {} if forecast.exact is None else {"exact": column(forecast.exact)}
    table = terminal_table("weight", right=columns, title="What it will give")
    for name, *numbers in zip(forecast.names, *columns.values(), strict=True):
        table.add_row(name_cell(name), *numbers)
    return table
