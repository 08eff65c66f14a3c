"""`qep train`: fit a network to data, step by step, in a run that can be stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.asking import ask
from qep_qiskit.cli.endings import InterruptedRunError
from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.options import SpecRequest, optional_spec_options, pool_options, run_option, yes_option
from qep_qiskit.cli.output import console, marked, print_json, say
from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import cosine, duration
from qep_qiskit.files import typed
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run

if TYPE_CHECKING:
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.training.loop.log import Log
    from qep_qiskit.training.loop.trained import TrainingResult


@click.command("train", epilog="Example: qep train training.toml --run hardware_runs/xor", short_help="Fit a network to data.")
@optional_spec_options
@run_option
@click.option("--resume", metavar="RUN", type=click.Path(), help="Resume a run instead of a SPEC.")
@yes_option
@click.option("--resubmit", is_flag=True, help="With --resume: send jobs that failed or were cancelled again.")
@pool_options
def command(
    request: SpecRequest,
    folder: str | None,
    resume: str | None,
    yes: bool,
    resubmit: bool,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Fit the network of SPEC to its [data], as specified in its [training].

    Every step is stored in the run. The first Ctrl-C stops after the current step, the second at once; `qep train --resume RUN`
    resumes. The result is the same as without interruption, and with workers it does not depend on their number.

    On a device that bills the price is shown first. Every job is recorded before it is sent: after an interruption or a crash
    --resume continues with the submitted jobs, and none is sent twice.
    """
    from qep_qiskit.training.fitting import spread
    from qep_qiskit.training.life.checkpoints import kept_steps
    from qep_qiskit.training.life.hardware import refuse
    from qep_qiskit.training.life.interrupts import InterruptedTrainingError
    from qep_qiskit.workers import PoolLostError, pool

    in_tasks = False
    if resume is None:
        if resubmit:
            raise InputError("--resubmit: goes with --resume and a run; leave it out")
        task, home, options = _begun(request, folder)
    else:
        task, home, options, in_tasks = _resumed(request, folder, resume)
        if not in_tasks and (workers, scheduler) != (None, None):
            raise InputError(
                f"--resume: {home} was begun without workers, whose shots differ; leave out --workers and --scheduler"
            )
    refuse(task, home, workers, scheduler)
    logs: list[Log] = []

    def there() -> str:
        if not logs and not (home / "run.db").exists():
            return "nothing was written, run the same command to start again"
        count = logs[-1].done if logs else 0
        return f"{count} of {task.total_steps} steps are kept in {home}; `qep train --resume {typed(home)}` resumes it"

    with saying(there):
        try:
            with pool(workers, scheduler) as processes, showing(lines=True) as report:
                result = kept_steps(
                    spread(task, processes, anyway=in_tasks),
                    home,
                    resubmit=resubmit,
                    on_begin=logs.append,
                    confirm=ask_for_training(yes),
                    progress=report,
                    **options,
                )
        except InterruptedTrainingError as error:
            raise InterruptedRunError(f"{error}; `qep train --resume {typed(home)}` resumes it") from None
        except PoolLostError as error:
            raise PoolLostError(f"{error}; {there()}") from None
    if as_json:
        print_json({"run": str(home), **result.to_dict()})
    else:
        show(result)
        say(f"\nRun {home}; `qep report {typed(home)}` draws it.")


def _begun(request: SpecRequest, folder: str | None) -> tuple[Any, Path, dict[str, Any]]:
    from qep_qiskit.experiment.settlement import laid_spec
    from qep_qiskit.training.from_spec import task_from

    if not request.path:
        raise InputError("SPEC: missing; give a spec, or --resume and a run")
    given = request.load()
    if "data" not in given.tables and "training" not in given.tables:
        raise InputError(
            f"data: missing; {request.path} has neither [data] nor [training], so it describes no training. Add them, or measure "
            f"one gradient with `qep gradient {typed(request.path)}`"
        )
    spec, note = laid_spec(given)
    task, details = task_from(spec)
    return task, request.home(folder, dated=True), {"spec_text": note + spec.to_toml(), "about": details}


def _resumed(request: SpecRequest, folder: str | None, resume: str) -> tuple[Any, Path, dict[str, Any], bool]:
    from qep_qiskit.experiment import load
    from qep_qiskit.runs.calls import refuse_layer
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.training.from_spec import task_from

    for name, value in (("SPEC", request.path), ("--set", request.overrides), ("--seed", request.seed), ("--run", folder)):
        if value not in (None, (), ""):
            raise InputError(f"--resume: resumes a run as it was begun; leave out {name}")
    home = find_run(resume)
    with RunStore.open(home) as store:
        refuse_layer(store)
        if store.description.get("kind") != "training":
            raise InputError(f"run: {home} is not a training; `qep collect {typed(home)}` resumes it")
        if store.description.get("from") != "spec":
            raise InputError(f"run: {home} was begun from Python; call qep.train with the same arguments and run={str(home)!r}")
        task, _ = task_from(load(home / "spec.toml"), store)
        in_tasks = "samples_a_task" in (store.get("training", "settings") or {})
        return task, home, {"spec_text": store.spec_text}, in_tasks


def ask_for_training(yes: bool) -> Callable[[Mapping[str, Any], RunStore], None]:
    """Return a function that asks for confirmation of a training on a device."""

    def confirm(price: Mapping[str, Any], store: RunStore) -> None:
        what, again = f"{counted(price['steps'], 'step')}: about ", f"`qep train --resume {typed(store.folder)} --yes`"
        ask(price, str(store.description["device"]), yes=yes, again=again, what=what)

    return confirm


def show(result: TrainingResult) -> None:
    """Print a summary of the training."""
    from qep_qiskit.cli.epoch_table import epoch_table
    from qep_qiskit.training.loop.compared import compared_with

    out = console()
    out.print(epoch_table(result.epochs, "Training"))
    data = result.to_dict()
    seconds = sum(float(row["seconds"]) for row in result.history)
    shots = f", {result.shots:,} shots" if result.shots else ""
    out.print(marked("\n[bold]Steps[/] {}", f"{data['steps']} in {duration(seconds)}{shots}"))
    if data["mean_cosine"] is not None:
        out.print(marked(f"[bold]Mean cosine to {compared_with(result.history)}[/] {{}}", cosine(data["mean_cosine"])))
    if billed := [row["qpu_seconds"] for row in result.history if row.get("qpu_seconds") is not None]:
        limit = "at least " if len(billed) < len(result.history) else ""
        out.print(marked("[bold]Billed[/] {}", f"{limit}{sum(billed):.1f} QPU seconds"))
    if result.stopped:
        out.print(marked("[bold]Stopped early[/]: {}; the weights are those of the best epoch", result.stopped))
    for text in result.warnings:
        out.print(marked("[bold yellow]warning:[/] {}", text))
