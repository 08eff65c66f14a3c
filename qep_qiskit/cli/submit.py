"""`qep submit`: a run on a device, sent and left to itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from qep_qiskit.cli.following import confirm_on_terminal, finish, remote_device, saved_when_interrupted
from qep_qiskit.cli.options import load_spec, spec_options
from qep_qiskit.cli.output import progress


@click.command("submit", short_help="Send a run to a device.")
@spec_options
@click.option("--device", "name", metavar="NAME", help="Instead of the spec's device, such as ibm_torino.")
@click.option(
    "--run", "folder", type=click.Path(file_okay=False), help="The run's folder; a new one under hardware_runs/ where absent."
)
@click.option("--yes", is_flag=True, help="Do not ask before anything is sent.")
def command(
    spec_path: str, overrides: tuple[str, ...], seed: int | None, as_json: bool, name: str | None, folder: str | None, yes: bool
) -> int:
    """Plan a run, write it down, show what it costs, and send it.

    Every step is written before it is done: after a crash `qep collect RUN` goes on from there, and nothing is sent twice.
    """
    from qep_qiskit.experiment.settlement import settled_spec
    from qep_qiskit.runs.file.identity import new_identity
    from qep_qiskit.runs.file.store import RunStore
    from qep_qiskit.runs.lifecycle import Lifecycle

    chosen = overrides if name is None else (*overrides, f"device.name={name}")
    spec = load_spec(spec_path, chosen, seed)
    device = remote_device(spec)
    device.ready()
    note = ""
    if spec.left_to_the_planner:
        with progress() as report:
            spec, note = settled_spec(spec, report)
    started = datetime.now(UTC)
    home = Path("hardware_runs") / f"{Path(spec_path).stem}-{started:%Y%m%d-%H%M%S}" if folder is None else Path(folder)
    about = {"id": new_identity(home), "kind": "gradient", "device": device.name}
    if (service := device.describe().get("service")) is not None:
        about["service"] = str(service)
    with RunStore.create(home, note + spec.to_toml(), description=about) as store, progress() as report:
        life = Lifecycle(store, spec, device, confirm=confirm_on_terminal(yes, report), progress=report)
        with saved_when_interrupted(store):
            return finish(life, as_json=as_json)
