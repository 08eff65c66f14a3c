"""The damping of Pauli strings that is predicted from their exposure, compared with that of a density matrix."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Pauli, Statevector
from qiskit_aer.noise import NoiseModel, depolarizing_error

import qep_qiskit as qep
from qep_qiskit.devices.layout.exposure import Reading, exposure_of


def damped(circuit, label, error):
    """⟨P⟩ with depolarising errors of this average infidelity after each CX, over ⟨P⟩ without, by a dense calculation."""
    state = DensityMatrix.from_label("0" * circuit.num_qubits)
    for item in circuit.data:
        qubits = [circuit.find_bit(q).index for q in item.qubits]
        state = state.evolve(item.operation, qubits)
        if len(qubits) == 2:
            state = state.evolve(depolarizing_error(4 / 3 * error, 2).to_quantumchannel(), qubits)
    return state.expectation_value(Pauli(label)).real / Statevector(circuit).expectation_value(Pauli(label)).real


def test_clifford_circuits_are_damped_as_predicted():
    circuit = QuantumCircuit(4)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.cx(3, 2)
    labels = ["IZZI", "IIZZ", "ZIII", "IXXX"]
    exposure = exposure_of([Reading(circuit, labels, np.ones(4))], ["cx"])
    couplings = dict(zip(exposure.pairs, exposure.coupling.T, strict=True))
    predicted = np.exp(-1e-3 * sum(couplings.values()))
    for k, label in enumerate(labels):
        assert 1 - predicted[k] == pytest.approx(1 - damped(circuit, label, 1e-3), rel=5e-3)
    # the last gate is not in the cone of Z on qubits 0 and 1
    assert couplings[2, 3][1] == 0.0


def test_readout_damps_every_letter_of_a_string():
    circuit = QuantumCircuit(3)
    circuit.rx(0.2, 0)
    exposure = exposure_of([Reading(circuit, ["IZZ", "XII"], np.ones(2))])
    np.testing.assert_array_equal(exposure.readout, [[2, 2, 0], [0, 0, 2]])
    np.testing.assert_array_equal(exposure.single[:, 1:], 0.0)
    assert exposure.single[0, 0] == 4.0 and exposure.pairs == ()  # an rx is two √X of two


def test_circuits_of_large_gates_have_no_exposure():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    assert exposure_of([Reading(circuit, ["ZII"], np.ones(1))]) is None


def test_noise_of_a_vqe_circuit_is_predicted_within_a_fifth():
    network = qep.ising(sites=6, edges="chain", outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=4), cost=qep.SquaredError([1.0]).observable())
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(4 / 3 * 0.003, 2), "cx")
    options = {"preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.3)}
    noisy, exact = (qep.gradient(problem, device=qep.simulator(noise=n), **options) for n in (model, None))
    from qep_qiskit.equilibrium.importance import importance_of, readings_of
    from qep_qiskit.equilibrium.plan import plan
    from qep_qiskit.settings import Settings

    first = plan(problem, Settings(**options))
    [structure] = first.prepared.circuits()
    exposure = exposure_of(readings_of(first, structure.circuit, importance_of(first, shared=False)), ["rz", "sx", "x", "cx"])
    predicted = float(exposure.error(0.003 * exposure.coupling.sum(axis=1)))
    true = np.linalg.norm(noisy.values - exact.values) / np.linalg.norm(exact.values)
    assert predicted == pytest.approx(true, rel=0.2)
