"""`qep devices`: the allowed values of device.name in a spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import console, print_json
from qep_qiskit.display import terminal_table


@click.command("devices")
@json_option
def command(as_json: bool) -> None:
    """List the devices on which circuits can run."""
    devices = _devices()
    if as_json:
        print_json({"devices": devices})
        return
    table = terminal_table("device.name", right=("qubits",))
    table.add_column("what it is")
    for device in devices:
        table.add_row(device["name"], "" if device["qubits"] is None else str(device["qubits"]), device["about"])
    console().print(table)


def _devices() -> list[dict[str, Any]]:
    from qep_qiskit.devices.simulated.snapshots import snapshot_classes
    from qep_qiskit.kinds import DEVICES

    named = [{"name": name, "qubits": None, "about": DEVICES.about(name)} for name in DEVICES]
    snapshot = {"about": "a snapshot of a real device: its layout, its gates and its noise"}
    return named + [{"name": name, "qubits": _qubits(cls), **snapshot} for name, cls in snapshot_classes().items()]


def _qubits(cls: type) -> int | None:
    """Return the number of qubits from the snapshot's configuration file; building the backend is a hundred times slower."""
    try:
        folder, name = Path(cls.dirname), cls.conf_filename  # type: ignore[attr-defined]
        return int(json.loads((folder / name).read_text(encoding="utf-8"))["n_qubits"])
    except (AttributeError, OSError, ValueError, KeyError, TypeError):
        return None
