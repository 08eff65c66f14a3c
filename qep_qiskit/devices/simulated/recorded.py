"""Records of a device's calibration on some of its qubits, from which its noise can be simulated later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.providers import BackendV2, QubitProperties
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer.backends.aerbackend import AerBackend

from qep_qiskit.devices.backends.described import DescribedBackend
from qep_qiskit.devices.simulated.snapshots import Snapshot, snapshot_of


def record_of(backend: BackendV2 | None, qubits: Collection[int]) -> dict[str, Any] | None:
    """Return the errors and durations of a backend's instructions on these qubits, as an object for JSON.

    None without a backend, or if its gates have no stated errors.
    """
    if backend is None or isinstance(backend, AerBackend):
        return None
    target, inside, gates = backend.target, set(qubits), get_standard_gate_name_mapping()
    instructions: dict[str, list[list[Any]]] = {}
    for name in target.operation_names:
        places = target[name]
        if name not in gates or not places or None in places:
            continue
        rows = [
            [list(wires), None if p is None else p.error, None if p is None else p.duration]
            for wires, p in sorted(places.items())
            if inside.issuperset(wires)
        ]
        if rows:
            instructions[name] = rows
    if all(error is None for rows in instructions.values() for wires, error, _ in rows if len(wires) > 1):
        return None
    snapshot, properties = snapshot_of(backend), target.qubit_properties
    times = {q: properties[q] for q in sorted(inside)} if properties is not None else {}
    return {
        "device": str(backend.name),
        "date": snapshot.calibrated,
        "num_qubits": target.num_qubits,
        "dt": target.dt,
        "instructions": instructions,
        "t1_t2_seconds": {str(q): None if each is None else [each.t1, each.t2] for q, each in times.items()},
        "readout": None if snapshot.readout is None else {str(q): list(snapshot.readout[q]) for q in sorted(inside)},
    }


def snapshot_from(record: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot of a device from a record; only the recorded qubits have gates."""
    count, gates = int(record["num_qubits"]), get_standard_gate_name_mapping()
    times = {int(q): pair for q, pair in record["t1_t2_seconds"].items() if pair is not None}
    properties = [QubitProperties(*times.get(q, (None, None))) for q in range(count)]
    target = Target(num_qubits=count, dt=record["dt"], qubit_properties=properties)
    for name, rows in record["instructions"].items():
        places = {tuple(wires): InstructionProperties(duration=duration, error=error) for wires, error, duration in rows}
        target.add_instruction(gates[name], places, name=name)
    readout = record["readout"]
    if readout is not None:
        readout = tuple(tuple(readout.get(str(q), (0.0, 0.0))) for q in range(count))
    return Snapshot(str(record["device"]), DescribedBackend(str(record["device"]), target), readout, str(record["date"]))
