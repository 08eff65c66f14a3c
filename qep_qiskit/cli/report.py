"""`qep report`: an HTML page about a run."""

from __future__ import annotations

import click

from qep_qiskit.cli.options import file_option, json_option, run_argument
from qep_qiskit.cli.output import print_json, say
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run


@click.command("report", short_help="Write a page about a run.")
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
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import state_of

    with RunStore.open(find_run(run)) as store, showing(lines=True) as tell:
        if store.description.get("kind") == "training":
            from qep_qiskit.report import training_page
            from qep_qiskit.runs.verbs import spec_of
            from qep_qiskit.training.from_spec import task_from

            tell("drawing the curves", None)
            begun_from_spec = store.description.get("from") == "spec" and store.checkpoint("data") is not None
            path = training_page.write(store, target, task=task_from(spec_of(store), store)[0] if begun_from_spec else None)
        else:
            from qep_qiskit.report import run_page
            from qep_qiskit.runs.readings import readings_of
            from qep_qiskit.runs.verbs import spec_of

            spec = spec_of(store)
            readings = readings_of(store, spec, exact=exact, progress=tell)
            path = run_page.write(store, readings, target, network=spec.problem().network)
        summary = {"run": str(store.folder), "state": state_of(store), "page": str(path)}
    print_json(summary) if as_json else say(str(path))
