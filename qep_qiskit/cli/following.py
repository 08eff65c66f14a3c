"""What the verbs of a run share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.endings import DONE, NOT_FINISHED, InterruptedRunError
from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.output import cell, marked, name_cell, say
from qep_qiskit.errors import InputError

if TYPE_CHECKING:
    from qep_qiskit.devices.remote import RemoteDevice
    from qep_qiskit.equilibrium.plan import Plan
    from qep_qiskit.experiment import Spec
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle


def remote_device(spec: Spec) -> RemoteDevice:
    """Return the spec's device, which must be one that takes jobs."""
    from qep_qiskit.runs.verbs import remote

    return remote(spec)


def device_of_run(store: RunStore) -> RemoteDevice:
    """Return the device that a run was sent to, by its spec."""
    from qep_qiskit.runs import verbs

    return verbs.device_of(store)


def spec_of(store: RunStore) -> Spec:
    """Return the spec that a run was made from: the one in its file, whatever became of spec.toml since."""
    from qep_qiskit.runs import verbs

    return verbs.spec_of(store)


@contextmanager
def saved_when_interrupted(store: RunStore) -> Iterator[None]:
    """Say how to go on where Ctrl-C ends a command: every step was written before it was done."""
    there = f"all that was sent and fetched is saved, `qep collect {store.folder}` goes on"
    try:
        with saying(lambda: there):
            yield
    except KeyboardInterrupt:
        store.check_present()
        raise InterruptedRunError(there) from None


def run_folder(run: str) -> Path:
    """Return the folder of a run that is named by its path or by its name under hardware_runs/."""
    from qep_qiskit.runs.file.folders import find_run

    return find_run(run)


def confirm_on_terminal(yes: bool, report: Any) -> Callable[[Plan, RunStore], None]:
    """Return a function that shows what is about to be sent and asks."""

    def ask(plan: Plan, store: RunStore) -> None:
        cost = store.get("asked", str(plan.round)) or store.get("estimate", str(plan.round))
        seconds = cost["qpu_seconds"]
        told = "" if seconds is None else f", about {seconds:.0f} QPU seconds"
        say(
            f"Round {plan.round + 1}: {cost['circuits']} circuits, {cost['shots']} shots in all{told}, {cost['jobs']} "
            f"{'job' if cost['jobs'] == 1 else 'jobs'} on {store.description['device']}.",
            err=True,
        )
        if not yes and not sys.stdin.isatty():
            raise InputError(f"--yes: missing, and there is no terminal to ask on; `qep collect {store.folder} --yes` sends it")
        if not yes and not click.confirm("Send?", err=True, default=False):
            raise InputError(f"nothing was sent; `qep collect {store.folder} --yes` sends it")

    return ask


def finish(life: Lifecycle, *, as_json: bool, quiet: bool = False) -> int:
    """Advance a run as far as it goes now, print where it is, and return the exit code: 0 done, 3 not finished yet.

    Quiet: a run that is not finished prints nothing.
    """
    from qep_qiskit.cli.gradient_table import show
    from qep_qiskit.cli.output import console, print_json, say

    gradient = life.advance()
    store = life.store
    store.check_present()
    if gradient is None and quiet:
        return NOT_FINISHED
    about = {"run": str(store.folder), "state": "waiting" if gradient is None else "done", "jobs": jobs_of(store)}
    if as_json:
        print_json(about if gradient is None else {**gradient.to_dict(), **about})
    elif gradient is not None:
        show(gradient, None)
    else:
        show_jobs(console(), store)
        say(f"\nNot finished yet; `qep collect {store.folder}` goes on.")
    return DONE if gradient is not None else NOT_FINISHED


def jobs_of(store: RunStore) -> list[dict[str, object]]:
    """Return the jobs of a run as plain mappings."""
    return [
        {
            "tag": job.tag,
            "round": job.round,
            "purpose": job.purpose,
            "state": job.state,
            "reason": str(job.detail.get("reason", "")),
            "job_id": job.job_id,
            "shots": job.shots,
            "circuits": sum(len(pub.values) for pub in job.pubs),
            "duplicates": store.get("duplicates", job.tag) or [],
        }
        for job in store.jobs()
    ]


def show_jobs(out: Any, store: RunStore, jobs: list[dict[str, object]] | None = None) -> None:
    """Print the jobs of a run as a table."""
    from rich.table import Table

    table = Table(title=marked("Run {}", store.folder), title_justify="left", title_style="bold", box=None, header_style="dim")
    training = store.description.get("kind") == "training"
    for heading in ("step" if training else "round", "job", "state", "circuits", "shots each", "id"):
        table.add_column(heading, justify="right" if heading in ("step", "round", "circuits", "shots each") else "left")
    for job in jobs_of(store) if jobs is None else jobs:
        table.add_row(
            str(int(str(job["round"])) + 1),
            name_cell(str(job["purpose"]).removeprefix(f"step {int(str(job['round'])) + 1} ")),
            cell(job["state"]),
            str(job["circuits"]),
            str(job["shots"]),
            cell(job["job_id"] or "–"),
        )
    out.print(table)
