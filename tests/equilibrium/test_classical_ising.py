"""Networks without transverse fields: configurations by enumeration, and EP as a contrast at finite β."""

import itertools

import numpy as np
import pytest

import qep_qiskit as qep

STENCILS = {"one_sided": qep.one_sided, "symmetric": qep.symmetric, "extrapolated": qep.extrapolated}


class Enumerated:
    """A classical Ising network in plain Python: every configuration's energy, spins as ±1."""

    def __init__(self, network, weights, x, inputs, outputs, targets):
        self.names, self.weights = network.names, weights
        self.spins = np.array(list(itertools.product([1, -1], repeat=network.num_qubits)))
        features = []
        for name in network.names:
            sites = [int(s) for s in name[2:-1].split(",")]
            features.append(-np.prod(self.spins[:, sites], axis=1))
        self.features = np.array(features).T
        self.inputs = -self.spins[:, list(inputs)] @ x
        self.outputs, self.targets = self.spins[:, list(outputs)], np.asarray(targets)

    def winner(self, nudge=0.0):
        return int(np.argmin(self.features @ self.weights + self.inputs + nudge))

    def contrast(self, stencil, observable):
        free = self.outputs[self.winner()]
        signal = 2 * (free - self.targets)
        cost = -2 * self.outputs @ self.targets if observable else self.outputs @ signal
        return sum(s * self.features[self.winner(b * cost)] for b, s in zip(stencil.betas, stencil.factors, strict=True))


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("observable", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_finite_nudges_against_an_enumeration(seed, observable):
    n = 3 + seed % 6
    network = qep.ising(sites=n, edges="complete", inputs=[0, 1], outputs=[n - 1, n - 2], transverse=False)
    assert not any(name.startswith("g") for name in network.names)
    rng = np.random.default_rng(seed)
    x, targets, weights = rng.uniform(-1, 1, 2), rng.choice([-1.0, 1.0], 2), rng.normal(size=network.num_weights)
    cost = qep.SquaredError(targets)
    problem = qep.Problem(network, weights, x=x, cost=cost.observable() if observable else cost)
    plain = Enumerated(network, weights, x, [0, 1], [n - 1, n - 2], targets)
    moved = 0
    for kind, beta in itertools.product(STENCILS, (0.2, 1.0, 5.0)):
        stencil = STENCILS[kind](beta)
        gradient = qep.gradient(problem, stencil=stencil)
        expected = plain.contrast(stencil, observable)
        np.testing.assert_allclose(gradient.values, expected, atol=1e-12)
        np.testing.assert_array_equal(gradient.predictions, plain.outputs[plain.winner()])
        moved += bool(np.any(expected))
    right = np.array_equal(plain.outputs[plain.winner()], targets)
    assert moved >= 3 or (right and not observable), "the largest nudges must turn spins that are wrong"
    assert not np.any(qep.exact_gradient(problem).values)


def test_a_nudge_that_turns_no_spin_is_reported():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2], transverse=False)
    problem = qep.Problem(network, np.ones(network.num_weights), x=[0.5], cost=qep.SquaredError([-1.0]))
    with pytest.warns(UserWarning, match="this β turns no spin, so the contrast is zero; take a larger β"):
        gradient = qep.gradient(problem, stencil=qep.symmetric(0.1))
    assert not np.any(gradient.values)
    assert "does not respond to an infinitesimal nudge" in qep.exact_gradient(problem).diagnostics["warnings"][0]
    assert np.any(qep.gradient(problem, stencil=qep.symmetric(2.0)).values)
    assert qep.exact_gradient(problem).diagnostics["gap"] == pytest.approx(gradient.diagnostics["gap"])


@pytest.mark.parametrize("field", [0.0, 1e-9, -1e-9])
def test_degenerate_and_nearly_degenerate_configurations_are_refused(field):
    network = qep.ising(sites=4, edges="ring", outputs=[2], transverse=False)
    weights = np.array([1.0] * 4 + [field, 0, 0, 0])
    problem = qep.Problem(network, weights, cost=qep.SquaredError([1.0]))
    for verb in (qep.gradient, qep.exact_gradient):
        with pytest.raises(qep.DegenerateGroundStateError, match="degenerate .* break the symmetry"):
            verb(problem)


def test_transverse_weights_of_zero_are_the_same_network():
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    classical = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3], transverse=False)
    weights = dict(zip(classical.names, [0.9, -0.7, 0.4, 0.1, -0.2, 0.3, 0.2], strict=True))
    cost, stencil = qep.SquaredError([1.0]), qep.symmetric(2.0)
    small = qep.gradient(qep.Problem(classical, weights, x=[0.5], cost=cost), stencil=stencil)
    padded = {**weights, **{f"g[{i}]": 0.0 for i in range(4)}}
    full = qep.gradient(qep.Problem(network, padded, x=[0.5], cost=cost), stencil=stencil)
    assert full.values[:7].tolist() == small.values.tolist() and not np.any(full.values[7:])


def test_shots_and_circuits_of_configurations():
    network = qep.ising(sites=5, edges="complete", inputs=[0], outputs=[4], transverse=False)
    problem = qep.Problem(network, network.initial_weights(2), x=[0.5], cost=qep.SquaredError([-1.0]))
    exact = qep.gradient(problem, stencil=qep.symmetric(3.0))
    assert np.any(exact.values)
    for device in (qep.statevector(), qep.simulator(seed=1)):
        gradient = qep.gradient(problem, stencil=qep.symmetric(3.0), device=device, shots=50)
        np.testing.assert_allclose(gradient.values, exact.values, atol=1e-12)
        assert gradient.provenance["bases"] == ["all Z"] or len(gradient.provenance["bases"]) == 1


@pytest.mark.slow
def test_twenty_six_spins():
    network = qep.ising(sites=26, edges="ring", inputs=[0], outputs=[13], transverse=False)
    problem = qep.Problem(network, network.initial_weights(5), x=[0.5], cost=qep.SquaredError([-1.0]).observable())
    gradient = qep.gradient(problem, stencil=qep.one_sided(3.0))
    assert np.any(gradient.values)
    assert _ring_minimum(problem) == pytest.approx(gradient.diagnostics["phases"][0]["energy"])


def test_twenty_spins():
    network = qep.ising(sites=20, edges="ring", inputs=[0], outputs=[13], transverse=False)
    problem = qep.Problem(network, network.initial_weights(5), x=[0.5], cost=qep.SquaredError([-1.0]).observable())
    gradient = qep.gradient(problem, stencil=qep.one_sided(3.0))
    assert np.any(gradient.values)
    assert _ring_minimum(problem) == pytest.approx(gradient.diagnostics["phases"][0]["energy"])


def _ring_minimum(problem):
    """The lowest energy of a ring by dynamic programming over its sites."""
    n = problem.network.num_qubits
    weights = dict(zip(problem.network.names, problem.weights, strict=True))
    field = [weights[f"h[{i}]"] + (problem.x[0] if i == 0 else 0.0) for i in range(n)]
    best = np.inf
    for first in (1, -1):
        lowest = {first: -field[0] * first}
        for i in range(1, n):
            lowest = {s: min(e - weights[f"J[{i - 1},{i}]"] * s * t for t, e in lowest.items()) - field[i] * s for s in (1, -1)}
        best = min(best, *(e - weights[f"J[0,{n - 1}]"] * s * first for s, e in lowest.items()))
    return best
