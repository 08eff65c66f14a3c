"""Matrix product states against exact diagonalisation, free fermions and themselves at twice the bond dimension."""

import numpy as np
import pytest
from qiskit.quantum_info import random_pauli_list

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.preparation.mps import METASTABLE


def ising_problem(sites, edges, seed=0, cost=None):
    network = qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[sites - 1])
    rng = np.random.default_rng(seed)
    count = len(network.names) - 2 * sites
    weights = np.concatenate([rng.normal(size=count), 0.5 * rng.normal(size=sites), rng.uniform(0.5, 1.5, sites)])
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=cost or qep.SquaredError([1.0]))


@pytest.mark.parametrize(("edges", "sites"), [("chain", 8), ("ring", 7), ("heavy-hex", 9), ("complete", 5)])
def test_gradients_are_those_of_exact_states(edges, sites):
    problem = ising_problem(sites, edges)
    exact = qep.gradient(problem, preparer=qep.Exact(tolerance=1e-12), stencil=qep.symmetric(0.05))
    gradient = qep.gradient(problem, preparer=qep.MPS(bond_dimension=32), stencil=qep.symmetric(0.05))
    np.testing.assert_allclose(gradient.values, exact.values, atol=1e-8)
    np.testing.assert_allclose(gradient.predictions, exact.predictions, atol=1e-9)
    assert gradient.diagnostics["gap"] == pytest.approx(exact.diagnostics["gap"], rel=1e-2)
    assert np.all(np.abs(gradient.values - exact.values) <= gradient.diagnostics["error_bound"])
    assert np.all(np.array(gradient.diagnostics["error_bound"]) < 1e-3)


@pytest.mark.parametrize("seed", [1, 2])
def test_any_strings_with_y_and_many_letters(seed):
    rng = np.random.default_rng(seed)
    labels = random_pauli_list(6, 12, seed=seed, phase=False).to_labels()
    terms = {f"w{k}": {label: 1.0} for k, label in enumerate(labels) if label != "I" * 6}
    fields = {"I" * (5 - i) + letter + "I" * i: size for i in range(6) for letter, size in (("Z", 1.0 + 0.2 * i), ("Y", 0.4))}
    network = qep.pauli(terms=terms, fixed=fields, outputs=[{"IIIIIZ": 1}])
    problem = qep.Problem(network, 0.3 * rng.normal(size=len(terms)), cost=qep.SquaredError([0.3]).observable())
    exact = qep.gradient(problem, stencil=qep.symmetric(0.02), preparer=qep.Exact(tolerance=1e-12))
    gradient = qep.gradient(problem, stencil=qep.symmetric(0.02), preparer=qep.MPS())
    np.testing.assert_allclose(gradient.values, exact.values, atol=1e-6)
    states = qep.MPS().prepare(family_of(problem, problem.cost_rows[0], (0.0,)))
    dense = qep.Exact(tolerance=1e-12).prepare(family_of(problem, problem.cost_rows[0], (0.0,)))
    assert abs(np.vdot(states.states()[0], dense.states()[0])) == pytest.approx(1, abs=1e-9)


def test_too_small_a_bond_dimension_is_reported_with_a_bound():
    problem = ising_problem(10, "complete", seed=4)
    exact = qep.gradient(problem, stencil=qep.symmetric(0.1), preparer=qep.Exact(tolerance=1e-12))
    with pytest.warns(UserWarning, match="raise preparation.bond_dimension"):
        rough = qep.gradient(problem, stencil=qep.symmetric(0.1), preparer=qep.MPS(bond_dimension=2))
    error = np.abs(rough.values - exact.values)
    assert error.max() > 1e-4
    assert np.all(error <= rough.diagnostics["error_bound"])


def first_excited_energy(problem, beta):
    family = family_of(problem, problem.cost_rows[0], (beta,))
    return np.linalg.eigvalsh(family.hamiltonian(0).to_matrix())[1]


@pytest.mark.parametrize("beta", [-0.2, 0.2])
def test_a_nudged_phase_is_bounded_by_its_own_energy(beta):
    problem = ising_problem(7, "ring", seed=3, cost=qep.SquaredError([0.2]).observable())
    family = family_of(problem, problem.cost_rows[0], (0.0, beta))
    prepared = qep.MPS(bond_dimension=4).prepare(family)
    free, nudged = prepared.phases
    distance = 2 * nudged.residual / nudged.error_bound
    assert distance <= first_excited_energy(problem, beta) - nudged.energy + 1e-6
    assert distance > free.gap - 2 * abs(beta) * family.nudge_bound()
    exact = qep.Exact(tolerance=1e-12).prepare(family_of(problem, problem.cost_rows[0], (beta,)))
    paulis = problem.frame.paulis
    values = prepared.expectations(paulis)[1]
    assert np.abs(values - exact.expectations(paulis)[0]).max() <= nudged.error_bound < 2


def test_sweeps_end_where_truncation_costs_more_than_they_gain():
    problem = ising_problem(12, "complete", seed=1)
    family = family_of(problem, problem.cost_rows[0], (0.0,))
    state = qep.MPS(bond_dimension=6, gap=False).prepare(family).carried[0]
    assert state.sweeps <= 8  # 15 until nothing changes any more, at an energy equal to a part in 10⁷
    assert state.energy == pytest.approx(-25.943035, rel=1e-6)
    assert state.truncation > 1e-10


def test_degenerate_ground_states_are_refused():
    network = qep.ising(sites=8, edges="chain", outputs=[7])
    problem = qep.Problem(network, np.concatenate([np.ones(7), np.zeros(8), 0.05 * np.ones(8)]), cost=qep.SquaredError([1.0]))
    with pytest.raises(DegenerateGroundStateError, match="degenerate as far as DMRG tells"):
        qep.gradient(problem, preparer=qep.MPS())


def test_shots_are_drawn_from_the_tensors():
    problem = ising_problem(6, "chain", cost=qep.SquaredError([1.0]).observable())
    truth = qep.gradient(problem, preparer=qep.MPS())
    gradient = qep.gradient(problem, preparer=qep.MPS(), shots=200_000, seed=3)
    assert gradient.stderr is not None
    assert np.abs((gradient.values - truth.values) / gradient.stderr).max() < 4
    again = qep.gradient(problem, preparer=qep.MPS(), shots=200_000, seed=3)
    np.testing.assert_array_equal(gradient.values, again.values)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="bond_dimension: 1 is not allowed"):
        qep.MPS(bond_dimension=1)
    with pytest.raises(InputError, match="gap: 3 is not allowed"):
        qep.MPS(gap=3)
    with pytest.raises(InputError, match="2\\^12 two-qubit gates"):
        qep.gradient(ising_problem(12, "chain"), preparer=qep.MPS(gap=False), device=qep.simulator(seed=1), shots=10)


def free_fermions(couplings, fields):
    """Energy, ⟨X_i⟩ and ⟨Z_i Z_{i+1}⟩ of H = −Σ J ZZ − Σ g X on an open chain (Lieb, Schultz and Mattis 1961).

    With a = c + c†, b = c† − c: H = Σ g_i a_i b_i·… is a quadratic form M with ⟨b_i a_j⟩ = −(U V)_ij from M = U Σ Vᵀ.
    """
    matrix = np.diag(fields) + np.diag(couplings, -1)
    u, sizes, v = np.linalg.svd(matrix)
    correlation = u @ v
    return -sizes.sum(), np.diag(correlation), np.diag(correlation, -1)


def test_free_fermions_are_right():
    rng = np.random.default_rng(1)
    network = qep.ising(sites=6, edges="chain", outputs=[5])
    weights = np.concatenate([rng.uniform(0.2, 0.6, 5), np.zeros(6), rng.uniform(0.8, 1.5, 6)])
    problem = qep.Problem(network, weights, cost=qep.SquaredError([0.2]).observable())
    state = qep.Exact().prepare(family_of(problem, problem.cost_rows[0], (0.0,)))
    energy, x, zz = free_fermions(weights[:5], weights[-6:])
    assert state.phases[0].energy == pytest.approx(energy, abs=1e-9)
    values = dict(zip(problem.frame.labels, state.expectations(problem.frame.paulis)[0], strict=True))
    np.testing.assert_allclose([values["I" * (5 - i) + "X" + "I" * i] for i in range(6)], x, atol=1e-8)
    np.testing.assert_allclose([values["I" * (4 - i) + "ZZ" + "I" * i] for i in range(5)], zz, atol=1e-8)


def test_without_the_gap_a_metastable_state_is_possible_and_said():
    problem = ising_problem(6, "chain")
    for gap in (True, False):
        warnings = qep.MPS(gap=gap).prepare(family_of(problem, problem.cost_rows[0], (0.0,))).details["warnings"]
        assert [text for text in warnings if "metastable" in text] == ([] if gap else [METASTABLE])


@pytest.mark.parametrize("sites", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_long_chains_are_free_fermions(sites):
    rng = np.random.default_rng(2)
    network = qep.ising(sites=sites, edges="chain", outputs=[sites - 1])
    weights = np.concatenate([rng.uniform(0.2, 0.6, sites - 1), np.zeros(sites), rng.uniform(0.8, 1.5, sites)])
    problem = qep.Problem(network, weights, cost=qep.SquaredError([0.2]).observable())
    state = qep.MPS(gap=False).prepare(family_of(problem, problem.cost_rows[0], (0.0,)))
    energy, x, zz = free_fermions(weights[: sites - 1], weights[-sites:])
    assert state.phases[0].energy == pytest.approx(energy, abs=1e-9)
    values = dict(zip(problem.frame.labels, state.expectations(problem.frame.paulis)[0], strict=True))
    np.testing.assert_allclose([values["I" * (sites - 1 - i) + "X" + "I" * i] for i in range(sites)], x, atol=1e-6)
    np.testing.assert_allclose([values["I" * (sites - 2 - i) + "ZZ" + "I" * i] for i in range(sites - 1)], zz, atol=1e-6)


def test_the_exact_gradient_falls_back_and_says_so(monkeypatch):
    problem = ising_problem(8, "chain")
    exact = qep.exact_gradient(problem)
    monkeypatch.setattr("qep_qiskit.reference.response.MOST_QUBITS", 6)
    gradient = qep.exact_gradient(problem)
    np.testing.assert_allclose(gradient.values, exact.values, atol=2e-5 * np.abs(exact.values).max())
    assert "matrix product states" in gradient.provenance["method"]
    assert len(gradient.diagnostics["uncertainty"]) == len(gradient.values)


@pytest.mark.slow
def test_a_hundred_sites_agree_with_twice_the_bond_dimension():
    problem = ising_problem(100, "chain", seed=5)
    gradients = [qep.gradient(problem, preparer=qep.MPS(bond_dimension=chi), stencil=qep.symmetric(0.05)) for chi in (32, 64)]
    assert len(gradients[0].values) == 299
    np.testing.assert_allclose(gradients[0].values, gradients[1].values, atol=1e-6)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_nudge_that_crosses_levels_is_prepared_in_the_lower_one() -> None:
    """Without transverse fields on the outputs, sweeps from the free state cannot turn the spins."""
    network = qep.ising(sites=4, edges=[(0, 1), (2, 3)], outputs=[2, 3])
    weights = {"J[0,1]": 0.2, "J[2,3]": -1.3, "h[0]": 0.6, "h[1]": 0.1, "h[2]": 0.5, "h[3]": 1.2}
    weights |= {"g[0]": -0.4, "g[1]": 0.3, "g[2]": 0.0, "g[3]": 0.0}
    problem = qep.Problem(network, weights, cost=qep.SquaredError([0.0, 0.0]))
    mps, exact = (qep.gradient(problem, preparer=p, stencil=qep.symmetric(1.0)) for p in (qep.MPS(), qep.Exact()))
    assert np.abs(exact.values).max() > 0.5
    assert np.allclose(mps.values, exact.values, atol=1e-6)
    energies = [[phase.energy for phase in gradient.diagnostics.phases] for gradient in (mps, exact)]
    assert np.allclose(*energies, atol=1e-6)
