"""Networks of oscillators in closed form: against matrix square roots and differences, and in a thousand sites."""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest
from normal_forms import random_case
from qiskit_aer.noise import NoiseModel, ReadoutError

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.networks.polynomial import polynomial_from, position

CHAIN = qep.oscillators(sites=3, edges="chain", masses=[1.0, 2.0, 0.5], inputs=[0], outputs=[2], biases=True)
FLIPS = NoiseModel()
FLIPS.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
WEIGHTS = [0.6, 0.8, 1.0, 0.7, 1.2, 0.1, -0.3, 0.2]


@pytest.mark.parametrize("number", range(30))
def test_gradient_is_the_slope_of_an_independent_loss(number: int) -> None:
    problem, independent = random_case(number)
    gradient = qep.exact_gradient(problem)
    assert gradient.loss == pytest.approx(independent.loss(problem.weights), rel=1e-12)
    np.testing.assert_allclose(gradient.values, independent.differences(problem.weights), atol=1e-8)
    assert np.abs(gradient.values).max() > 1e-4


@pytest.mark.parametrize("number", range(8))
def test_nudged_gaussian_states_approach_the_limit(number: int) -> None:
    problem, _ = random_case(number)
    exact = qep.exact_gradient(problem).values
    errors = [np.abs(qep.gradient(problem, stencil=qep.symmetric(b)).values - exact).max() for b in (0.04, 0.02)]
    if not problem.cost.needs_free_phase:
        assert 3.3 < errors[0] / errors[1] < 4.7  # O(β²)
    else:  # a force moves the mean in proportion to β, so that a symmetric stencil is exact at any β
        assert max(errors) < 1e-12
    assert np.abs(qep.gradient(problem, stencil=qep.extrapolated(0.01)).values - exact).max() < 1e-6


def test_ground_state_is_that_of_the_hamiltonian_in_levels() -> None:
    """The energy, ⟨r⟩ and ⟨(r − y)²⟩ of two oscillators from their Hamiltonian as a matrix in 22 × 22 levels."""
    network = qep.oscillators(sites=2, masses=[1.0, 1.7], inputs=[0], outputs=[1])
    k, a0, a1, x = 0.7, 1.1, 0.8, 0.6
    levels = 22
    lower = np.diag(np.sqrt(np.arange(1.0, levels)), 1)
    position, squared = (lower + lower.T) / np.sqrt(2), -(lower - lower.T) @ (lower - lower.T) / 2
    r = [np.kron(position, np.eye(levels)), np.kron(np.eye(levels), position)]
    kinetic = np.kron(squared, np.eye(levels)) / 2 + np.kron(np.eye(levels), squared) / 3.4
    hamiltonian = kinetic + (a0 * r[0] @ r[0] + a1 * r[1] @ r[1]) / 2
    hamiltonian = hamiltonian + k / 2 * (r[0] - r[1]) @ (r[0] - r[1]) - x * r[0]
    energies, states = np.linalg.eigh(hamiltonian)
    state, one = states[:, 0], np.eye(levels**2)
    problem = qep.Problem(network, [k, a0, a1], x=[x], cost=qep.SquaredError([0.3]).observable())
    gradient = qep.exact_gradient(problem)
    assert gradient.diagnostics["phases"][0]["energy"] == pytest.approx(energies[0], abs=1e-6)  # type: ignore[index]
    assert gradient.diagnostics["gap"] == pytest.approx(energies[1] - energies[0], abs=1e-6)
    assert gradient.predictions[0] == pytest.approx(np.vdot(state, r[1] @ state).real, abs=1e-6)
    square = (r[1] - 0.3 * one) @ (r[1] - 0.3 * one)
    assert gradient.loss == pytest.approx(np.vdot(state, square @ state).real, abs=1e-6)


def test_names_and_scales() -> None:
    assert CHAIN.names == ("k[0,1]", "k[1,2]", "a[0]", "a[1]", "a[2]", "b[0]", "b[1]", "b[2]")
    weights = CHAIN.initial_weights(seed=4)
    assert all(weights[name] > 0 for name in CHAIN.names if name[0] in "ka")
    assert qep.oscillators(sites=2, outputs=[1]).names == ("k[0,1]", "a[0]", "a[1]")
    assert CHAIN.hamiltonian(WEIGHTS, [2.0]).labels()["r[0]"] == pytest.approx(-2.1)


def test_a_batch_and_a_comparison_work_as_for_spins() -> None:
    problems = [qep.Problem(CHAIN, WEIGHTS, x=[x], cost=qep.SquaredError([1.0])) for x in (-1.0, 0.0, 2.0)]
    for problem, gradient in zip(problems, qep.gradients(problems), strict=True):
        np.testing.assert_allclose(gradient.values, qep.exact_gradient(problem).values, atol=1e-12)
    budget = qep.compare(problems[0], stencil=qep.one_sided(0.1))
    assert budget["finite_beta"].relative_error > 1e-3  # type: ignore[operator]
    assert budget["prepared"].added == 0.0
    assert "no shots" in str(budget["shots"].note)


def test_unstable_weights_name_the_mode() -> None:
    weights = [0.1, 0.1, 1.0, -1.0, 1.0, 0.0, 0.0, 0.0]
    problem = qep.Problem(CHAIN, weights, x=[0.0], cost=qep.SquaredError([1.0]))
    for ask in (qep.exact_gradient, qep.gradient):
        with pytest.raises(InputError, match=r"normal mode on sites 1 \(.*squared frequency -0.4"):
            ask(problem)
    free = qep.Problem(CHAIN, [1.0, 1.0, 0, 0, 0, 0, 0, 0], x=[0.0], cost=qep.SquaredError([1.0]))
    with pytest.raises(InputError, match="must be positive"):
        qep.exact_gradient(free)
    stable = qep.Problem(CHAIN, WEIGHTS, x=[0.0], cost=qep.SquaredError([1.0]).observable())
    with pytest.raises(InputError, match=r"nudged by β = -2"):
        qep.gradient(stable, stencil=qep.symmetric(2.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: qep.gradient(p, shots=100), "measurement.shots: 100 is not allowed; a network in closed form"),
        (lambda p: qep.gradient(p, preparer=qep.VQE()), "preparation.method: vqe prepares qubits"),
        (lambda p: qep.gradient(p, device=qep.simulator(noise=FLIPS)), "network.levels: a network in closed form has no qubits"),
        (lambda p: qep.oscillators(sites=2, outputs=[1], masses=-1.0), "masses: -1 of site 0"),
        (lambda p: qep.oscillators(sites=2, outputs=[1], masses=[1.0]), "masses: got 1 values, expected 2"),
        (lambda p: qep.oscillators(sites=2, outputs=[2]), "outputs: site 2 is out of range"),
        (lambda p: qep.oscillators(sites=0, outputs=[0]), "sites: 0 is not allowed"),
        (lambda p: qep.oscillators(sites=3, edges=[[0, 1]], inputs=[0], outputs=[2]), "site 2 is disconnected"),
        (lambda p: qep.Problem(CHAIN, WEIGHTS, x=[0.0], cost=qep.ObservableCost({"ZZ": 1.0})), "cost.operator: Pauli labels"),
        (
            lambda p: qep.Problem(CHAIN, WEIGHTS, x=[0.0], cost=qep.ObservableCost({"r[7]": 1.0})),
            "site 7 of r.7. is out of range",
        ),
        (lambda p: qep.ObservableCost({"q[1]": 1.0}), r"label 'q\[1\]' is not allowed"),
        (lambda p: qep.ObservableCost({"r[1]": float("nan")}), "coefficient of r.*nan is not allowed"),
    ],
)
def test_errors_name_what_is_wrong(call, message: str) -> None:
    problem = qep.Problem(CHAIN, WEIGHTS, x=[0.0], cost=qep.SquaredError([1.0]))
    with pytest.raises(InputError, match=message):
        call(problem)


def test_positions_on_spins_are_refused() -> None:
    spins = qep.ising(sites=2, outputs=[1])
    with pytest.raises(InputError, match="is a position or momentum, and this network has none"):
        qep.Problem(spins, spins.initial_weights(), cost=qep.ObservableCost({"r[0]": 1.0}))


def test_polynomials_read_back() -> None:
    labels = {"1": 2.0, "r[0]": -1.0, "r[0] r[2]": 0.5, "r[1]^2": 1.5, "p[2]^2": 0.25}
    assert polynomial_from(labels, 3, "here").labels() == labels
    assert polynomial_from({"r[2] r[0]": 1.0}, 3, "here").labels() == {"r[0] r[2]": 1.0}
    with pytest.raises(InputError, match="more than second degree"):
        position(0).squared().squared()


@functools.cache
def large(sites: int, springs: int) -> tuple[qep.Network, np.ndarray]:
    rng = np.random.default_rng(5)
    edges = {(i, i + 1) for i in range(sites - 1)}
    while len(edges) < springs:
        i, j = sorted(int(s) for s in rng.integers(0, sites, 2))
        if i < j:
            edges.add((i, j))
    network = qep.oscillators(sites=sites, edges=sorted(edges), inputs=range(10), outputs=range(sites - 10, sites))
    return network, network.weight_vector(network.initial_weights(seed=2))


@pytest.mark.parametrize("cost", [qep.SquaredError(np.full(10, 0.3)), qep.SquaredError(np.full(10, 0.3)).observable()])
def test_a_thousand_oscillators_with_five_thousand_springs_take_seconds(cost) -> None:
    clock = time.perf_counter()
    network, weights = large(1000, 5000)
    problem = qep.Problem(network, weights, x=np.ones(10), cost=cost)
    gradient = qep.exact_gradient(problem)
    assert time.perf_counter() - clock < 10.0
    assert len(gradient.values) == 6000
    rng = np.random.default_rng(1)
    direction = rng.normal(size=6000) / np.sqrt(6000)
    losses = [
        qep.exact_gradient(qep.Problem(network, weights + h * direction, x=np.ones(10), cost=cost)).loss for h in (-1e-3, 1e-3)
    ]
    assert (losses[1] - losses[0]) / 2e-3 == pytest.approx(gradient.values @ direction, abs=1e-7)


def test_many_oscillators_need_no_normal_modes() -> None:
    """A ring of equal springs: the closed form of its Green's function, cosh(κ (n/2 − d)) / (2 k sinh κ sinh(κ n/2))."""
    n, k, a = 5000, 0.8, 0.05
    network = qep.oscillators(sites=n, edges="ring", inputs=[0], outputs=[12])
    weights = np.concatenate([np.full(n, k), np.full(n, a)])
    gradient = qep.exact_gradient(qep.Problem(network, weights, x=[2.0], cost=qep.SquaredError([0.3])))
    kappa = np.arccosh(1 + a / (2 * k))

    def green(distance: np.ndarray) -> np.ndarray:
        return np.exp(-kappa * np.abs(distance)) / (2 * k * np.sinh(kappa))  # n κ ≫ 1

    prediction = 2.0 * green(np.array(12))
    assert gradient.predictions[0] == pytest.approx(prediction, rel=1e-10)
    assert gradient.diagnostics["gap"] == pytest.approx(np.sqrt(a), rel=1e-8)
    sites = np.arange(100)
    slopes = -2 * (prediction - 0.3) * 2.0 * green(sites) * green(sites - 12)  # ∂G_ab/∂a_i = −G_ai G_ib
    np.testing.assert_allclose(gradient.values[n : n + 100], slopes, atol=1e-10)
