"""`qep submit`: the submission of a run to a device."""

from __future__ import annotations

import click

from qep_qiskit.cli.asking import ask_for_round
from qep_qiskit.cli.following import finish, saved_when_interrupted
from qep_qiskit.cli.options import SpecRequest, device_option, run_option, spec_options, yes_option
from qep_qiskit.progress import showing


@click.command(
    "submit",
    epilog="Example: qep submit noise.toml --device ibm_torino --run hardware_runs/first",
    short_help="Send a run to a device.",
)
@spec_options
@device_option
@run_option
@yes_option
def command(request: SpecRequest, as_json: bool, device_name: str | None, folder: str | None, yes: bool) -> int:
    """Plan a run, store it, show its price, and send it.

    Every step is recorded before it is done: after a crash `qep collect RUN` resumes, and nothing is sent twice.
    """
    from qep_qiskit.runs.new_run import begin
    from qep_qiskit.runs.verbs import remote

    spec = request.load(device_name)
    spec.refuse_training()
    device, home = remote(spec), request.home(folder, dated=True)
    with showing(lines=True) as report:
        life = begin(spec, device, home, confirm=ask_for_round(yes), progress=report)
        with life.store as store, saved_when_interrupted(store):
            return finish(life, as_json=as_json)
