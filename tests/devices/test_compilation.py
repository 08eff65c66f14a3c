"""Circuits compiled for a backend: the same states from fewer pulses, and no SWAP on native graphs."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit.transpiler import CouplingMap, Target
from qiskit_aer import AerSimulator

import qep_qiskit as qep
from docs.gallery import ising_paulis
from qep_qiskit.ansatz.choice import build
from qep_qiskit.devices import BackendDevice
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import compile_with, with_fewer_pulses
from qep_qiskit.errors import InputError


@pytest.mark.parametrize("edges", ["chain", "ring", "heavy-hex"])
def test_the_order_of_qubits_in_a_coupling_does_not_change_the_state(edges):
    circuit = build("hamiltonian", num_qubits=6, paulis=ising_paulis(edges, 6), layers=2)
    angles = np.random.default_rng(1).uniform(-3, 3, circuit.num_parameters)
    before, after = (Operator(c.assign_parameters(angles)) for c in (circuit, with_fewer_pulses(circuit)))
    np.testing.assert_allclose(after.data, before.data, atol=1e-12)


def test_a_graph_that_does_not_divide_into_two_classes_is_left_as_it_is():
    circuit = build("hamiltonian", num_qubits=3, paulis=ising_paulis("ring", 3), layers=1)
    assert with_fewer_pulses(circuit) is circuit


def test_a_chain_needs_two_cz_per_coupling_no_swap_and_a_fifth_fewer_pulses(monkeypatch):
    backend = backend_of(qep.fake("torino"))
    circuit = build("hamiltonian", num_qubits=10, paulis=ising_paulis("chain", 10), layers=3)
    now = compile_with(backend, circuit, None)
    monkeypatch.setattr("qep_qiskit.devices.compilation.with_fewer_pulses", lambda circuit: circuit)
    before = compile_with(backend, circuit, None)
    counts = [{**each.circuit.count_ops()} for each in (now, before)]
    assert counts[0]["cz"] == counts[1]["cz"] == 2 * 9 * 3 and now.start == now.qubits
    assert counts[0]["sx"] < 0.87 * counts[1]["sx"]


def equipped(measured, rotated):
    """Return a line of six qubits, of which some have a measurement and some have one-qubit gates."""
    backend = GenericBackendV2(6, coupling_map=CouplingMap.from_line(6), seed=1, noise_info=False)
    target = Target(num_qubits=6)
    for name in backend.target.operation_names:
        places = {"measure": measured, "cx": range(6)}.get(name, rotated)
        target.add_instruction(
            backend.target.operation_from_name(name),
            {qubits: each for qubits, each in backend.target[name].items() if qubits and set(qubits) <= set(places)},
        )
    backend._target = target
    backend.run = AerSimulator().run
    return backend


@pytest.mark.parametrize(("measured", "rotated"), [((3, 4, 5), range(6)), (range(6), (0, 1, 2)), ((1, 3, 4, 5), (0, 2, 3, 4, 5))])
def test_qubits_without_a_measurement_or_gates_are_left_out(measured, rotated):
    network = qep.ising(sites=3, inputs=[0], outputs=[2])
    options = {"preparer": qep.Exact(), "stencil": qep.symmetric(0.2), "shots": 100, "seed": 1}
    backend = equipped(measured, rotated)
    for each in (network, qep.ising(sites=3, edges="native", device=backend, inputs=[0], outputs=[2])):
        problem = qep.Problem(each, each.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
        gradient = qep.gradient(problem, device=backend, **options)
        used = {qubit for circuit in gradient.provenance["circuits"] for qubit in circuit["qubits"]}
        assert used and used <= set(measured) & set(rotated)


def test_a_target_without_gates_is_one_line():
    backend = GenericBackendV2(3, noise_info=False)
    backend._target = Target(num_qubits=3)
    with pytest.raises(InputError, match="has no gates in its target"):
        BackendDevice(backend).compile(QuantumCircuit(2))
