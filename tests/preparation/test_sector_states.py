"""Ground states found by sectors against dense and whole-space calculations."""

from dataclasses import replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.preparation import sector_states as module
from qep_qiskit.preparation.sector_states import symmetries_for

SITES = 8


def label(letters, total=SITES + 2):
    return "".join(letters.get(q, "I") for q in reversed(range(total)))


def honeycomb(seed, x=(0.45, 0.3, 0.25)):
    """Return a Kitaev honeycomb of 4 × 2 spins, whose loops of bonds are conserved, with two sensor qubits at one bond."""
    kinds, rng = {"X": {}, "Y": {}, "Z": {}}, np.random.default_rng([seed, 5])
    for column, row in np.ndindex(4, 2):
        site, kind = column + 4 * row, "Y" if (column + row) % 2 else "X"
        kinds[kind][label({site: kind, (column + 1) % 4 + 4 * row: kind})] = rng.uniform(0.7, 1.3)
        if kind == "X":
            kinds["Z"][label({site: "Z", column + 4 * (1 - row): "Z"})] = rng.uniform(0.7, 1.3)
    bond = {0: "X", 1: "X"}
    sensor = [{SITES: "X"}, {SITES: "Y"}, {SITES: "Z"}, {SITES + 1: "X"}, {SITES: "Z", SITES + 1: "Z"}]
    terms = {f"c{k}": {label({**bond, **s}): 1.0} for k, s in enumerate(sensor)} | {
        f"s{k}": {label(s): 1.0} for k, s in enumerate(sensor)
    }
    outputs = [{label({}): 0.5, label({SITES: "Z"}): 0.5}, {label({}): 0.5, label({SITES: "Z"}): -0.5}]
    network = qep.pauli(terms=terms, inputs=list(kinds.values()), outputs=outputs)
    weights = np.random.default_rng(seed).normal(size=network.num_weights)
    return qep.Problem(network, weights, x=list(x), cost=qep.SquaredError([1.0, 0.0]))


@pytest.fixture
def whole_space(monkeypatch):
    """Return a function that measures a gradient without sectors."""

    def measure(*args, **options):
        with monkeypatch.context() as context:
            context.setattr("qep_qiskit.preparation.exact.symmetries_for", lambda family: None)
            return qep.gradient(*args, **options)

    return measure


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_the_whole_space(seed, whole_space):
    problem = honeycomb(seed)
    sectors = qep.gradient(problem, stencil=qep.symmetric(0.05))
    assert sectors.provenance["preparation"]["sectors"] >= 8
    whole = whole_space(problem, stencil=qep.symmetric(0.05))
    np.testing.assert_allclose(sectors.values, whole.values, atol=1e-6)
    assert sectors.diagnostics.gap == pytest.approx(whole.diagnostics.gap, rel=1e-2)
    np.testing.assert_allclose(sectors.diagnostics.beta_bias["limit"], whole.diagnostics.beta_bias["limit"], atol=1e-3)
    for ours, theirs in zip(sectors.diagnostics.phases, whole.diagnostics.phases, strict=True):
        assert ours.energy == pytest.approx(theirs.energy, abs=1e-8)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_nudge_that_changes_the_sector_is_followed(whole_space):
    """A large nudge moves the ground state to another sector, as in the whole space."""
    changed = 0
    for seed in range(6):
        problem = honeycomb(seed, (0.1, 0.1, 0.8))
        sectors = qep.gradient(problem, stencil=qep.one_sided(2.0))
        whole = whole_space(problem, stencil=qep.one_sided(2.0))
        np.testing.assert_allclose(sectors.values, whole.values, atol=1e-6)
        changed += sectors.diagnostics.phases[1].overlap == 0.0
    assert changed


@pytest.mark.parametrize("gap", [True, False])
def test_a_sector_that_the_first_search_misjudges_is_found_by_the_second(gap, monkeypatch):
    problem = honeycomb(1)
    family = module.Family(problem.frame, problem.hamiltonian_row, np.zeros(len(problem.frame.paulis)), (0.0,))
    true = qep.Exact(gap=gap).prepare(family).phases[0]
    scans = []

    def misjudging(*args, **options):
        result = module_scan(*args, **options)
        if not scans:
            lowest = np.argmin(result.energies)
            result.energies[lowest] = result.bounds[lowest] = result.energies.max() + 1.0
        scans.append(result)
        return result

    module_scan = module.scan
    monkeypatch.setattr(module, "scan", misjudging)
    again = qep.Exact(gap=gap).prepare(family).phases[0]
    assert len(scans) == 2
    assert again.energy == pytest.approx(true.energy, abs=1e-9)
    assert again.gap == pytest.approx(true.gap, rel=1e-2)


def test_states_and_joint_distributions_are_those_of_the_whole_space():
    problem = honeycomb(1)
    family = module.Family(problem.frame, problem.hamiltonian_row, np.zeros(len(problem.frame.paulis)), (0.0,))
    assert symmetries_for(family) is not None
    prepared = qep.Exact().prepare(family)
    state = prepared.states()[0]
    matrix = problem.hamiltonian.to_matrix(sparse=True)
    assert np.linalg.norm(matrix @ state - prepared.phases[0].energy * state) < 1e-7
    turned = np.abs(np.moveaxis(state.reshape([2] * 10), range(10), range(9, -1, -1))) ** 2
    table = prepared.probabilities(0, "Z" * 10, (8, 9))
    joint = turned.sum(axis=tuple(range(8)))
    np.testing.assert_allclose(table, joint.T.ravel(), atol=1e-9)


def test_shots_come_from_the_joint_distribution():
    problem = honeycomb(2)
    exact = qep.gradient(problem, stencil=qep.symmetric(0.2))
    pulls = [
        (g.values - exact.values) / g.stderr
        for g in (qep.gradient(problem, stencil=qep.symmetric(0.2), shots=400, seed=seed) for seed in range(16))
    ]
    assert abs(np.mean(pulls)) < 0.3
    assert 0.8 < np.std(pulls) < 1.25


def test_small_networks_and_networks_with_few_symmetries_are_solved_whole():
    problem = qep.Problem(qep.ising(sites=10, edges="chain", outputs=[9]), np.ones(29), cost=qep.SquaredError([1.0]))
    assert "sectors" not in qep.gradient(problem).provenance["preparation"]
    family = module.Family(problem.frame, problem.hamiltonian_row, np.zeros(len(problem.frame.paulis)), (0.0,))
    assert symmetries_for(replace(family)) is None
