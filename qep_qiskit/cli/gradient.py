"""`qep gradient`: the measurement of one gradient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.options import SpecRequest, spec_options, yes_option
from qep_qiskit.cli.output import print_json, progress

if TYPE_CHECKING:
    from qep_qiskit.equilibrium import Gradient
    from qep_qiskit.preparation.preparer import Preparer, Progress
    from qep_qiskit.problem import Problem
    from qep_qiskit.runs.lifecycle import Lifecycle


@click.command("gradient", short_help="Measure the gradient of the loss.")
@spec_options
@click.option("--no-exact", is_flag=True, help="Do not compute the exact gradient to compare with.")
@click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False),
    help="On a device that bills: the run's folder; by default one under hardware_runs/ for each spec.",
)
@yes_option
def command(request: SpecRequest, as_json: bool, no_exact: bool, folder: str | None, yes: bool) -> None:
    """Measure the gradient of the loss with respect to every weight.

    On a device that bills the price is shown and confirmed first, and every job is stored in a run. The same command resumes
    after an interruption or a crash; if the run is finished, the same command shows the result again and sends nothing.
    """
    from qep_qiskit.cli.gradient_table import show
    from qep_qiskit.cli.paid import bills, measured, run_folder_of
    from qep_qiskit.errors import InputError
    from qep_qiskit.verbs.gradient import gradient

    spec = request.load()
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
    from qep_qiskit.cli.gradient_table import show

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
