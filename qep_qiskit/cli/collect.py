"""`qep collect`: what a run has got by now, and its next step."""

from __future__ import annotations

import time

import click

from qep_qiskit.cli.endings import DONE, NOT_FINISHED
from qep_qiskit.cli.following import (
    confirm_on_terminal,
    device_of_run,
    finish,
    run_folder,
    saved_when_interrupted,
    spec_of,
)
from qep_qiskit.cli.options import json_option, run_argument
from qep_qiskit.cli.output import print_json, progress

WAIT_SECONDS = 15.0


@click.command("collect", short_help="Collect a run's results and take its next step.")
@run_argument
@click.option("--wait", is_flag=True, help="Wait until the run is finished, asking every 15 seconds.")
@click.option("--yes", is_flag=True, help="Do not ask before a further round is sent.")
@click.option("--resubmit", is_flag=True, help="Send jobs that failed or were cancelled again.")
@click.option(
    "--mitigation", metavar="METHOD", help="Read the stored counts again with another mitigation. Free: nothing is sent."
)
@json_option
def command(run: str, wait: bool, yes: bool, resubmit: bool, mitigation: str | None, as_json: bool) -> int:
    """Fetch what is ready, send the next round if there is one, and print the gradient once all is there.

    Exit code 3 means not finished yet, so that cron can call it until it is 0.
    """
    from qep_qiskit.cli.gradient_table import show
    from qep_qiskit.equilibrium.reduction import reduce
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle, read_again
    from qep_qiskit.runs.stored_results import measured
    from qep_qiskit.runs.verbs import ForeignDeviceError, refuse_training

    with RunStore.open(run_folder(run), write=True) as store, progress() as report:
        refuse_training(store)
        spec = spec_of(store)
        if mitigation is not None:
            gradient = read_again(store, spec, mitigation)
            print_json({**gradient.to_dict(), "run": str(store.folder), "state": "done"}) if as_json else show(gradient, None)
            return DONE
        try:
            device = device_of_run(store)
        except ForeignDeviceError:
            if not store.gradients():
                raise
            gradient = reduce(*measured(store, spec))
            print_json({**gradient.to_dict(), "run": str(store.folder), "state": "done"}) if as_json else show(gradient, None)
            return DONE
        life = Lifecycle(store, spec, device, confirm=confirm_on_terminal(yes, report), progress=report)
        if resubmit:
            life.resubmit()
        with saved_when_interrupted(store):
            while (code := finish(life, as_json=as_json, quiet=wait)) == NOT_FINISHED and wait:
                report("waiting for the device", None)
                time.sleep(WAIT_SECONDS)
        return code
