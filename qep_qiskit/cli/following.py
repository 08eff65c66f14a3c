"""Functions shared by the commands for runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qep_qiskit.cli.endings import DONE, NOT_FINISHED
from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.output import cell, console, marked, name_cell, print_json, say
from qep_qiskit.files import typed

if TYPE_CHECKING:
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle


@contextmanager
def saved_when_interrupted(store: RunStore) -> Iterator[None]:
    """If Ctrl-C ends a command, report how to resume; every step is recorded before it is done."""
    there = f"all that was sent and fetched is saved, `qep collect {typed(store.folder)}` resumes it"
    with saying(lambda: there):
        try:
            yield
        except KeyboardInterrupt:
            store.check_present()
            raise


def finish(life: Lifecycle, *, as_json: bool, quiet: bool = False) -> int:
    """Advance a run as far as possible now, print its state, and return the exit code: 0 done, 3 not finished yet.

    If `quiet`, nothing is printed for an unfinished run.
    """
    from qep_qiskit.cli.asking import NOISE_FREE_ERROR
    from qep_qiskit.cli.gradient_table import show

    gradient = life.advance()
    store = life.store
    store.check_present()
    if gradient is None and quiet:
        return NOT_FINISHED
    state = "waiting" if gradient is None else "done"
    document = {"run": str(store.folder), "state": state, "jobs": jobs_of(store)}
    if (prepared := store.get(NOISE_FREE_ERROR, "0")) is not None:
        document[NOISE_FREE_ERROR] = prepared
    if as_json:
        print_json(document if gradient is None else {**gradient.to_dict(), **document})
    elif gradient is not None:
        show(gradient, None)
    else:
        show_jobs(console(), store)
        say(f"\nNot finished yet; `qep collect {typed(store.folder)}` resumes it.")
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
            "circuits": job.executions,
            "duplicates": store.get("duplicates", job.tag) or [],
        }
        for job in store.jobs()
    ]


def show_jobs(out: Any, store: RunStore, jobs: list[dict[str, object]] | None = None) -> None:
    """Print the jobs of a run as a table."""
    from rich.table import Table

    table = Table(title=marked("Run {}", store.folder), title_justify="left", title_style="bold", box=None, header_style="dim")
    unit = {"training": "step", "layer": "call"}.get(str(store.description.get("kind")), "round")
    for heading in (unit, "job", "state", "circuits", "shots each", "id"):
        table.add_column(heading, justify="right" if heading in (unit, "circuits", "shots each") else "left")
    for job in jobs_of(store) if jobs is None else jobs:
        table.add_row(
            str(int(str(job["round"])) + 1),
            name_cell(str(job["purpose"]).removeprefix(f"{unit} {int(str(job['round'])) + 1} ")),
            cell(job["state"]),
            str(job["circuits"]),
            str(job["shots"]),
            cell(job["job_id"] or "–"),
        )
    out.print(table)
