"""`qep runs`: list, show, export and import runs."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.following import jobs_of, show_jobs
from qep_qiskit.cli.options import Group, file_option, json_option, run_argument, run_option
from qep_qiskit.cli.output import cell, console, marked, print_json, say
from qep_qiskit.display import terminal_table, when
from qep_qiskit.plain_text import shortened
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import DATABASE, HOME, find_run

if TYPE_CHECKING:
    from rich.console import Console

    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import Summary

STYLES = {"done": "green", "damaged": "bold red", "failed": "red", "cancelled": "red", "unreadable": "red"}


@click.group(
    "runs",
    cls=Group,
    epilog="Example: qep runs export hardware_runs/first -o first.json",
    short_help="List, show, export and import runs.",
)
def command() -> None:
    """List and show runs, export a run as a self-contained JSON file, and import such a file."""


@command.command("list", short_help="List the runs of a folder.")
@click.argument("folder", required=False, type=click.Path(), metavar="[FOLDER]")
@json_option
def list_command(folder: str | None, as_json: bool) -> None:
    """List the runs in FOLDER and below it; default: hardware_runs/."""
    from qep_qiskit.runs.listing import runs_in, summary

    place = HOME if folder is None else Path(folder)
    runs = [] if folder is None and not place.is_dir() else [summary(path) for path in runs_in(place)]
    runs.sort(key=lambda run: (run.created, run.folder))
    if as_json:
        print_json({"folder": str(place), "runs": [asdict(run) for run in runs]})
    elif not runs:
        say(f"No runs in {place}; `qep submit SPEC` makes one.")
    else:
        _show_list(runs)


@command.command("show", short_help="Show all of a run.")
@run_argument
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Show the state, jobs, events and gradients of a run, without contacting a service."""
    from qep_qiskit.runs.file.exchange import without_instance
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import summary

    folder = find_run(run)
    with RunStore.open(folder) as store, store.snapshot():
        whole, jobs = summary(folder), jobs_of(store)
        if not as_json:
            _show(whole, store, jobs)
            return
        details = {"spec": without_instance(store.spec_text), "job_list": jobs, "events": [*map(vars, store.events())]}
        print_json({**asdict(whole), **details, "gradient_list": store.gradients()})


@command.command("export", short_help="Write a run as one JSON file.")
@run_argument
@file_option("the run's name and .json")
@click.option("--salvage", is_flag=True, help="Write the readable part of a damaged run, and list what is lost.")
@json_option
def export_command(run: str, output: str | None, salvage: bool, as_json: bool) -> None:
    """Write a run as one self-contained JSON file: spec, plan, circuits, counts, calibrations, gradients, provenance.

    Circuits are in QPY (base64) and, for readers, in OpenQASM 3.
    """
    from qep_qiskit.files import writable
    from qep_qiskit.runs.file import exchange
    from qep_qiskit.runs.file.store import RunStore

    folder = find_run(run)
    target = writable(f"{folder.resolve().name}.json" if output is None else output, "--output")
    with showing(lines=True) as report:
        report(f"exporting {folder}", None)
        if salvage:
            from qep_qiskit.runs.file.salvage import salvage as salvaged

            rest = salvaged(folder / DATABASE)
            document = exchange.document_of(rest.rows, rest.lost)
        else:
            with RunStore.open(folder) as store:
                document = exchange.export(store)
        exchange.write(document, target)
    counts = {name: len(document[name]) for name in ("circuits", "jobs", "results", "gradients", "steps", "events")}
    if as_json:
        print_json({"file": str(target), "complete": document["complete"], "lost": document["lost"], "kept": counts})
        return
    say(f"{target}: " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    for line in document["lost"]:
        say(f"lost: {line}", err=True)


@command.command("import", short_help="Make a run from an exported file.")
@click.argument("file", type=click.Path())
@run_option
@json_option
def import_command(file: str, folder: str | None, as_json: bool) -> None:
    """Create a run from an exported FILE. The run is a copy that never sends anything to a device.

    Its counts can be reduced again, and a training that needs no device can be resumed.
    """
    from qep_qiskit.runs.file import exchange

    run = exchange.import_run(file, HOME / Path(file).stem if folder is None else Path(folder))
    print_json({"run": str(run)}) if as_json else say(f"{run}: imported")


def _show_list(runs: list[Summary]) -> None:
    table = terminal_table("run", "kind", "device", "state", "made", right=("jobs", "shots", "QPU s"))
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    for run in runs:
        jobs = f"{run.steps} steps" if run.steps else str(sum(run.jobs.values())) if run.jobs else ""
        numbers = (jobs, f"{run.shots:,}" if run.shots else "", "" if run.seconds is None else f"{run.seconds:.1f}")
        state = cell(run.state, STYLES.get(run.state, "yellow"))
        table.add_row(*map(cell, (run.folder, run.kind, run.device)), state, cell(when(run.created, 16)), *numbers)
    console(whole=True).print(table)
    for run in runs:
        if run.problem:
            say(run.problem, err=True)


def _show(run: Summary, store: RunStore, jobs: list[dict[str, object]]) -> None:
    from qep_qiskit.equilibrium.result import listed
    from qep_qiskit.runs.readings import Reading

    out = console()
    created = when(run.created)
    out.print(marked("{}  {} on {}, {}; made {} UTC", run.id, run.kind, run.device, run.state, created))
    if jobs:
        out.print()
        show_jobs(out, store, jobs)
    events = store.events()
    if events:
        out.print()
    for event in events:
        out.print(cell(f"  {when(event.time)}  {event.state or '':<10}  {event.text}"), style="dim", soft_wrap=True)
    _show_epochs(out, store)
    for document in store.gradients():
        rung = Reading.of(document).rung
        out.print(marked("\nGradient, mitigation {}:", document.get("mitigation", "none")))
        if rung.values is not None:
            out.print(
                textwrap.indent(listed([shortened(str(name)) for name in document["names"]], rung.values, rung.stderr), "  ")
            )


def _show_epochs(out: Console, store: RunStore) -> None:
    """Print the loss of a training by epoch, or by step if no epoch is complete."""
    from qep_qiskit.cli.epoch_table import MOST_EPOCHS, epoch_table
    from qep_qiskit.estimates import with_error

    steps = store.steps()
    if not steps:
        return
    table = epoch_table([step["epoch"] for step in steps if step.get("epoch")])
    if not table.row_count:
        table = terminal_table(right=("step", "loss"))
        for record in [step["record"] for step in steps][-MOST_EPOCHS:]:
            table.add_row(str(record["step"]), with_error(record["loss"], record["loss_stderr"]))
    out.print()
    out.print(table)
