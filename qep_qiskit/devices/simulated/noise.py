"""Noise models for the qubits in use, and circuits reduced to those qubits."""

from __future__ import annotations

from collections.abc import Sequence

import rustworkx as rx
from qiskit.circuit import QuantumCircuit, QuantumRegister
from qiskit.providers import BackendV2, QubitProperties
from qiskit.transpiler import Target
from qiskit_aer.noise import NoiseModel, ReadoutError

from qep_qiskit.devices.backends.described import DescribedBackend
from qep_qiskit.devices.simulated.snapshots import Snapshot


def _part_of(whole: BackendV2, qubits: Sequence[int]) -> DescribedBackend:
    """Return a backend of only some qubits of another one, for which Aer can create a noise model."""
    place = {q: i for i, q in enumerate(qubits)}
    properties = whole.target.qubit_properties
    target = Target(
        num_qubits=len(qubits),
        dt=whole.target.dt,
        qubit_properties=None if properties is None else [properties[q] or QubitProperties() for q in qubits],
    )
    for name in whole.target.operation_names:
        instructions = whole.target[name]
        if not instructions or None in instructions:
            continue
        inside = {tuple(place[q] for q in qargs): p for qargs, p in instructions.items() if set(qargs) <= set(place)}
        if inside:
            target.add_instruction(whole.target.operation_from_name(name), inside, name=name)
    return DescribedBackend(f"{whole.name} part", target)


def noise_of(snapshot: Snapshot, qubits: Sequence[int]) -> NoiseModel:
    """Return the noise of these device qubits, renumbered 0, 1, …

    Aer computes gate errors and relaxation from the calibration. Readout errors use both flip probabilities if the snapshot
    has them (Aer uses their mean).
    """
    model = NoiseModel.from_backend(_part_of(snapshot.backend, qubits), readout_error=snapshot.readout is None)
    if snapshot.readout is not None:
        add_readout_errors(model, snapshot.readout, qubits)
    return model


def add_readout_errors(model: NoiseModel, readout: Sequence[tuple[float, float]], qubits: Sequence[int]) -> None:
    """Add the readout errors of these device qubits, renumbered 0, 1, …, from the two flip probabilities of every qubit."""
    for wire, q in enumerate(qubits):
        up, down = readout[q]
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [wire])


def active_wires(circuit: QuantumCircuit) -> set[int]:
    """Return the wires on which a circuit acts."""
    position = {bit: i for i, bit in enumerate(circuit.qubits)}
    return {position[q] for item in circuit.data if item.operation.name != "barrier" for q in item.qubits}


def cut_to(circuit: QuantumCircuit, wires: Sequence[int]) -> QuantumCircuit:
    """Return the part of a circuit on these wires, renumbered 0, 1, …, without barriers."""
    place = {circuit.qubits[wire]: i for i, wire in enumerate(wires)}
    small = QuantumCircuit(QuantumRegister(len(wires), "q"), *circuit.cregs, global_phase=circuit.global_phase)
    for item in circuit.data:
        if item.operation.name != "barrier" and all(q in place for q in item.qubits):
            small.append(item.operation, [place[q] for q in item.qubits], item.clbits)
    return small


def seen_wires(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Return the wires that affect a measurement: the measured ones and those connected to them by gates.

    Other wires may have gates, since a device's scheduler decouples every idle qubit.
    """
    position = {bit: i for i, bit in enumerate(circuit.qubits)}
    graph = rx.PyGraph()
    graph.add_nodes_from(range(circuit.num_qubits))
    measured = set()
    for item in circuit.data:
        if item.operation.name == "barrier":
            continue
        wires = [position[q] for q in item.qubits]
        graph.add_edges_from_no_data([(wires[0], wire) for wire in wires[1:]])
        if item.clbits:
            measured |= set(wires)
    return tuple(sorted(set().union(*(part for part in rx.connected_components(graph) if part & measured))))
