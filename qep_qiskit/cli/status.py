"""`qep status`: where a run is."""

from __future__ import annotations

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import console, print_json, progress
from qep_qiskit.cli.running import jobs_of, remote_device, run_argument, run_folder, show_jobs, spec_of


@click.command("status", short_help="Show where a run is.")
@run_argument
@click.option("--offline", is_flag=True, help="Show what is written down; do not ask the service.")
@json_option
def command(run: str, offline: bool, as_json: bool) -> int:
    """Show the jobs of a run. Nothing is fetched or sent; another process may be collecting meanwhile."""
    from qep_qiskit.cli.main import DONE, NOT_FINISHED
    from qep_qiskit.runs.store import RunStore

    with RunStore.open(run_folder(run)) as store:
        jobs = jobs_of(store)
        if not offline:
            device = remote_device(spec_of(store))
            with progress() as report:
                report(f"asking {device.name}", None)
                for job in jobs:
                    if job["job_id"] and job["state"] in ("submitted", "queued", "running"):
                        job["state"], job["reason"] = device.status(str(job["job_id"]))
        done = bool(store.gradients())
        if as_json:
            print_json({"run": str(store.folder), "state": "done" if done else "waiting", "jobs": jobs, "events": _events(store)})
        else:
            show_jobs(console(), store, jobs)
            click.echo("\nDone; the gradient is in the run." if done else f"\n`qep collect {store.folder}` goes on.")
    return DONE if done else NOT_FINISHED


def _events(store: object) -> list[dict[str, object]]:
    return [{"time": e.time, "tag": e.tag, "state": e.state, "text": e.text} for e in store.events()]  # type: ignore[attr-defined]
