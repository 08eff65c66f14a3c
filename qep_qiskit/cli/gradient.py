"""`qep gradient`: the measurement of one gradient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.options import SpecRequest, device_option, spec_options, yes_option
from qep_qiskit.cli.output import print_json
from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.progress import showing

if TYPE_CHECKING:
    from qep_qiskit.equilibrium import Gradient
    from qep_qiskit.experiment import Spec
    from qep_qiskit.progress import Progress

CONFIDENCE = 0.99


@click.command(
    "gradient",
    epilog="Example: qep gradient gradient.toml --set measurement.shots=2000",
    short_help="Measure the gradient of the loss.",
)
@spec_options
@device_option
@click.option("--inputs", is_flag=True, help="Measure the gradient with respect to the inputs as well.")
@click.option("--no-exact", is_flag=True, help="Do not compute the exact gradient to compare with.")
@click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False),
    help="On a device that bills: the run's folder; by default one under hardware_runs/ for each spec.",
)
@click.option("--certify", is_flag=True, help="Also give an interval for each derivative that contains the true one.")
@click.option("--gap", type=float, help="With --certify: a gap to assume, for more than 16 qubits.")
@click.option(
    "--confidence",
    type=float,
    help=f"With --certify and shots: the probability that all intervals hold, by default {CONFIDENCE}.",
)
@yes_option
def command(
    request: SpecRequest,
    as_json: bool,
    device_name: str | None,
    inputs: bool,
    no_exact: bool,
    folder: str | None,
    certify: bool,
    gap: float | None,
    confidence: float | None,
    yes: bool,
) -> None:
    """Measure the gradient of the loss with respect to every weight, and with --inputs to every input.

    On a device that bills the price is shown and confirmed first, and every job is stored in a run. The same command resumes
    after an interruption or a crash; if the run is finished, the same command shows the result again and sends nothing.
    """
    from qep_qiskit.cli.following import jobs_of
    from qep_qiskit.cli.gradient_table import show
    from qep_qiskit.cli.paid import bills, measured, run_folder_of
    from qep_qiskit.verbs.certify import certify as certified
    from qep_qiskit.verbs.gradient import gradient

    extra = ("sample.input_gradient=true",) if inputs else ()
    spec = replace(request, overrides=(*request.overrides, *extra)).load(device_name)
    document: dict[str, object] = {}
    certificate = None
    for name, value in (("--gap", gap), ("--confidence", confidence)):
        if value is not None and not certify:
            raise InputError(f"{name}: goes with --certify; add it, or leave {name} out")
    if bills(spec):
        if certify:
            raise InputError(
                "--certify: the noise of a device has no known bound; take a device without noise, such as statevector"
            )
        with measured(spec, run_folder_of(spec) if folder is None else Path(folder), yes) as (life, result, report):
            exact = None if no_exact else _exact(life.spec, report)
            document = {"run": str(life.store.folder), "jobs": jobs_of(life.store)}
    else:
        if folder is not None:
            raise InputError("--run: goes with a device that bills, such as ibm_torino; leave it out")
        problem, settings = spec.problem(), spec.settings()
        with showing(lines=True) as report:
            if certify:
                chance = CONFIDENCE if confidence is None else confidence
                certificate = certified(problem, **settings, gap=gap, confidence=chance, progress=report)
                result = certificate.gradient
                document = {"certificate": certificate.to_dict()}
            else:
                result = gradient(problem, **settings, progress=report)
            exact = None if no_exact else _exact(spec, report)
    if as_json:
        print_json({**result.to_dict(), **_exactly(exact), **document})
    else:
        show(result, exact, certificate)


def _exactly(exact: Gradient | None) -> dict[str, object]:
    document: dict[str, object] = {"exact": None if exact is None else exact.values.tolist()}
    if exact is not None and exact.input_values is not None:
        document["exact_input_values"] = exact.input_values.tolist()
    return document


def _exact(spec: Spec, report: Progress) -> Gradient | None:
    from qep_qiskit.preparation.exact import reference_state
    from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient

    report("exact gradient", None)
    problem = spec.problem()
    if problem.network.num_qubits > COMPARED_QUBITS:
        return None
    try:
        return exact_gradient(problem, preparer=reference_state(spec.preparer()))
    except DegenerateGroundStateError:
        return None
