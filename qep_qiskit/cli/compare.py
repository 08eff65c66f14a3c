"""`qep compare`: the error budget, as a table, a picture and a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.options import load_spec, spec_options
from qep_qiskit.cli.output import console, print_json, progress, say, to_json

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qep_qiskit.comparison import Climb
    from qep_qiskit.equilibrium import Gradient
    from qep_qiskit.experiment import Spec
    from qep_qiskit.preparation.preparer import Progress
    from qep_qiskit.runs.lifecycle import Lifecycle


@click.command("compare", short_help="Show where the gradient's error comes from.")
@spec_options
@click.option("--mitigation", metavar="METHOD", help="Of a RUN: read its stored counts with another mitigation than its own.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Where to write; by default hardware_runs/ and the spec's name.")
@click.option("--yes", is_flag=True, help="Do not ask before jobs are sent to a device that bills.")
def command(
    spec_path: str,
    overrides: tuple[str, ...],
    seed: int | None,
    as_json: bool,
    mitigation: str | None,
    out: str | None,
    yes: bool,
) -> None:
    """Show where the gradient's error comes from, step by step from the exact gradient to the device.

    Writes budget.json, budget.png, report.html and the spec that ran.

    Instead of a SPEC it takes a finished RUN: its stored counts are read raw and mitigated, no device is asked, and
    budget.json, budget.png and budget.html are written into its folder.

    On a device that bills the price is shown and confirmed first, and the jobs are kept in the run that `qep gradient SPEC`
    has: raw and mitigated are read from the same counts, and the same command resumes after a stop or a crash.
    """
    from qep_qiskit.cli.paid import bills

    run = _run(spec_path)
    if run is not None:
        _of_run(run, overrides, seed, mitigation, out, as_json)
        return
    if mitigation is not None:
        raise click.UsageError("--mitigation goes with a RUN; of a spec give --set measurement.mitigation=METHOD.")
    spec = load_spec(spec_path, overrides, seed)
    folder = _writable(Path(out) if out is not None else Path("hardware_runs") / Path(spec_path).stem)
    budget, circuit = _paid(spec, folder, yes) if bills(spec) else _climb(spec, folder)
    page = _write(budget, spec, folder, circuit)
    _show(budget, page, as_json)


def _show(budget: dict[str, Any], page: Path, as_json: bool) -> None:
    if as_json:
        print_json({**budget, "files": {"page": str(page), "folder": str(page.parent)}})
        return
    from qep_qiskit.report import table

    shown = console()
    table.render(budget, shown)
    say(f"\n{page}")


def _run(name: str) -> Path | None:
    """Return the folder of a run of this name, or None where it is a spec."""
    from qep_qiskit.errors import InputError
    from qep_qiskit.runs.file.store import find_run

    try:
        return find_run(name)
    except InputError:
        return None


def _of_run(
    run: Path, overrides: tuple[str, ...], seed: int | None, mitigation: str | None, out: str | None, as_json: bool
) -> None:
    from qep_qiskit.cli.following import spec_of
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.stored_results import climb_of

    if overrides or seed is not None:
        raise click.UsageError("--set and --seed go with a SPEC; a run was measured with its own.")
    folder = _writable(run if out is None else Path(out))
    with RunStore.open(run) as store, progress() as report:
        spec = spec_of(store)
        climb = climb_of(store, spec, mitigation=mitigation, progress=report)
        _climbed(climb, spec, folder)
    budget = {**climb.budget().to_dict(), "run": str(run)}
    _show(budget, _write(budget, spec, folder, climb.circuit, page_name="budget.html"), as_json)


def _paid(spec: Spec, folder: Path, yes: bool) -> tuple[dict[str, Any], QuantumCircuit | None]:
    """Measure the spec in a run of its own, and climb the budget with the run's counts."""
    from qep_qiskit.cli.paid import measured, run_folder_of
    from qep_qiskit.runs.stored_results import climb_of

    def climbed(life: Lifecycle, found: Gradient, report: Progress) -> tuple[dict[str, Any], QuantumCircuit | None]:
        climb = climb_of(life.store, life.spec, progress=report)
        _climbed(climb, spec, folder)
        return {**climb.budget().to_dict(), "run": str(life.store.folder)}, climb.circuit

    found: tuple[dict[str, Any], QuantumCircuit | None] = measured(spec, run_folder_of(spec), yes, climbed)
    return found


def _climb(spec: Spec, folder: Path) -> tuple[dict[str, Any], QuantumCircuit | None]:
    problem, settings = spec.problem(), spec.settings()
    from qep_qiskit.comparison import Climb

    with progress() as report:
        climb = Climb(problem, **settings, progress=report)
        _climbed(climb, spec, folder)
    return climb.budget().to_dict(), climb.circuit


def _climbed(climb: Climb, spec: Spec, folder: Path) -> None:
    """Climb all rungs; what interrupts it leaves the finished ones in the folder."""
    from qep_qiskit.cli.main import InterruptedRunError

    def there() -> str:
        return _kept(climb.budget().to_dict(), spec, folder)

    try:
        with saying(there):
            for _ in climb.rungs():
                pass
    except KeyboardInterrupt:
        raise InterruptedRunError(there()) from None


def _kept(budget: dict[str, Any], spec: Spec, folder: Path) -> str:
    """Save the rungs that an interrupted comparison has, and return what to say of them."""
    from qep_qiskit.files import write_whole

    count = len(budget["rungs"])
    if count == 0:
        return "nothing was written, run the same command to start again"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "run.db").exists():
        write_whole(folder / "spec.toml", spec.to_toml().encode())
    path = write_whole(folder / "budget.json", (to_json({**budget, "complete": False}) + "\n").encode())
    return (
        f"{count} rung{'s' * (count > 1)} of 6 kept in {path}, to be read; the next call does not use them: "
        "the same command starts again"
    )


def _write(
    budget: dict[str, Any], spec: Spec, folder: Path, circuit: QuantumCircuit | None, page_name: str = "report.html"
) -> Path:
    from qep_qiskit.files import write_whole
    from qep_qiskit.report import budget_page as page
    from qep_qiskit.report import figures

    folder.mkdir(parents=True, exist_ok=True)
    text = spec.to_toml()
    if not (folder / "run.db").exists():  # a run keeps the spec as it was given
        write_whole(folder / "spec.toml", text.encode())
    write_whole(folder / "budget.json", (to_json(budget) + "\n").encode())
    figures.draw(budget, folder / "budget.png")
    page.write(budget, folder / page_name, spec_text=text, circuit=circuit)
    return folder / page_name


def _writable(folder: Path) -> Path:
    """Return the folder, refusing before any work is done what cannot be written to."""
    from qep_qiskit.errors import InputError

    existing = next(above for above in (folder, *folder.absolute().parents) if above.exists())
    if not existing.is_dir():
        raise InputError(f"--out: {folder} cannot be a folder, {existing} is a file; give another one")
    if not os.access(existing, os.W_OK):
        raise InputError(f"--out: {folder} cannot be written, {existing} is read-only; give another one")
    return folder
