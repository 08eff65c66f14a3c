"""VQE by light cones: the answers of state vectors, and circuits that are too large for these."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import PauliList

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import family_of, free_family
from qep_qiskit.errors import InputError
from qep_qiskit.preparation import model
from qep_qiskit.preparation.shortfall import LARGEST, shortfall_warnings


def paramagnet(sites: int, edges="chain") -> qep.Problem:
    network = qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[3])
    rng = np.random.default_rng(sites)
    weights = {name: rng.uniform(0.8, 1.6) if name[0] == "g" else rng.uniform(-0.6, 0.6) for name in network.names}
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))


@pytest.mark.parametrize("ansatz", ["hamiltonian", "real_amplitudes"])
def test_light_cones_give_the_gradient_of_state_vectors(ansatz):
    problem = paramagnet(7)
    by_states, by_cones = (
        qep.gradient(
            problem,
            preparer=qep.VQE(ansatz, layers=1, starts=1, tolerance=1e-6, simulation=simulation),
            stencil=qep.symmetric(0.1),
        )
        for simulation in ("statevector", "light_cones")
    )
    np.testing.assert_allclose(by_cones.values, by_states.values, atol=1e-5)
    np.testing.assert_allclose(by_cones.predictions, by_states.predictions, atol=1e-6)


def test_the_result_says_which_simulation_ran():
    for sites, simulation in ((5, "statevector"), (16, "light_cones"), (30, "light_cones")):
        prepared = qep.VQE(layers=1, starts=1).prepare(free_family(paramagnet(sites)))
        assert prepared.details["simulation"] == simulation


def test_forty_qubits():
    problem = paramagnet(40)
    vqe = qep.VQE(layers=2, starts=1)
    free = vqe.prepare(free_family(problem))
    strings = PauliList(["I" * 38 + "ZX", "XX" + "I" * 38])
    near = qep.VQE(layers=2, starts=1).prepare(free_family(paramagnet(40)), warm_start=free)
    np.testing.assert_allclose(near.expectations(strings), free.expectations(strings), atol=1e-3)
    assert free.phases[0].variance is None and free.details["warnings"] == []
    with pytest.raises(InputError, match=r"^40 qubits do not fit in a state vector[^\n]*$"):
        free.states()
    nudge = problem.cost.error_signal(problem.cost_rows @ free.expectations(problem.frame.paulis)[0]) @ problem.cost_rows
    nudged = vqe.prepare(family_of(problem, nudge, (0.05, -0.05)), free=free)
    plus, minus = nudged.expectations(problem.frame.paulis)
    gradient = problem.derivative_rows @ (plus - minus) / 0.1
    whole = qep.gradient(problem, preparer=vqe, stencil=qep.symmetric(0.05))
    np.testing.assert_allclose(whole.values, gradient, atol=1e-9)
    direction = gradient / np.linalg.norm(gradient)
    tight = qep.VQE(layers=2, starts=1, tolerance=1e-5)

    def loss(step):
        moved = qep.Problem(problem.network, problem.weights + step * direction, problem.x, cost=problem.cost)
        prepared = tight.prepare(free_family(moved), warm_start=free)
        return problem.cost.value(moved.cost_rows @ prepared.expectations(moved.frame.paulis)[0])

    assert gradient @ direction == pytest.approx((loss(0.01) - loss(-0.01)) / 0.02, rel=0.02)


def test_cones_that_are_too_large_are_refused_with_their_size():
    network = qep.ising(sites=30, edges="complete", outputs=[1])
    problem = qep.Problem(network, network.initial_weights(), cost=qep.SquaredError([1.0]))
    with pytest.raises(
        InputError, match=r"30 qubits do not fit in a state vector, and light cones: [^\n]*\d+ qubits[^\n]*$"
    ) as caught:
        qep.VQE().prepare(free_family(problem))
    assert str(caught.value).count("take fewer layers or a sparser graph") == 1
    with pytest.raises(InputError, match="simulation = 'light_cones'"):
        qep.VQE(simulation="statevector").prepare(free_family(problem))


def uniform(sites: int, j: float, h: float, g: float, edges="chain") -> qep.Problem:
    network = qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[sites // 2])
    value = {"J": j, "h": h, "g": g}
    weights = {name: value[name[0]] for name in network.names}
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(uniform(12, 0.4, 0.1, 1.2), id="paramagnet"),
        pytest.param(uniform(12, 1.0, 0.4, 0.5), id="ferromagnet"),
        pytest.param(uniform(13, 0.4, 0.1, 1.4, edges="heavy-hex"), id="heavy-hex"),
    ],
)
def test_two_layers_give_the_gradient_of_the_true_ground_state(problem):
    exact, variational = (
        qep.gradient(problem, preparer=preparer, stencil=qep.symmetric(0.1)).values
        for preparer in (qep.Exact(), qep.VQE(layers=2, simulation="light_cones"))
    )
    assert np.linalg.norm(variational - exact) < 0.02 * np.linalg.norm(exact)


@pytest.mark.parametrize(("g", "expected"), [(2.0, False), (1.0, True)])
def test_a_state_far_from_an_eigenstate_is_reported(g, expected):
    prepared = qep.VQE(layers=1).prepare(free_family(uniform(30, 1.0 if expected else 0.2, 0.02, g)))
    share = prepared.details["variance_near_outputs"]
    assert (share > LARGEST) == expected
    assert [text for text in prepared.details["warnings"] if "not an eigenstate near the outputs" in text] == shortfall_warnings(
        share
    )
    assert bool(shortfall_warnings(share)) == expected


@pytest.mark.parametrize("sites", [16, 30])
@pytest.mark.parametrize(("huge", "layers"), [("J", 1), ("h", 1), ("g", 1), ("h", 2), ("g", 2)])
def test_one_huge_coefficient_does_not_hide_that_the_others_are_far_from_an_eigenstate(huge, layers, sites):
    """Such gradients of one layer are some 50 % wrong, those of two layers less than 0.5 %."""
    problem = uniform(sites, 1.0, 0.02, 1.0) if layers == 1 else uniform(sites, 0.2, 0.02, 2.0)
    site = sites // 2 + 1
    name = f"J[{site},{site + 1}]" if huge == "J" else f"{huge}[{site}]"
    weights = {**dict(zip(problem.network.names, problem.weights, strict=True)), name: 300.0}
    problem = qep.Problem(problem.network, weights, x=problem.x, cost=problem.cost)
    share = qep.VQE(layers=layers).prepare(free_family(problem)).details["variance_near_outputs"]
    assert (share > LARGEST) == (layers == 1)


def test_state_vectors_and_light_cones_find_the_same_distance_from_an_eigenstate():
    shares = []
    for simulation in ("auto", "light_cones"):
        vqe = qep.VQE(layers=1, simulation=simulation)
        family = free_family(uniform(20, 0.9, 0.1, 1.0))
        assert (vqe.compiled(family).program is None) == (simulation == "light_cones")
        shares.append(vqe.prepare(family).details["variance_near_outputs"])
    assert shares[0] > 1e-5
    assert shares[0] == pytest.approx(shares[1], rel=1e-8)


def test_a_warm_start_gives_the_same_gradient():
    preparer = qep.VQE(layers=1, simulation="light_cones")
    problems = [uniform(16, J, 0.1, 1.2) for J in (0.40, 0.42)]
    options = {"preparer": preparer, "stencil": qep.symmetric(0.2)}
    before = qep.gradients([uniform(16, 0.41, 0.1, 1.2)] * 2, **options)
    cold, warm = qep.gradients(problems, **options), qep.gradients(problems, warm_start=before, **options)
    for one, other in zip(cold, warm, strict=True):
        assert np.linalg.norm(one.values - other.values) < 2e-3 * np.linalg.norm(one.values)


@pytest.fixture
def counted(monkeypatch):
    """The numbers of rows whose Hessians have been computed, one per call."""
    rows = []
    for name in ("hessians", "quick_hessians"):
        compute = getattr(model, name)
        monkeypatch.setattr(model, name, lambda *args, compute=compute: rows.append(len(args[1])) or compute(*args))
    return rows


def test_warm_starts_that_move_far_are_checked_for_saddles(counted):
    preparer = qep.VQE(layers=1, simulation="light_cones")
    near, far = (free_family(uniform(16, J, 0.1, g)) for J, g in ((0.40, 1.2), (0.1, -2.0)))
    states = preparer.prepare_all([near, far])
    counted.clear()
    preparer.prepare_all([near, near], warm_start=states)
    assert counted[:2] == [1, 1]  # the inverse that both share, and the check of the one that moved


def test_a_warm_start_asks_for_one_hessian_per_batch(counted):
    families = [free_family(uniform(16, J, 0.1, 1.2)) for J in (0.40, 0.42, 0.44)]
    preparer = qep.VQE(layers=1, simulation="light_cones")
    states = preparer.prepare_all(families)
    assert sum(counted) >= 3
    counted.clear()
    preparer.prepare_all(families, warm_start=states)
    assert counted == [1]
