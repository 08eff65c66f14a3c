"""The gates that a measurement sees: the same outcomes from fewer gates."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, Statevector, random_statevector

from qep_qiskit.measurement.visible import COMMUTING, visible

PAULIS = {"X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}


def outcomes(circuit: QuantumCircuit, axes: str, start: Statevector) -> np.ndarray:
    turned = circuit.copy()
    for qubit, letter in enumerate(axes):
        if letter == "Y":
            turned.sdg(qubit)
        if letter != "Z":
            turned.h(qubit)
    return start.evolve(turned).probabilities()


@pytest.mark.parametrize("letter", COMMUTING)
def test_every_invisible_gate_commutes_with_the_measurement(letter):
    for name in COMMUTING[letter]:
        gate = get_standard_gate_name_mapping()[name].to_mutable()
        gate.params = [0.3 + k for k in range(len(gate.params))]
        matrix = Operator(gate).data
        for qubit in range(gate.num_qubits):
            axis = np.eye(1)
            for place in range(gate.num_qubits):
                axis = np.kron(PAULIS[letter] if place == qubit else np.eye(2), axis)
            np.testing.assert_allclose(matrix @ axis, axis @ matrix, atol=1e-12)


GATES = ("rx", "ry", "rz", "h", "x", "z", "s", "sx", "cx", "cz", "rzz", "rxx", "ryy", "crz")


def random_circuit(rng: np.random.Generator, num_qubits: int = 4, gates: int = 14) -> QuantumCircuit:
    circuit = QuantumCircuit(num_qubits)
    for name in rng.choice(GATES, gates):
        gate = get_standard_gate_name_mapping()[name].to_mutable()
        gate.params = list(rng.uniform(-3, 3, len(gate.params)))
        circuit.append(gate, rng.choice(num_qubits, gate.num_qubits, replace=False).tolist())
    return circuit


@pytest.mark.parametrize("axes", ["ZZZZ", "XXXX", "YYYY", "ZXYZ"])
def test_the_outcomes_of_random_circuits_stay_the_same(axes):
    rng, shorter = np.random.default_rng(5), 0
    for number in range(80):
        circuit = random_circuit(rng)
        rest = visible(circuit, axes)
        shorter += rest.num_nonlocal_gates() < circuit.num_nonlocal_gates()
        start = random_statevector(16, seed=number)
        np.testing.assert_allclose(outcomes(rest, axes, start), outcomes(circuit, axes, start), atol=1e-12)
    assert shorter > (0 if axes == "ZXYZ" else 1)


def test_gates_before_a_visible_gate_stay():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3)
    circuit.rzz(a, 0, 1)
    circuit.rx(0.1, 1)
    circuit.rzz(b, 1, 2)
    circuit.rz(0.2, 0)
    rest = visible(circuit, "ZZZ")
    assert [item.operation.name for item in rest.data] == ["rzz", "rx"] and set(rest.parameters) == {a}


def test_a_circuit_stays_as_it_is_unless_a_gate_on_two_qubits_is_invisible():
    circuit = QuantumCircuit(2)
    circuit.rzz(0.1, 0, 1)
    circuit.rx(0.2, [0, 1])
    assert visible(circuit, "ZZ") is circuit and visible(circuit, "XX") is circuit
    circuit.barrier()
    circuit.cz(0, 1)
    assert dict(visible(circuit, "ZZ").count_ops()) == {"rzz": 1, "rx": 2, "barrier": 1}
