"""`qep compare`: the error budget as a table, a figure and a page."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.options import SpecRequest, device_option, out_option, spec_options, yes_option
from qep_qiskit.cli.output import console, print_json, say
from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import duration, percent
from qep_qiskit.files import make_folder, missing_folders, remove_empty, typed, write_whole
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run

if TYPE_CHECKING:
    from qep_qiskit.budget import Rung
    from qep_qiskit.comparison import Climb
    from qep_qiskit.experiment import Spec

SLOW = 2.0
"""A comparison that takes more than this many seconds shows each rung as soon as it is computed."""


@click.command(
    "compare", epilog="Example: qep compare noise.toml --seed 3", short_help="Show where the gradient's error comes from."
)
@spec_options
@click.option("--mitigation", metavar="METHOD", help="With a RUN: read its stored counts with another mitigation than its own.")
@device_option
@out_option
@yes_option
def command(
    request: SpecRequest, as_json: bool, mitigation: str | None, device_name: str | None, out: str | None, yes: bool
) -> None:
    """Show where the gradient's error comes from, step by step from the exact gradient to the device.

    Writes budget.json, budget.png, report.html and the spec. Every step is shown and saved in budget.json as soon as it is
    computed; after an interruption the same command resumes.

    A finished RUN may be given instead of a SPEC. Its stored counts are reduced raw and mitigated, without any device. The steps
    at infinitely many shots are simulated with the noise of the device's calibration that the run stored. budget.json,
    budget.png and budget.html are written into its folder.

    On a device that bills the price is shown and confirmed first, and the jobs are stored in the run of `qep gradient SPEC`.
    The raw and mitigated gradients use the same counts. The same command resumes after an interruption or a crash.
    """
    from qep_qiskit.cli.paid import bills, measured, run_folder_of
    from qep_qiskit.comparison import Climb
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.stored_results import climb_of
    from qep_qiskit.runs.verbs import spec_of

    run, page = _run(request.path), "report.html"
    if run is not None:
        if request.overrides or request.seed is not None or device_name is not None:
            raise click.UsageError("--set, --seed and --device go with a SPEC; a run was measured with its own.")
        folder, page = _writable(run if out is None else Path(out)), "budget.html"
        with RunStore.open(run) as store, showing(lines=True) as report:
            spec = spec_of(store)
            climb = _climbed(climb_of(store, spec, mitigation=mitigation, keep=folder, progress=report), spec, folder)
    else:
        if mitigation is not None:
            raise click.UsageError("--mitigation goes with a RUN; for a spec give --set measurement.mitigation=METHOD.")
        spec, folder = request.load(device_name), _writable(request.home(out))
        if _is_its_own(spec, folder) and (*request.overrides, request.seed, device_name) != (None, None):
            raise InputError(f"--out: {request.path} would be overwritten by the spec with its overrides; give another folder")
        if bills(spec):
            with measured(spec, run_folder_of(spec), yes) as (life, _, report):
                run = life.store.folder
                climb = _climbed(climb_of(life.store, life.spec, keep=folder, progress=report), spec, folder)
        else:
            problem, settings = spec.problem(), spec.settings()
            with showing(lines=True) as report:
                climb = _climbed(Climb(problem, settings, keep=folder, progress=report), spec, folder)
    _show(climb, spec, folder, as_json, run, page)


def _run(name: str) -> Path | None:
    """Return the folder of the run with this name; None if there is none."""
    try:
        return find_run(name)
    except InputError:
        return None


def _climbed(climb: Climb, spec: Spec, folder: Path) -> Climb:
    """Compute all rungs; in a slow comparison, show each rung as soon as it is computed."""
    from qep_qiskit.kinds import RUNGS

    of = len(list(RUNGS)) - 1
    if climb.resumed:
        say(f"Resuming: {climb.resumed} of {of} rungs are kept in {climb.kept}.", err=True)
    began = time.monotonic()
    with saying(lambda: _ending(climb, of)), _nothing_new_if_refused(folder):
        for number, rung in enumerate(climb.rungs(), 1):
            if number == 1:
                _write_spec(spec, folder)
            if time.monotonic() - began > SLOW and number > climb.resumed:
                say(_line(rung), err=True)
    return climb


@contextlib.contextmanager
def _nothing_new_if_refused(folder: Path) -> Iterator[None]:
    """Remove the files that a comparison has added to a folder if its input is refused."""
    from qep_qiskit.budget.kept import FILE

    missing = missing_folders(folder)
    new = [path for path in (folder / FILE, folder / "spec.toml") if not path.exists()]
    try:
        yield
    except InputError:
        for path in new:
            path.unlink(missing_ok=True)
        remove_empty(missing)
        raise


def _line(rung: Rung) -> str:
    """Return a rung in one line."""
    if rung.values is None:
        return f"{rung.title}: {rung.note}"
    parts = [] if rung.name == "exact" else [f"{percent(rung.relative_error)} from the exact gradient"]
    return f"{rung.title}: {', '.join([*parts, *([rung.note] if rung.note else []), duration(rung.seconds)])}"


def _ending(climb: Climb, of: int) -> str:
    """Return the message of an interrupted comparison."""
    budget = climb.budget()
    if not budget.rungs:
        return "nothing was written, run the same command to start again"
    if climb.kept is None:
        return f"{counted(len(budget), 'rung')} of {of} written; the next call cannot use them: the same command starts again"
    return f"{counted(len(budget), 'rung')} of {of} kept in {climb.kept}; run the same command to resume"


def _is_its_own(spec: Spec, folder: Path) -> bool:
    """Return whether the spec that would be written is the file that the user gave."""
    target = folder / "spec.toml"
    return spec.path is not None and target.exists() and target.samefile(spec.path)


def _write_spec(spec: Spec, folder: Path) -> None:
    """Write the spec unless the folder belongs to a run, or it is the user's file."""
    make_folder(folder)
    if not (folder / "run.db").exists() and not _is_its_own(spec, folder):
        write_whole(folder / "spec.toml", spec.to_toml().encode())


def _show(climb: Climb, spec: Spec, folder: Path, as_json: bool, run: Path | None, page_name: str) -> None:
    """Write the files of the budget, and print it."""
    from qep_qiskit.drawing.picture import write
    from qep_qiskit.report import budget_page, figures, table

    budget = climb.budget()
    document = {**budget.to_dict(), **({} if run is None else {"run": str(run)})}
    write(figures.figure(budget), folder / "budget.png")
    text = budget_page.page(
        budget,
        spec_text=spec.to_toml(),
        circuit=climb.circuit,
        network=climb.network,
        command=f"qep compare {'spec.toml' if run is None else typed(run.name)}",
    )
    page = write_whole(folder / page_name, text.encode())
    if as_json:
        print_json({**document, "files": {"page": str(page), "folder": str(folder)}})
        return
    table.render(budget, console())
    say(f"\n{page}")


def _writable(folder: Path) -> Path:
    """Return the folder, or raise InputError before any work is done if it cannot be written to."""
    existing = next(above for above in (folder, *folder.absolute().parents) if above.exists())
    if not existing.is_dir():
        raise InputError(f"--out: {folder} cannot be a folder, because {existing} is a file; give another one")
    if not os.access(existing, os.W_OK):
        raise InputError(f"--out: {folder} cannot be written, because {existing} is read-only; give another one")
    return folder
