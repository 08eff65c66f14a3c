"""`qep runs`: the runs there are, and runs as files that stand alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.following import jobs_of, run_folder, show_jobs
from qep_qiskit.cli.options import Group, file_option, json_option, run_argument, run_option
from qep_qiskit.cli.output import cell, console, marked, print_json, progress, say
from qep_qiskit.plain_text import shortened

if TYPE_CHECKING:
    from rich.console import Console

    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import Summary

MOST_EPOCHS = 12
STYLES = {"done": "green", "damaged": "bold red", "failed": "red", "cancelled": "red", "unreadable": "red"}


@click.group("runs", cls=Group, short_help="List, show, export and import runs.")
def command() -> None:
    """List and show runs, export one as a JSON file that stands alone, and import such a file."""


@command.command("list", short_help="List the runs of a folder.")
@click.argument("folder", required=False, type=click.Path(), metavar="[FOLDER]")
@json_option
def list_command(folder: str | None, as_json: bool) -> None:
    """List the runs of FOLDER and those below it; by default of hardware_runs/."""
    from qep_qiskit.runs.file.folders import HOME
    from qep_qiskit.runs.listing import runs_in, summary

    place = HOME if folder is None else Path(folder)
    found = [] if folder is None and not place.is_dir() else [summary(path) for path in runs_in(place)]
    found.sort(key=lambda run: (run.created, run.folder))
    if as_json:
        print_json({"folder": str(place), "runs": [asdict(run) for run in found]})
    elif not found:
        say(f"No runs in {place}; `qep submit SPEC` makes one.")
    else:
        _show_list(found)


@command.command("show", short_help="Show all of a run.")
@run_argument
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Show a run: its state, its jobs, what happened to them, and the gradients that were read. Asks no service."""
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import summary

    folder = run_folder(run)
    with RunStore.open(folder) as store, store.snapshot():
        about = summary(folder)
        events = [vars(event) for event in store.events()]
        gradients = store.gradients()
        jobs = jobs_of(store)
        if as_json:
            print_json({**asdict(about), "spec": store.spec_text, "job_list": jobs, "events": events, "gradient_list": gradients})
            return
        _show(about, store, jobs, gradients)


@command.command("export", short_help="Write a run as one JSON file.")
@run_argument
@file_option("the run's name and .json")
@click.option("--salvage", is_flag=True, help="Write what is whole of a damaged run, and say what is lost.")
@json_option
def export_command(run: str, output: str | None, salvage: bool, as_json: bool) -> None:
    """Write a run as one JSON file that stands alone: spec, plan, circuits, counts, calibrations, gradients, provenance.

    Circuits are QPY (base64) and, to be read, OpenQASM 3.
    """
    from qep_qiskit.files import writable
    from qep_qiskit.runs.file import exchange
    from qep_qiskit.runs.file.folders import DATABASE
    from qep_qiskit.runs.file.store import RunStore

    folder = run_folder(run)
    target = writable(f"{folder.resolve().name}.json" if output is None else output, "--output")
    with progress() as report:
        report(f"exporting {folder}", None)
        if salvage:
            from qep_qiskit.runs.file.salvage import salvage as salvaged

            found = salvaged(folder / DATABASE)
            document = exchange.document_of(found.rows, found.lost)
        else:
            with RunStore.open(folder) as store:
                document = exchange.export(store)
        exchange.write(document, target)
    kept = {name: len(document[name]) for name in ("circuits", "jobs", "results", "gradients", "steps", "events")}
    if as_json:
        print_json({"file": str(target), "complete": document["complete"], "lost": document["lost"], "kept": kept})
        return
    say(f"{target}: " + ", ".join(f"{number} {name}" for name, number in kept.items()))
    for line in document["lost"]:
        say(f"lost: {line}", err=True)


@command.command("import", short_help="Make a run of an exported file.")
@click.argument("file", type=click.Path())
@run_option
@json_option
def import_command(file: str, folder: str | None, as_json: bool) -> None:
    """Make a run of an exported FILE. It is a copy, from which nothing is ever sent to a device.

    Its counts can be read again, and a training that needs no device can be resumed.
    """
    from qep_qiskit.runs.file import exchange
    from qep_qiskit.runs.file.folders import HOME

    home = HOME / Path(file).stem if folder is None else Path(folder)
    made = exchange.import_run(file, home)
    print_json({"run": str(made)}) if as_json else say(f"{made}: imported")


def _show_list(found: list[Summary]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("run", overflow="fold")
    for header in ("kind", "device", "state", "made"):
        table.add_column(header, no_wrap=True)
    for header in ("jobs", "shots", "QPU s"):
        table.add_column(header, justify="right", no_wrap=True)
    for run in found:
        seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
        jobs = str(sum(run.jobs.values())) if run.jobs else ""
        if run.steps:
            jobs = f"{run.steps} steps"
        cells = (jobs, f"{run.shots:,}" if run.shots else "", seconds)
        state = cell(run.state, STYLES.get(run.state, "yellow"))
        table.add_row(*map(cell, (run.folder, run.kind, run.device)), state, cell(run.created[:16].replace("T", " ")), *cells)
    console(whole=True).print(table)
    for run in found:
        if run.problem:
            say(run.problem, err=True)


def _show(about: Summary, store: RunStore, jobs: list[dict[str, object]], gradients: list[dict[str, Any]]) -> None:
    out = console()
    made = about.created[:19].replace("T", " ")
    out.print(marked("{}  {} on {}, {}; made {} UTC\n", about.id, about.kind, about.device, about.state, made))
    if jobs:
        show_jobs(out, store, jobs)
    out.print()
    for event in store.events():
        told = f"  {event.time[:19].replace('T', ' ')}  {event.state or '':<10}  {event.text}"
        out.print(cell(told), style="dim", soft_wrap=True)
    _show_epochs(out, store)
    for entry in gradients:
        out.print(marked("\nGradient, mitigation {}:", entry.get("mitigation", "none")))
        names = [shortened(str(name)) for name in entry["names"]]
        width = max(map(len, names), default=0)
        errors = entry["stderr"] or [None] * len(entry["names"])
        for name, value, error in zip(names, entry["values"], errors, strict=True):
            out.print(f"  {name:<{width}}  {value:+.6f}" + ("" if error is None else f" ± {error:.6f}"))


def _show_epochs(out: Console, store: RunStore) -> None:
    """Print how the loss of a training fell: its first and its last epochs, or its steps where no epoch is done."""
    from rich.table import Table

    from qep_qiskit.estimates import percent, with_error

    steps = store.steps()
    if not steps:
        return
    rows = [step["epoch"] for step in steps if step.get("epoch")]
    headings = ["epoch", "training loss", "held-out loss", "training accuracy", "held-out accuracy"]
    cells: list[tuple[str, ...]] = [
        (
            str(row["epoch"]),
            with_error(row["train_loss"], None),
            with_error(row["validation_loss"], row["validation_loss_stderr"]),
            percent(row["train_accuracy"]),
            percent(row["validation_accuracy"]),
        )
        for row in rows
    ]
    if not rows:
        headings = ["step", "loss"]
        records = [step["record"] for step in steps]
        cells = [(str(row["step"]), with_error(row["loss"], row["loss_stderr"])) for row in records]
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in cells if len(cells) <= MOST_EPOCHS else [*cells[:2], ("…",), *cells[-(MOST_EPOCHS - 3) :]]:
        table.add_row(*row)
    out.print()
    out.print(table)
