"""`qep status`: the state of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.endings import DONE, NOT_FINISHED
from qep_qiskit.cli.following import jobs_of, show_jobs
from qep_qiskit.cli.options import json_option, run_argument
from qep_qiskit.cli.output import console, print_json, say
from qep_qiskit.files import typed
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run

if TYPE_CHECKING:
    from qep_qiskit.runs.file.store import RunStore


@click.command("status", epilog="Example: qep status hardware_runs/first", short_help="Show where a run is.")
@run_argument
@click.option("--offline", is_flag=True, help="Show what the run has recorded; do not ask the service.")
@json_option
def command(run: str, offline: bool, as_json: bool) -> int:
    """Show the jobs of a run, the number of completed steps of a training, and that of the answered calls of a layer.

    Nothing is fetched or sent. Another process may be collecting at the same time.
    """
    from qep_qiskit.runs.calls import calls_of
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.listing import progress_of, state_of

    with RunStore.open(find_run(run)) as store:
        jobs, calls, training = jobs_of(store), calls_of(store), progress_of(store)
        alone = training is None and calls is None
        if not offline and (alone or (training is not None and training["asked"] and _under_way(jobs))):
            _ask(store, jobs)
        state = ("done" if store.gradients() else "waiting") if alone else state_of(store)
        code = DONE if state == "done" else NOT_FINISHED
        if as_json:
            extra = {} if calls is None else {"layer": calls}
            extra |= {} if training is None else {"training": {k: v for k, v in training.items() if k != "asked"}}
            print_json({"run": str(store.folder), "state": state, **extra, "jobs": jobs, "events": [*map(vars, store.events())]})
            return code
        if jobs or alone:
            show_jobs(console(), store, jobs)
            _say_reasons(store, jobs)
            say()
        if calls is not None:
            _show_calls(store.folder, calls, code == DONE)
        elif training is not None:
            _show_training(store.folder, training, code == DONE)
        else:
            say("Done; the gradient is in the run." if code == DONE else f"`qep collect {typed(store.folder)}` resumes it.")
    return code


def _show_calls(folder: object, calls: dict[str, Any], done: bool) -> None:
    """Show the calls of a layer as they are recorded: only its program knows the device."""
    from qep_qiskit.display import counted
    from qep_qiskit.runs.file.folders import resumed_by

    seconds = "" if calls["seconds"] is None else f"; {calls['seconds']:.1f} QPU seconds billed"
    parts = f"{counted(calls['predictions'], 'prediction')} and {counted(calls['pullbacks'], 'pullback')}"
    say(f"{calls['answered']} of {counted(calls['calls'], 'call')} answered: {parts}{seconds}.")
    if not done:
        say(f"As recorded: {resumed_by(folder)}.")


def _ask(store: RunStore, jobs: list[dict[str, object]]) -> None:
    """Update the jobs with the states that the service reports; a device defined in a Python program cannot be asked."""
    from qep_qiskit.runs.verbs import ForeignDeviceError, asked_states, device_of

    try:
        device = device_of(store)
    except ForeignDeviceError as error:
        if _under_way(jobs):
            say(f"As written down: {error}", err=True)
        return
    with showing(lines=True) as report:
        report(f"asking {device.name}", None)
        states = asked_states(store, device)
    for job in jobs:
        job["state"], job["reason"] = states[str(job["tag"])]


def _under_way(jobs: list[dict[str, object]]) -> list[dict[str, object]]:
    from qep_qiskit.devices.remote import UNDER_WAY
    from qep_qiskit.runs.file.records import FORGOTTEN

    return [job for job in jobs if job["job_id"] and job["state"] in (*UNDER_WAY, FORGOTTEN)]


def _say_reasons(store: RunStore, jobs: list[dict[str, object]]) -> None:
    """Print explanations of states that need one."""
    from qep_qiskit.runs.file.records import FORGOTTEN

    for job in jobs:
        if not job["reason"]:
            continue
        name, reason = job["job_id"] or job["tag"], str(job["reason"])
        if job["state"] == "unknown":
            reason = f"the service calls it {reason!r}, a state that this program does not know"
        elif job["state"] == FORGOTTEN:
            reason += (
                f". `qep collect {typed(store.folder)} --resubmit` sends it again, `qep cancel {typed(store.folder)}` gives it up"
            )
        say(f"\n{name} is {job['state']}: {reason}")


def _show_training(folder: object, training: dict[str, Any], done: bool) -> None:
    seconds = "" if training["seconds"] is None else f", {training['seconds']:.1f} QPU seconds billed"
    if seconds and training["estimate"] is not None:
        seconds += f" of about {training['estimate']:.0f} foreseen"
    say(f"{training['steps']} of {training['total']} steps are done{seconds}.")
    if not done and training["asked"]:
        say(f"`qep train --resume {typed(str(folder))}` resumes it.")
    elif not done:
        say(f"qep.train with the same arguments and run={str(folder)!r} resumes it.")
