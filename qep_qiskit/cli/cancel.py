"""`qep cancel`: the cancellation of a run's jobs."""

from __future__ import annotations

from dataclasses import asdict

import click

from qep_qiskit.cli.endings import DONE, FAILED
from qep_qiskit.cli.options import json_option, run_argument
from qep_qiskit.cli.output import print_json, say
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run


@click.command("cancel", epilog="Example: qep cancel hardware_runs/first", short_help="Cancel a run's jobs.")
@run_argument
@json_option
def command(run: str, as_json: bool) -> int:
    """Cancel every unfinished job of a run, and report the outcome of each. Collected results are kept.

    Exit code 1 means that a job may still be running.
    """
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.jobs.cancelling import cancel_jobs
    from qep_qiskit.runs.jobs.courier import Courier
    from qep_qiskit.runs.verbs import device_of

    with RunStore.open(find_run(run), write=True) as store, showing(lines=True) as report:
        ends = cancel_jobs(Courier(store, device_of(store), report))
    cancelled = [job_id for end in ends for job_id in end.cancelled]
    if as_json:
        print_json({"run": str(store.folder), "cancelled": cancelled, "jobs": [asdict(end) for end in ends]})
    else:
        for end in ends:
            say(f"{end.title}: {end.text}.", err=not end.handled)
        say(f"Cancelled {len(cancelled)} job{'' if len(cancelled) == 1 else 's'}." if ends else "No job was under way.")
    return DONE if all(end.handled for end in ends) else FAILED
