"""States, energies and expectations of several families at once against dense matrices."""

import numpy as np
import pytest
from preparer_contract import ising_problem, nudged_family, problem_with_y
from qiskit.quantum_info import random_statevector

from qep_qiskit.preparation import found_states as module
from qep_qiskit.preparation.found_states import found_states


@pytest.mark.parametrize("most", [10, 1], ids=["together", "one by one"])
@pytest.mark.parametrize("problem", [ising_problem(), problem_with_y()], ids=["real", "complex"])
def test_they_are_those_of_a_dense_calculation(problem, most, monkeypatch):
    monkeypatch.setattr(module, "MOST_QUBITS", most)
    families = [nudged_family(problem, betas) for betas in ((0.0, 0.1, -0.2), (0.3,))]
    vectors = np.array([random_statevector(8, seed=k).data for k in range(4)])

    def states(angles):
        return vectors[angles[:, 0].astype(int)]

    results = found_states(states, families, [np.array([[0.0], [1.0], [2.0]]), np.array([[3.0]])])
    paulis = problem.frame.paulis
    for family, found, rows in zip(families, results, (vectors[:3], vectors[3:]), strict=True):
        np.testing.assert_array_equal(found.rows, rows)
        for p, state in enumerate(rows):
            matrix = family.hamiltonian(p).to_matrix()
            energy = np.vdot(state, matrix @ state).real
            assert found.energies[p] == pytest.approx(energy, abs=1e-12)
            assert found.variances[p] == pytest.approx(np.vdot(state, matrix @ matrix @ state).real - energy**2, abs=1e-10)
        expected = [[np.vdot(state, pauli.to_matrix() @ state).real for pauli in paulis] for state in rows]
        np.testing.assert_allclose(found.expectations(paulis), expected, atol=1e-12)
        np.testing.assert_allclose(found.expectations(paulis[1:3]), np.array(expected)[:, 1:3], atol=1e-12)
