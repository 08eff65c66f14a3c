"""Circuits that load any state vector."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator, Statevector

from qep_qiskit.preparation.state_loader import loading_circuit


def loaded(structure):
    for values in structure.values:
        bound = structure.circuit.assign_parameters(dict(zip(structure.circuit.parameters, values, strict=True)))
        yield Statevector(bound).data


@pytest.mark.parametrize("num_qubits", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("real", [True, False])
def test_states_of_any_signs_and_phases(num_qubits, real):
    rng = np.random.default_rng(num_qubits)
    states = rng.normal(size=(3, 2**num_qubits)) + (0 if real else 1j * rng.normal(size=(3, 2**num_qubits)))
    states[1, rng.random(2**num_qubits) < 0.4] = 0.0
    states[1, 0] = 1.0
    states[2] = np.where(np.arange(2**num_qubits) == 2**num_qubits - 1, -1.0, 1e-17)
    states /= np.linalg.norm(states, axis=1)[:, None]
    structure = loading_circuit(states.astype(complex))
    for state, vector in zip(states, loaded(structure), strict=True):
        assert abs(np.vdot(state, vector)) == pytest.approx(1, abs=1e-12)
    assert structure.circuit.num_parameters == (1 if real else 2) * (2**num_qubits - 1)
    assert structure.circuit.count_ops().get("cx", 0) == (1 if real else 2) * (2**num_qubits - 2)


def test_all_states_of_a_size_share_one_circuit():
    states = np.eye(8)[:2]
    assert loading_circuit(states).circuit is loading_circuit(states[::-1]).circuit


def test_a_real_state_needs_no_phases():
    structure = loading_circuit(np.array([[0.6, 0, 0, -0.8]]))
    bound = structure.circuit.assign_parameters(dict(zip(structure.circuit.parameters, structure.values[0], strict=True)))
    np.testing.assert_allclose(Operator(bound).data[:, 0], [0.6, 0, 0, -0.8], atol=1e-12)
