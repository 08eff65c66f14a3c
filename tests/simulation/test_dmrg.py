"""The renormalisation group and its operators against dense matrices."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_pauli_list

from qep_qiskit.simulation import dmrg
from qep_qiskit.simulation.chain_order import chain_order
from qep_qiskit.simulation.mps import TensorSolver

N = 6


def strings_of(paulis):
    """Places are qubits."""
    labels = [label[::-1] for label in paulis.to_labels()]
    return [[(q, letter) for q, letter in enumerate(label) if letter != "I"] for label in labels]


def dense_operator(chain):
    tensor = np.ones((1, 1, 1))
    for w in chain:
        tensor = np.einsum("abv,vwpq->apbqw", tensor, w)
        tensor = tensor.reshape(tensor.shape[0] * 2, -1, tensor.shape[-1])
    return tensor[:, :, 0]


def big_endian(paulis, coefficients):
    return SparsePauliOp([label[::-1] for label in paulis.to_labels()], coefficients).to_matrix()


@pytest.mark.parametrize("seed", range(3))
def test_operators_are_their_dense_sums(seed):
    paulis = random_pauli_list(N, 25, seed=seed, phase=False)
    coefficients = np.random.default_rng(seed).normal(size=25)
    shifts = np.random.default_rng(seed + 9).normal(size=25)
    chain = dmrg.operator(strings_of(paulis), coefficients.tolist(), N)
    np.testing.assert_allclose(dense_operator(chain), big_endian(paulis, coefficients), atol=1e-12)
    moved = dmrg.operator(strings_of(paulis), coefficients.tolist(), N, shifts=shifts.tolist())
    wanted = big_endian(paulis, coefficients) - shifts.sum() * np.eye(2**N)
    np.testing.assert_allclose(dense_operator(moved), wanted, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_lowest_states_are_those_of_the_matrix(seed):
    paulis = random_pauli_list(N, 25, seed=seed, phase=False)
    coefficients = np.random.default_rng(seed).normal(size=25)
    energies = np.linalg.eigvalsh(SparsePauliOp(paulis, coefficients).to_matrix())
    solver = TensorSolver(paulis, 8)
    ground = solver.ground_state(coefficients)
    assert ground.energy == pytest.approx(energies[0], abs=1e-9) and ground.variance < 1e-9
    excited = solver.ground_state(coefficients, orthogonal_to=ground, seed=3)
    assert excited.energy == pytest.approx(energies[1], abs=1e-6)
    assert ground.overlap(excited) < 1e-5
    state, means = ground.dense(), ground.expectations(paulis)
    dense = [np.vdot(state, SparsePauliOp(p).to_matrix() @ state).real for p in paulis]
    np.testing.assert_allclose(means, dense, atol=1e-10)


def test_an_orthogonal_state_stays_orthogonal_if_all_energies_are_positive():
    """The projected operator then has its lowest eigenvalue, zero, in the state that is to be avoided."""
    constant = 300.0
    paulis = random_pauli_list(5, 12, seed=4, phase=False)
    coefficients = np.random.default_rng(4).normal(size=12)
    energies = np.linalg.eigvalsh(SparsePauliOp(paulis, coefficients).to_matrix())
    operator = dmrg.operator([*strings_of(paulis), []], [*coefficients.tolist(), constant], 5)
    start = dmrg.product_chain(np.random.default_rng(1).uniform(0.2, 2.9, 5))
    options = {"bond_dimension": 8, "max_sweeps": 30, "accuracy": dmrg.Accuracy(), "noisy": True}
    ground = dmrg.lowest(start, operator, **options)[0]
    energy = dmrg.lowest(start, operator, **options, orthogonal_to=ground)[1]
    assert energy - constant == pytest.approx(energies[1], abs=1e-5)


def test_a_truncated_state_reports_its_variance_and_keeps_its_size():
    paulis = random_pauli_list(8, 40, seed=5, phase=False)
    coefficients = np.random.default_rng(5).normal(size=40)
    state = TensorSolver(paulis, 3).ground_state(coefficients)
    matrix, vector = SparsePauliOp(paulis, coefficients).to_matrix(), state.dense()
    mean = np.vdot(vector, matrix @ vector).real
    assert state.energy == pytest.approx(mean, abs=1e-9) and state.bond_dimension == 3 and state.truncation > 1e-6
    assert state.variance == pytest.approx(np.linalg.norm(matrix @ vector) ** 2 - mean**2, rel=1e-6)


def test_two_sites():
    paulis = random_pauli_list(2, 6, seed=1, phase=False)
    coefficients = np.random.default_rng(1).normal(size=6)
    energies = np.linalg.eigvalsh(SparsePauliOp(paulis, coefficients).to_matrix())
    solver = TensorSolver(paulis, 2)
    ground = solver.ground_state(coefficients)
    assert ground.energy == pytest.approx(energies[0], abs=1e-10)
    assert solver.ground_state(coefficients, orthogonal_to=ground).energy == pytest.approx(energies[1], abs=1e-8)


def test_a_start_at_the_solution_is_left_after_two_sweeps():
    paulis = random_pauli_list(N, 25, seed=0, phase=False)
    coefficients = np.random.default_rng(0).normal(size=25)
    solver = TensorSolver(paulis, 8)
    ground = solver.ground_state(coefficients)
    again = solver.ground_state(coefficients, start=ground)
    assert again.sweeps == 2 and again.overlap(ground) == pytest.approx(1, abs=1e-10)


def test_a_ladder_is_ordered_rung_by_rung():
    """Rows of a ladder one after the other would let every rung cross the middle."""
    n, labels = 16, []
    for i in range(7):
        labels += [(i, i + 1), (8 + i, 9 + i)]
    labels += [(i, 8 + i) for i in range(8)]
    strings = SparsePauliOp.from_sparse_list([("ZZ", pair, 1.0) for pair in labels], num_qubits=n).paulis
    place = np.argsort(chain_order(strings))
    assert max(abs(int(place[i]) - int(place[8 + i])) for i in range(8)) <= 3
