"""Circuits compiled for a backend: the same states from fewer pulses, and no SWAP on native graphs."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator

import qep_qiskit as qep
from docs.gallery import ising_paulis
from qep_qiskit.ansatz.choice import build
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import compile_with, with_fewer_pulses


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
