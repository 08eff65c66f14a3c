"""`qep plan`: the price and the accuracy of a gradient, before any money is spent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.options import SpecRequest, device_option, spec_options
from qep_qiskit.cli.output import cell, console, marked, name_cell, print_json, say
from qep_qiskit.cli.training_plan import show_training
from qep_qiskit.display import counted, largest_first, terminal_table
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import MISSING, ROUNDING, cells, column, cosine, duration, finite, percent
from qep_qiskit.files import writable, write_whole
from qep_qiskit.progress import showing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from qep_qiskit.forecasting import Forecast
    from qep_qiskit.forecasting.advice import Advice
    from qep_qiskit.forecasting.choices import Choices
    from qep_qiskit.forecasting.noise_free import NoiseFreeError

QUICK_QUBITS = 20
"""Up to this many qubits, choices are predicted by default, since they take only seconds."""
MOST_WEIGHTS = 40
"""The number of weights that the table of a larger network shows."""
SHORT = {"finite_beta": "finite β", "prepared": "prepared", "mitigation": "device"}
"""The columns of the biases by cause."""
PARTS = ("finite_beta", "prepared", "device", "shots")


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


@click.command(
    "plan",
    epilog="Example: qep plan noise.toml --device fake_torino --target-error 10%",
    short_help="Forecast the price and the accuracy of a gradient.",
)
@spec_options
@device_option
@click.option(
    "--target-error",
    "target",
    metavar="SHARE",
    callback=_share,
    help="Solve for the shots: the root-mean-square error of the gradient over its norm, such as 5%.",
)
@click.option(
    "--choices/--no-choices",
    default=None,
    help="Predict other β, stencils, layers and mitigations side by side; by default up to 20 qubits.",
)
@click.option("--all", "whole", is_flag=True, help="Show every weight of a large network.")
@click.option(
    "--plot", "picture", metavar="FILE", type=click.Path(dir_okay=False), help="Draw the error by cause into a PNG or SVG file."
)
@click.option(
    "--page", metavar="FILE", type=click.Path(dir_okay=False), help="Write a self-contained HTML page about the forecast."
)
def command(
    request: SpecRequest,
    as_json: bool,
    device_name: str | None,
    target: float | None,
    choices: bool | None,
    whole: bool,
    picture: str | None,
    page: str | None,
) -> None:
    """Show the circuits to be sent, their duration, and the expected accuracy by cause of error. Nothing is run.

    stencil.beta = "auto" and measurement.split = "optimal" give the same choices as in the other commands. The page ends with
    advice, and says whether the plan is ready: its own error, which shots do not reduce, must not exceed the target (25 % if
    there is none). A target that no number of shots reaches ends with exit code 1.

    For a training (a spec with [data]), the price of one step and of all steps is shown.
    """
    from qep_qiskit.forecasting.choice import UnreachableError
    from qep_qiskit.forecasting.planner import Question, answered, check_target

    spec = request.load(device_name)
    if spec.is_training:
        if target is not None or choices or picture is not None or page is not None:
            raise InputError(
                "--target-error, --choices, --plot, --page: only for a single gradient, and this spec with [data] is a training"
            )
        show_training(spec, as_json=as_json)
        return
    target_page = None if page is None else writable(page, "--page")
    target_picture = None if picture is None else writable(picture, "--plot")
    problem, settings = spec.problem(), spec.settings()
    if choices is None:
        choices = picture is not None or page is not None or problem.network.num_qubits <= QUICK_QUBITS
    question = Question(problem, settings, check_target(target, settings), choices=choices)
    missed = None
    with showing(lines=True) as report:
        try:
            result = answered(question, report)
        except UnreachableError as error:
            missed = error
            result = answered(replace(question, target=None, asked=target), report)
        prepared = result.noise_free_error(progress=report)
    if target_picture is not None:
        _draw(result, target_picture)
    document = {**result.to_dict(), "noise_free_error": prepared.to_dict()}
    if target_page is not None:
        from qep_qiskit.report import forecast_page

        write_whole(target_page, forecast_page.page(result, spec_text=spec.to_toml(), document=document).encode())
    if as_json:
        print_json(document)
    else:
        show(console(), result, prepared, whole=whole)
    if missed is not None:
        say(f"qep: {missed}", err=True)
        raise click.exceptions.Exit(1)


def _draw(forecast: Forecast, path: Path) -> None:
    """Draw a forecast into a file: SVG if the path ends in .svg, else PNG."""
    from matplotlib.figure import Figure

    from qep_qiskit.drawing.picture import write
    from qep_qiskit.forecasting.figure import size_of

    figure = Figure(figsize=size_of(forecast), layout="constrained", facecolor="white")
    forecast.plot(figure.subplots())
    write(figure, path)


def show(out: Console, forecast: Forecast, prepared: NoiseFreeError, *, whole: bool = False) -> None:
    """Print a forecast: circuits, duration, accuracy by cause, weights, choices and advice."""
    out.print(_circuits(forecast))
    out.print()
    for title, text in _lines(forecast):
        out.print(marked("[bold]" + title + "[/] {}", text))
    out.print(marked("[bold]Noise-free gradient[/] {}", str(prepared).removeprefix("noise-free gradient ")))
    out.print()
    out.print(_weights(forecast, whole))
    rest = len(forecast.names) - MOST_WEIGHTS
    if rest > 0 and not whole:
        out.print(marked("[dim]… and {}, none larger than these, which --all and --json show[/]", counted(rest, "more weight")))
    if forecast.choices is not None:
        out.print()
        out.print(_choices(forecast.choices))
        for row in forecast.choices.rows:
            if row.note and row.own_error is None:
                out.print(marked("[dim]{}: {}[/]", row.title, row.note))
        if cut := [f"{row.title} ± {percent(row.ball)}" for row in forecast.choices.rows if row.ball]:
            text = f"† light cones were cut to balls; estimated errors of device noise, not bounds: {'; '.join(cut)}"
            out.print(marked("[dim]{}[/]", text))
        if any(row.cancels for row in forecast.choices.rows):
            out.print(marked("[dim]* causes cancel in part on this sample, and may not on another one[/]"))
        for verdict in forecast.verdicts:
            out.print(marked("[bold]Mitigation[/] {}", str(verdict)))
    for warning in forecast.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", warning))
    if forecast.advice is not None:
        out.print()
        _advice(out, forecast.advice)


def _circuits(forecast: Forecast) -> Table:
    numbers = ("shots", "depth", "2-qubit gates", "2-qubit depth", "duration", "fidelity")
    table = terminal_table("round", "circuit", "basis", right=numbers, title="What will be sent")
    for row in forecast.sending.rows:
        facts = row.appraisal
        gates = (MISSING,) * 3 if facts is None else (facts.depth, facts.two_qubit_gates, facts.two_qubit_depth)
        time = MISSING if facts is None or facts.seconds is None else f"{facts.seconds * 1e6:.3g} µs"
        fidelity = MISSING if facts is None or facts.fidelity is None else f"{facts.fidelity:.3f}"
        shots = "exact" if row.shots is None else f"{row.shots:,}"
        table.add_row(*map(cell, (row.round, row.title, row.basis, shots, *gates, time, fidelity)))
    return table


def _lines(forecast: Forecast) -> list[tuple[str, str]]:
    from qep_qiskit.devices.price import IBM

    sent = forecast.sending
    rounds = counted(max(row.round for row in sent.rows), "round")
    shots = "exact expectations" if sent.shots is None else f"{sent.shots:,} shots"
    lines = [("Total", f"{sent.circuits} circuits, {shots}, {counted(sent.jobs, 'job')} in {rounds}")]
    tariff = None if sent.price is None else sent.price.tariff
    if sent.seconds is not None and sent.repetition_delay is not None and tariff == IBM:
        formula = f"2 s per job + shots × ({sent.repetition_delay * 1e6:g} µs repetition delay + duration)"
        lines.append(("QPU time", f"about {duration(sent.seconds)}: {formula}"))
    elif sent.price is not None and (tariff is not None or sent.qubits is not None):
        lines.append(("Price", str(sent.price)))
    lines.append(("Device", str(forecast.provenance["device"]["name"])))
    if sent.qubits is not None:
        lines.append(("Qubits", " ".join(map(str, sent.qubits))))
    if sent.layout is not None:
        usual = f"{percent(sent.layout.usual.error())} on the transpiler's own qubits"
        lines.append(("Damping", f"{percent(sent.layout.chosen.error())} of the raw gradient predicted on these qubits, {usual}"))
    if forecast.gate_sets is not None:
        lines.append(("Fractional gates", str(forecast.gate_sets)))
    if forecast.fidelity is not None:
        lines.append(("Fidelity", f"{forecast.fidelity:.3g} of the worst circuit, Π(1 − error) over gates and readouts"))
    how = "chosen for the least predicted error" if forecast.chosen_beta else "adapted" if forecast.adapted_beta else "as given"
    return [
        *lines,
        ("β", f"{forecast.stencil.beta:g} ({forecast.stencil.kind}), {how}"),
        ("Mitigation", forecast.mitigation),
        ("Error", _error(forecast)),
        *_expected(forecast),
        ("Prediction", forecast.method),
    ]


def _error(forecast: Forecast) -> str:
    def share(value: float | None) -> str:
        return percent(value) if finite(value) else "unknown"

    if forecast.stderr is not None and not forecast.known:
        return f"at most {sum(forecast.stderr**2) ** 0.5:.2g}, root mean square, of a gradient whose norm is not known"
    wanted = "" if forecast.target_error is None else f" (target: {share(forecast.target_error)})"
    margin = None if forecast.accuracy is None else forecast.accuracy.margin
    spread = f" ± {share(margin)}" if margin else ""
    shots = [] if forecast.statistical_error is None else [f"shots {share(forecast.statistical_error)}"]
    parts = [*shots, *map(str, forecast.causes)]
    cancels = f"; {forecast.given.cancellation}" if forecast.given is not None and forecast.given.cancels else ""
    return (
        f"{share(forecast.relative_error)}{spread} of the gradient's norm, root mean square{wanted}: {', '.join(parts)}{cancels}"
    )


def _expected(forecast: Forecast) -> list[tuple[str, str]]:
    """Return lines about the error due to noise before mitigation, and about the expected direction and signs."""
    lines, expected = [], forecast.accuracy
    if forecast.causes.device is not None and forecast.mitigation != "none":
        lines.append(("Device noise", f"{forecast.causes.device.shown} of the gradient's norm before mitigation"))
    if expected is not None and expected.cosine is not None and expected.sign_agreement is not None:
        signs = f"{percent(expected.sign_agreement)} of the weights with the correct sign"
        lines.append(("Direction", f"cosine {cosine(expected.cosine)} with the exact gradient, {signs}"))
    return lines


def _weights(forecast: Forecast, whole: bool) -> Table:
    """Return the table of weights. For a large network, it shows those with the largest predicted values or bounds."""
    size = forecast.values if forecast.known or forecast.stderr is None else forecast.stderr
    count = len(forecast.names) if whole else MOST_WEIGHTS
    shown = largest_first(size.tolist(), count)
    if forecast.stderr is not None and not forecast.known:
        columns = {"error at most": [f"{error:.2g}" for error in forecast.stderr]}
    else:
        heading = "gradient" if forecast.stderr is None else "gradient ± error"
        columns = {heading: cells(forecast.values, forecast.stderr)}
        columns |= {} if forecast.exact is None else {"exact": column(forecast.exact)}
        columns |= {SHORT[cause.name]: column(cause.bias) for cause in forecast.causes if (cause.share or 0.0) > ROUNDING}
    table = terminal_table("weight", right=columns, title="What it will give")
    for k in shown:
        table.add_row(name_cell(forecast.names[k]), *(cells_of[k] for cells_of in columns.values()))
    return table


def _choices(choices: Choices) -> Table:
    numbers = ("error", "finite β", "prepared", "device", "shots", "QPU", "gates")
    table = terminal_table("choice", right=numbers, title="Choices, with the parts of their errors, QPU time and two-qubit gates")
    before = None
    for row in choices.rows:
        if before is not None and (before.factor, before.shared) != (row.factor, row.shared):
            table.add_row()
        if row.shared and (before is None or before.shared != row.shared):
            table.add_row(cell(f"with {row.shared}:", "dim"))
        before = row
        if row.note:
            error = "unknown" if row.own_error is None else f"≥ {percent(row.own_error)}"
        else:
            error = percent(row.relative_error) + (f" ± {percent(row.spread)}" if row.spread else "") + " *" * row.cancels
        parts = [percent(row.parts.get(name)) + " †" * (name == "device" and row.ball > 0) for name in PARTS]
        gates = MISSING if row.two_qubit_gates is None else row.two_qubit_gates
        style = "bold green" if row is choices.chosen else ""
        table.add_row(*(cell(word, style) for word in (row.label, error, *parts, duration(row.seconds), gates)))
    return table


def _advice(out: Console, advice: Advice) -> None:
    """Print whether the plan is ready, the reasons if it is not, and the best plan with the keys to set."""
    out.print(marked("[bold green]Ready.[/]" if advice.ready else "[bold red]Not ready:[/] {}", *advice.reasons[:1]))
    for reason in advice.reasons[1:]:
        out.print(marked("  {}", reason))
    out.print(marked("[bold]Advice[/] {}", advice.text))
    if advice.flags:
        out.print(marked("  in the spec, or with {}", advice.flags))
