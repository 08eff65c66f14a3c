"""`qep plan`: what a gradient will cost and how accurate it will be, before anything is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.options import SpecRequest, device_option, spec_options
from qep_qiskit.cli.output import cell, console, marked, name_cell, print_json, progress

if TYPE_CHECKING:
    from rich.console import Console

    from qep_qiskit.forecasting import Forecast


def _share(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        number = 0.0
    if not 0 < number < 1:
        from qep_qiskit.errors import InputError

        raise InputError(f"--target-error: {text!r} is not allowed; give a share such as 5% or 0.05")
    return number


@click.command("plan", short_help="Show what a gradient will cost and how accurate it will be.")
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
    """Show what will be sent, how long it takes and how accurate it will be. Nothing is run.

    stencil.beta = "auto" and measurement.split = "optimal" are worked out as they will be by the other verbs.
    """
    from qep_qiskit.verbs.forecast import plan

    spec = request.load(device_name)
    problem, settings = spec.problem(), spec.settings()
    with progress() as report:
        found = plan(problem, **settings, target_error=target, progress=report)
    if as_json:
        print_json(found.to_dict())
    else:
        show(console(), found)


def show(out: Console, found: Forecast) -> None:
    """Print a plan: what is sent, how long, how accurate, on which qubits."""
    out.print(_circuits(found))
    out.print()
    for title, text in _lines(found):
        out.print(marked("[bold]" + title + "[/] {}", text))
    out.print()
    out.print(_weights(found))
    for warning in found.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", warning))


def _circuits(found: Forecast) -> Any:
    from rich.table import Table

    table = Table(
        title="What will be sent", title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim"
    )
    for heading in ("round", "circuit", "basis", "shots", "depth", "2-qubit gates", "2-qubit depth", "duration", "fidelity"):
        table.add_column(heading, justify="left" if heading in ("circuit", "basis") else "right", no_wrap=True)
    for row in found.sending.rows:
        about = row.appraisal
        what = f"{row.circuits} × calibration" if row.phase is None else "free" if row.phase == 0 else f"β = {row.phase:+.4g}"
        gates = ("–",) * 3 if about is None else (str(about.depth), str(about.two_qubit_gates), str(about.two_qubit_depth))
        time = "–" if about is None or about.seconds is None else f"{about.seconds * 1e6:.3g} µs"
        fidelity = "–" if about is None or about.fidelity is None else f"{about.fidelity:.3f}"
        shots = "exact" if row.shots is None else f"{row.shots:,}"
        table.add_row(*(cell(text) for text in (str(row.round), what, row.basis, shots, *gates, time, fidelity)))
    return table


def _lines(found: Forecast) -> list[tuple[str, str]]:
    sent = found.sending
    lines = []
    rounds = max(row.round for row in sent.rows)
    shots = "exact expectations" if sent.shots is None else f"{sent.shots:,} shots"
    jobs = f"{sent.jobs} {'job' if sent.jobs == 1 else 'jobs'}"
    lines.append(("Total", f"{sent.circuits} circuits, {shots}, {jobs} in {rounds} {'round' if rounds == 1 else 'rounds'}"))
    if sent.seconds is not None and sent.repetition_delay is not None:
        formula = f"2 s a job + shots × ({sent.repetition_delay * 1e6:g} µs repetition delay + duration)"
        lines.append(("QPU time", f"about {_time(sent.seconds)}: {formula}"))
    device = str(found.provenance.get("device", {}).get("name"))  # type: ignore[attr-defined]
    lines.append(("Device", device))
    if sent.qubits is not None:
        lines.append(("Qubits", " ".join(str(q) for q in sent.qubits)))
    if found.fidelity is not None:
        lines.append(("Fidelity", f"{found.fidelity:.3g} of the worst circuit, Π(1 − error) over gates and readouts"))
    how = "chosen for the least predicted error" if found.chosen_beta else "adapted" if found.adapted_beta else "as given"
    lines.append(("β", f"{found.stencil.beta:g} ({found.stencil.kind}), {how}"))
    lines.append(("Mitigation", found.mitigation))
    lines.append(("Error", _error(found)))
    lines.append(("Prediction", found.method))
    return lines


def _error(found: Forecast) -> str:
    def share(value: float | None) -> str:
        return "unknown" if value is None or value != value else f"{100 * value:.2g} %"

    if found.stderr is not None and not found.known:
        return f"at most {sum(found.stderr**2) ** 0.5:.2g}, root mean square, of a gradient whose norm is not known"
    wanted = "" if found.target_error is None else f" (wanted: {share(found.target_error)})"
    parts = [
        f"{name} {share(value)}"
        for name, value in (
            ("shots", found.statistical_error),
            ("finite β", found.finite_beta_error),
            ("preparation and device", found.device_error),
        )
        if value is not None
    ]
    return f"{share(found.relative_error)} of the gradient's norm, root mean square{wanted}: {', '.join(parts)}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _weights(found: Forecast) -> Any:
    from rich.table import Table

    from qep_qiskit.estimates import column, with_error

    table = Table(
        title="What it will give", title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim"
    )
    table.add_column("weight", no_wrap=True)
    errors = found.stderr
    if errors is not None and not found.known:
        table.add_column("error at most", justify="right")
        for name, error in zip(found.names, errors.tolist(), strict=True):
            table.add_row(name_cell(name), f"{error:.2g}")
        return table
    table.add_column("gradient ± error" if errors is not None else "gradient", justify="right")
    values = found.values.tolist()
    cells = column(values) if errors is None else [with_error(v, e) for v, e in zip(values, errors.tolist(), strict=True)]
    columns = [list(found.names), cells]
    if found.exact is not None:
        table.add_column("exact", justify="right")
        columns.append(column(found.exact.tolist()))
    for name, *numbers in zip(*columns, strict=True):
        table.add_row(name_cell(name), *numbers)
    return table
