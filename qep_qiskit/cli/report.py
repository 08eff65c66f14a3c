"""`qep report`: an HTML page about a run."""

from __future__ import annotations

import click

from qep_qiskit.cli.options import file_option, json_option, run_argument
from qep_qiskit.cli.output import print_json, say
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run


@click.command("report", epilog="Example: qep report hardware_runs/first -o first.html", short_help="Write a page about a run.")
@run_argument
@file_option("report.html in the run's folder")
@click.option("--exact/--no-exact", default=None, help="Compute the exact gradient for comparison; by default up to 16 qubits.")
@json_option
def command(run: str, output: str | None, exact: bool | None, as_json: bool) -> None:
    """Write one self-contained HTML page about RUN: gradients, jobs and their times, price, circuits, layout, calibration.

    For a training: curves with error bars, confusion matrix, weights, and the mean cosine to the exact gradient.

    No service is contacted, and the run is not changed.
    """
    from qep_qiskit.files import writable

    target = None if output is None else writable(output, "--output")
    from qep_qiskit.report.pages import write_page
    from qep_qiskit.runs.listing import summary

    folder = find_run(run)
    with showing(lines=True) as tell:
        path = write_page(folder, target, exact=exact, progress=tell)
    print_json({"run": str(folder), "state": summary(folder).state, "page": str(path)}) if as_json else say(str(path))
