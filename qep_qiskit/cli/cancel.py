"""`qep cancel`: end a run that is under way."""

from __future__ import annotations

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import print_json, progress, say
from qep_qiskit.cli.running import remote_device, run_argument, run_folder, spec_of


@click.command("cancel", short_help="Cancel a run's jobs.")
@run_argument
@json_option
def command(run: str, as_json: bool) -> None:
    """Cancel every job of a run that has not ended. What was already collected stays."""
    from qep_qiskit.runs.courier import Courier
    from qep_qiskit.runs.store import RunStore

    with RunStore.open(run_folder(run), write=True) as store, progress() as report:
        cancelled = Courier(store, remote_device(spec_of(store)), report).cancel()
    if as_json:
        print_json({"run": str(store.folder), "cancelled": cancelled})
    else:
        say(f"Cancelled {len(cancelled)} job{'' if len(cancelled) == 1 else 's'}." if cancelled else "No job was under way.")
