"""`qep devices`: the allowed values of device.name in a spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import console, print_json
from qep_qiskit.display import terminal_table


@click.command("devices", epilog="Example: qep devices --json")
@json_option
def command(as_json: bool) -> None:
    """List the devices on which circuits can run."""
    from qep_qiskit.kinds import DEVICES

    kinds = [{"name": name, "qubits": None, "about": DEVICES.about(name)} for name in DEVICES]
    snapshots = _snapshots()
    if as_json:
        print_json({"devices": kinds + snapshots})
        return
    from rich.columns import Columns

    table = terminal_table("device.name")
    table.add_column("what it is")
    for kind in kinds:
        table.add_row(kind["name"], kind["about"])
    sizes = [f"{snapshot['name']} {snapshot['qubits'] or ''}" for snapshot in snapshots]
    out = console()
    out.print(table)
    out.print("\nSnapshots, with their numbers of qubits")
    out.print(Columns(sizes, padding=(0, 1), equal=True, column_first=True))


def _snapshots() -> list[dict[str, Any]]:
    from qep_qiskit.devices.simulated.snapshots import snapshot_classes

    meaning = "a snapshot of a real device: its layout, its gates and its noise"
    return [{"name": name, "qubits": _qubits(cls), "about": meaning} for name, cls in snapshot_classes().items()]


def _qubits(cls: type) -> int | None:
    """Return the number of qubits from the snapshot's configuration file; building the backend is a hundred times slower."""
    try:
        folder, name = Path(cls.dirname), cls.conf_filename  # type: ignore[attr-defined]
        return int(json.loads((folder / name).read_text(encoding="utf-8"))["n_qubits"])
    except (AttributeError, OSError, ValueError, KeyError, TypeError):
        return None
