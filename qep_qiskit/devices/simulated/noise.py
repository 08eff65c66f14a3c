"""Noise models of the qubits in use, and circuits cut down to those qubits."""

from __future__ import annotations

from collections.abc import Sequence

import rustworkx as rx
from qiskit.circuit import QuantumCircuit, QuantumRegister
from qiskit.providers import BackendV2, Options, QubitProperties
from qiskit.transpiler import Target
from qiskit_aer.noise import NoiseModel, ReadoutError

from qep_qiskit.devices.simulated.snapshots import Snapshot


class _Part(BackendV2):
    """Some qubits of a backend, as a backend of their own, so that Aer's own recipe makes the noise model."""

    def __init__(self, whole: BackendV2, qubits: Sequence[int]) -> None:
        super().__init__(name=f"{whole.name} part")
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
        self._target = target

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: object, **options: object) -> None:
        raise TypeError("a part of a backend only describes its noise")


def noise_of(snapshot: Snapshot, qubits: Sequence[int]) -> NoiseModel:
    """Return the noise of these device qubits, renumbered 0, 1, …

    Gate errors and relaxation by Aer's recipe from the calibration; readout errors with both flip probabilities where
    the snapshot has them (Aer's own recipe takes their mean).
    """
    model = NoiseModel.from_backend(_Part(snapshot.backend, qubits), readout_error=snapshot.readout is None)
    if snapshot.readout is not None:
        for wire, q in enumerate(qubits):
            up, down = snapshot.readout[q]
            model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [wire])
    return model


def cut_to_active(circuit: QuantumCircuit, keep: Sequence[int]) -> tuple[QuantumCircuit, tuple[int, ...]]:
    """Return the circuit on its active wires and `keep` only, and which wires those were."""
    position = {bit: i for i, bit in enumerate(circuit.qubits)}
    active = {position[q] for item in circuit.data if item.operation.name != "barrier" for q in item.qubits}
    wires = tuple(sorted(active | set(keep)))
    return cut_to(circuit, wires), wires


def cut_to(circuit: QuantumCircuit, wires: Sequence[int]) -> QuantumCircuit:
    """Return what happens on these wires, renumbered 0, 1, …, without barriers."""
    place = {circuit.qubits[wire]: i for i, wire in enumerate(wires)}
    small = QuantumCircuit(QuantumRegister(len(wires), "q"), *circuit.cregs, global_phase=circuit.global_phase)
    for item in circuit.data:
        if item.operation.name != "barrier" and all(q in place for q in item.qubits):
            small.append(item.operation, [place[q] for q in item.qubits], item.clbits)
    return small


def seen_wires(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Return the wires that matter to a measurement: those measured, and those that gates connect to them.

    A device's scheduler decouples every qubit that waits, those without any part in the circuit too.
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
