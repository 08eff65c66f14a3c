"""`qep submit`: a run on a device, sent and left to itself."""

from __future__ import annotations

import click

from qep_qiskit.cli.following import confirm_on_terminal, finish, remote_device, saved_when_interrupted
from qep_qiskit.cli.options import SpecRequest, device_option, run_option, spec_options, yes_option
from qep_qiskit.cli.output import progress


@click.command("submit", short_help="Send a run to a device.")
@spec_options
@device_option
@run_option
@yes_option
def command(request: SpecRequest, as_json: bool, device_name: str | None, folder: str | None, yes: bool) -> int:
    """Plan a run, write it down, show what it costs, and send it.

    Every step is written before it is done: after a crash `qep collect RUN` goes on from there, and nothing is sent twice.
    """
    from qep_qiskit.experiment.settlement import settled_spec
    from qep_qiskit.runs.file.identity import new_identity
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle

    spec = request.load(device_name)
    device = remote_device(spec)
    device.ready()
    note = ""
    if spec.left_to_the_planner:
        with progress() as report:
            spec, note = settled_spec(spec, report)
    home = request.home(folder, dated=True)
    about = {"id": new_identity(home), "kind": "gradient", "device": device.name}
    if (service := device.describe().get("service")) is not None:
        about["service"] = str(service)
    with RunStore.create(home, note + spec.to_toml(), description=about) as store, progress() as report:
        life = Lifecycle(store, spec, device, confirm=confirm_on_terminal(yes, report), progress=report)
        with saved_when_interrupted(store):
            return finish(life, as_json=as_json)
