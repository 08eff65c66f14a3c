"""Folded circuits do the same with more gates, in the same gates."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

import qep_qiskit as qep
from qep_qiskit.devices import Compiled
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation.folding import folded


def compiled():
    circuit = QuantumCircuit(3)
    for q in range(3):
        circuit.ry(Parameter(f"theta_{q:03d}"), q)
    circuit.cx(0, 1)
    circuit.rzz(0.4, 1, 2)
    circuit.h(2)
    ready = transpile(circuit, basis_gates=["rz", "sx", "x", "cz"], optimization_level=1)
    ready.metadata = {"active": [0, 1, 2]}
    return Compiled(ready, (0, 1, 2), (4, 5, 6), (4, 5, 6))


@pytest.mark.parametrize("folding", ["global", "two_qubit"])
@pytest.mark.parametrize("factor", [1, 3, 5])
def test_the_unitary_stays_and_the_two_qubit_gates_multiply(folding, factor):
    before = compiled()
    after = folded(before, factor, folding)
    angles = [0.3, 1.2, -0.7]
    assert [p.name for p in after.circuit.parameters] == [p.name for p in before.circuit.parameters]
    one, other = (Operator(c.circuit.assign_parameters(angles)) for c in (before, after))
    assert one.equiv(other)
    ops, folded_ops = before.circuit.count_ops(), after.circuit.count_ops()
    assert set(folded_ops) == set(ops)
    assert folded_ops["cz"] == factor * ops["cz"]
    assert folded_ops["sx"] == (factor if folding == "global" else 1) * ops["sx"]
    assert after.qubits == before.qubits and after.circuit.metadata == before.circuit.metadata


def test_a_snapshots_gates_are_kept():
    device = qep.fake("fake_manila")
    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.cx(0, 1)
    circuit.s(1)
    before = device.compile(circuit)
    after = folded(before, 3, "global")
    assert set(after.circuit.count_ops()) <= set(before.circuit.count_ops()) | {"rz"}


def test_circuits_without_an_inverse_are_refused():
    circuit = QuantumCircuit(1)
    circuit.reset(0)
    with pytest.raises(InputError, match="cannot fold"):
        folded(Compiled(circuit, (0,), (0,), (0,)), 3, "global")


@pytest.mark.filterwarnings("ignore:the ansatz does not follow the nudge")
def test_the_noise_grows_with_the_factor():
    from qiskit_aer.noise import NoiseModel, depolarizing_error

    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, [1.0, 0.2, 0.1, 0.8, 0.6], x=[0.5], cost=qep.SquaredError([1.0]).observable())
    raw = qep.gradient(problem, preparer=qep.VQE(layers=1), device=qep.simulator(noise=model))
    gradient = qep.gradient(problem, preparer=qep.VQE(layers=1), device=qep.simulator(noise=model), mitigation="zne:richardson")
    exact = qep.gradient(problem, preparer=qep.VQE(layers=1))
    assert np.linalg.norm(gradient.values - exact.values) < 0.1 * np.linalg.norm(raw.values - exact.values)
