"""`qep collect`: the retrieval of a run's results, and its next step."""

from __future__ import annotations

import time

import click

from qep_qiskit.cli.asking import ask_for_round
from qep_qiskit.cli.endings import DONE, NOT_FINISHED
from qep_qiskit.cli.following import finish, saved_when_interrupted
from qep_qiskit.cli.options import json_option, run_argument
from qep_qiskit.cli.output import print_json
from qep_qiskit.progress import showing
from qep_qiskit.runs.file.folders import find_run

WAIT_SECONDS = 15.0


@click.command(
    "collect",
    epilog="Example: qep collect hardware_runs/first --mitigation none",
    short_help="Collect a run's results and take its next step.",
)
@run_argument
@click.option("--wait", is_flag=True, help="Wait until the run is finished, asking every 15 seconds.")
@click.option("--yes", is_flag=True, help="Do not ask before a further round is sent.")
@click.option("--resubmit", is_flag=True, help="Send jobs that failed or were cancelled again.")
@click.option(
    "--mitigation", metavar="METHOD", help="Read the stored counts again with another mitigation. Free: nothing is sent."
)
@json_option
def command(run: str, wait: bool, yes: bool, resubmit: bool, mitigation: str | None, as_json: bool) -> int:
    """Fetch available results, send the next round if there is one, and print the gradient if the run is finished.

    Exit code 3 means not finished yet, so that cron can repeat the command until the code is 0.
    """
    from qep_qiskit.cli.gradient_table import show
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle
    from qep_qiskit.runs.verbs import device_of, kept_gradient, refuse_others, spec_of

    with RunStore.open(find_run(run), write=True) as store, showing(lines=True) as report:
        refuse_others(store)
        gradient = kept_gradient(store, mitigation)
        if gradient is not None:
            print_json({**gradient.to_dict(), "run": str(store.folder), "state": "done"}) if as_json else show(gradient, None)
            return DONE
        life = Lifecycle(store, spec_of(store), device_of(store), confirm=ask_for_round(yes), progress=report)
        if resubmit:
            life.resubmit()
        with saved_when_interrupted(store):
            while (code := finish(life, as_json=as_json, quiet=wait)) == NOT_FINISHED and wait:
                report("waiting for the device", None)
                time.sleep(WAIT_SECONDS)
        return code
