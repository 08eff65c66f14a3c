"""Ground states and gaps against dense diagonalisation."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_pauli_list

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.eigen import lanczos
from qep_qiskit.simulation.eigen.lanczos import ground_state, lowest
from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum


def ising(num_qubits, edges, h, g, coupling=-1.0):
    n = num_qubits
    h, g = np.broadcast_to(h, n), np.broadcast_to(g, n)
    terms = [("ZZ", list(e), coupling) for e in edges]
    terms += [("Z", [i], -h[i]) for i in range(n)] + [("X", [i], -g[i]) for i in range(n)]
    return SparsePauliOp.from_sparse_list(terms, n)


def ring(num_qubits):
    return [(i, (i + 1) % num_qubits) for i in range(num_qubits)]


def glass(num_qubits, seed):
    rng = np.random.default_rng(seed)
    op = ising(num_qubits, ring(num_qubits), rng.uniform(-0.5, 0.5, num_qubits), rng.uniform(0.5, 1.5, num_qubits))
    signs = rng.uniform(-1, 1, len(op))
    signs[num_qubits * 2 :] = rng.choice([-1, 1], num_qubits)
    return SparsePauliOp(op.paulis, op.coeffs * signs)


def dense(op):
    matrix = op.to_matrix()
    return matrix if np.any(matrix.imag) else matrix.real


def check(op, ground, accuracy=1e-9):
    matrix = dense(op)
    energies, vectors = np.linalg.eigh(matrix)
    scale = np.abs(energies).max()
    assert ground.energy == pytest.approx(energies[0], abs=1e-12 * scale)
    assert ground.gap == pytest.approx(energies[1] - energies[0], rel=2e-3, abs=1e-8 * scale)
    assert np.linalg.norm(ground.vector) == pytest.approx(1, abs=1e-13)
    assert ground.residual == pytest.approx(np.linalg.norm(matrix @ ground.vector - ground.energy * ground.vector), abs=1e-12)
    exact = vectors[:, 0]
    assert abs(np.vdot(exact, ground.vector)) == pytest.approx(1, abs=accuracy)
    paulis = op.paulis
    ours, right = PauliStructure(paulis).expectations(np.array([ground.vector, exact]))
    np.testing.assert_allclose(ours, right, atol=accuracy)


@pytest.mark.parametrize("num_qubits", [1, 2, 3, 5, 7, 8, 9])
@pytest.mark.parametrize("seed", [0, 1])
def test_random_ising_networks(num_qubits, seed):
    op = glass(max(num_qubits, 3), seed) if num_qubits > 2 else ising(num_qubits, [], 0.3, 1.1)
    compiled = PauliSum.from_operator(op)
    ground = ground_state(compiled)
    check(op, ground)
    assert ground.vector.dtype == float
    assert ground.vector[np.abs(ground.vector).argmax()] > 0


@pytest.mark.parametrize("num_qubits", [4, 8, 9])
def test_random_hamiltonians_with_y_are_complex(num_qubits):
    paulis = random_pauli_list(num_qubits, 40, seed=num_qubits, phase=False)
    op = SparsePauliOp(paulis, np.random.default_rng(1).normal(size=len(paulis)))
    ground = ground_state(PauliSum.from_operator(op))
    check(op, ground)
    assert ground.vector.dtype == complex
    largest = ground.vector[np.abs(ground.vector).argmax()]
    assert largest.imag == pytest.approx(0, abs=1e-15)
    assert largest.real > 0


@pytest.mark.parametrize("num_qubits", [6, 8, 9])
def test_a_degenerate_ground_state_shows_as_a_gap_of_zero(num_qubits):
    chain = ring(num_qubits)
    for op in (
        ising(num_qubits, chain, 0.0, 0.0),
        ising(num_qubits, [e for e in chain if 0 not in e], 0.0, [0.0, *[2.0] * (num_qubits - 1)]),
        ising(num_qubits, chain, 0.0, [0.0, *[0.3] * (num_qubits - 1)]),
    ):
        ground = ground_state(PauliSum.from_operator(op))
        assert ground.gap < 1e-7 * num_qubits
        assert ground.energy == pytest.approx(np.linalg.eigvalsh(dense(op))[0], abs=1e-8)


@pytest.mark.parametrize("field", [0.05, 0.1, 0.25])
def test_a_symmetric_ferromagnet_is_nearly_degenerate(field):
    op = ising(10, ring(10), 0.0, field)
    exact = np.linalg.eigvalsh(dense(op))
    ground = ground_state(PauliSum.from_operator(op))
    assert ground.energy == pytest.approx(exact[0], abs=1e-9)
    assert ground.gap == pytest.approx(exact[1] - exact[0], rel=2e-3, abs=1e-7)


@pytest.mark.parametrize("bias", [1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("start", [False, True])
def test_two_close_levels_are_resolved(bias, start):
    op = ising(9, ring(9), bias, 0.4)
    flipped = ising(9, ring(9), -10 * bias, 0.4)
    guess = ground_state(PauliSum.from_operator(flipped)).vector if start else None
    check(op, ground_state(PauliSum.from_operator(op), start=guess), accuracy=1e-7)


def test_a_level_crossing_is_found_from_a_start_on_the_wrong_side():
    before, after = (PauliSum.from_operator(ising(9, ring(9), h, 0.0) + SparsePauliOp("IIIIIIIXX", 0.01)) for h in (0.1, -0.1))
    wrong = ground_state(before).vector
    assert ground_state(after, start=wrong, gap=False).energy == pytest.approx(lowest(after, 1)[0][0], abs=1e-10)


def test_a_warm_start_saves_products_and_does_not_change_the_result():
    op = glass(10, 3)
    cold = ground_state(PauliSum.from_operator(op), gap=False)
    assert np.isnan(cold.gap)
    nudged = PauliSum.from_operator(op + SparsePauliOp.from_sparse_list([("Z", [4], 0.02)], 10))
    warm, again = (ground_state(nudged, start=s, gap=False) for s in (cold.vector, None))
    assert warm.products < again.products
    np.testing.assert_allclose(warm.vector, again.vector, atol=2e-9)


def test_the_same_seed_gives_the_same_bits():
    op = PauliSum.from_operator(glass(9, 1))
    assert np.array_equal(ground_state(op).vector, ground_state(op).vector)


def test_basis_vectors_that_do_not_fit_in_memory_are_recomputed(monkeypatch):
    op = PauliSum.from_operator(glass(9, 2))
    stored = ground_state(op)
    monkeypatch.setattr(lanczos, "BASIS_BYTES", 10 * 8 * 2**9)
    second_pass = ground_state(op)
    assert second_pass.products > stored.products
    np.testing.assert_allclose(second_pass.vector, stored.vector, atol=1e-11)


@pytest.mark.parametrize("num_qubits", [5, 8])
def test_lowest_states(num_qubits):
    op = glass(num_qubits, 4)
    energies, vectors = lowest(PauliSum.from_operator(op), 3)
    matrix = dense(op)
    np.testing.assert_allclose(energies, np.linalg.eigvalsh(matrix)[:3], atol=1e-10)
    np.testing.assert_allclose(vectors @ matrix.T, energies[:, None] * vectors, atol=1e-8)


@pytest.mark.parametrize("identity", [0.0, 2.5])
def test_a_constant_operator_is_allowed(identity):
    ground = ground_state(PauliSum.from_operator(SparsePauliOp(["I" * 9, "X" + "I" * 8], [identity, 0.0])))
    assert (ground.energy, ground.gap) == (identity, 0.0)


@pytest.mark.parametrize("start", [np.zeros(256), np.ones(128), np.full(256, np.nan)])
def test_a_wrong_start_is_named(start):
    with pytest.raises(InputError, match="start vector"):
        ground_state(PauliSum.from_operator(glass(8, 0)), start=start)


HARD = {
    "two wells that tunnel": (0.0, 0.1, 1.0),
    "two wells, one a little deeper": (1e-4, 0.1, 1.0),
    "frustrated": (0.0, 0.5, -1.0),
    "a glass without fields": (0.0, 0.4, None),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("seed", range(6))
def test_nearly_degenerate_levels_are_found(name, seed):
    h, g, coupling = HARD[name]
    rng = np.random.default_rng(seed)
    n = 10
    edges = [(i, j) for i in range(n) for j in range(i) if rng.random() < 3 / n]
    op = ising(n, edges, h, g)
    if coupling is None:
        signs = np.where(np.arange(len(op)) < len(edges), rng.choice([-1, 1], len(op)), 1)
        op = SparsePauliOp(op.paulis, op.coeffs * signs)
    else:
        op = SparsePauliOp(op.paulis, np.where(np.arange(len(op)) < len(edges), -coupling, op.coeffs))
    compiled = PauliSum.from_operator(op)
    energies, _ = lowest(compiled, 2)
    for other in range(4):
        ground = ground_state(compiled, seed=other)
        assert ground.energy == pytest.approx(energies[0], abs=1e-10)
        assert ground.gap == pytest.approx(energies[1] - energies[0], rel=1e-2, abs=1e-7)


def test_levels_that_do_not_separate_to_machine_precision_are_found_with_more_vectors():
    rng = np.random.default_rng(53)  # ARPACK with 20 vectors and no tolerance gives this one up
    edges = [(i, j) for i in range(10) for j in range(i) if rng.random() < 3 / 10]
    op = ising(10, edges, 0.0, 0.1)
    op = SparsePauliOp(op.paulis, np.where(np.arange(len(op)) < len(edges), -1.0, op.coeffs))
    energies, vectors = lowest(PauliSum.from_operator(op), 3)
    matrix = dense(op)
    np.testing.assert_allclose(energies, np.linalg.eigvalsh(matrix)[:3], atol=1e-10)
    np.testing.assert_allclose(vectors @ matrix, energies[:, None] * vectors, atol=1e-9)


@pytest.mark.parametrize("num_qubits", [10, 11])
def test_single_precision_reaches_what_double_does(num_qubits, monkeypatch):
    op = PauliSum.from_operator(glass(num_qubits, 3))
    mixed = ground_state(op, tolerance=1e-11)
    monkeypatch.setattr(lanczos, "SINGLE_QUBITS", 99)
    double = ground_state(op, tolerance=1e-11)
    assert abs(np.vdot(mixed.vector, double.vector)) == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(mixed.vector, double.vector, atol=1e-10)
    assert mixed.residual <= 1e-10 * op.scale
    assert mixed.gap == pytest.approx(double.gap, rel=3e-3)


@pytest.mark.parametrize(("bias", "field"), [(0.0, 0.3), (0.0, 0.2), (1e-5, 0.3)])
def test_a_start_that_is_the_excited_state_does_not_stay_there(bias, field):
    op = ising(10, ring(10), [bias] + [0.0] * 9, field)
    compiled = PauliSum.from_operator(op)
    energies, vectors = np.linalg.eigh(dense(op))
    ground = ground_state(compiled, start=vectors[:, 1])
    assert ground.energy == pytest.approx(energies[0], abs=1e-9 * compiled.scale)
    assert ground.gap == pytest.approx(energies[1] - energies[0], rel=1e-2, abs=1e-8 * compiled.scale)
