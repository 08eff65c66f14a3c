"""EP on mean-field networks against derivatives of the loss of classical spins that are solved for independently."""

import numpy as np
import pytest
from dense import PAULI, Dense
from random_problems import random_problem
from scipy.optimize import root

import qep_qiskit as qep


def distance(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


def small_stencil(problem, preparer):
    """Return an extrapolated stencil whose bias is far below 1e-6: the nudge is a small share of the curvature."""
    free = qep.variational_gradient(problem, preparer)
    observed = problem.cost.error_signal(free.predictions) if problem.cost.needs_free_phase else np.ones(1)
    size = np.abs(observed @ problem.cost_rows).sum()
    return qep.extrapolated(0.004 * free.diagnostics["curvature_range"][0] / size)


class PlanarSpins:
    """Ising spins with transverse fields as angles θ: E = −Σ J cos θ_i cos θ_j − Σ (h + x) cos θ − Σ g sin θ, by hand."""

    def __init__(self, network, x, inputs, outputs, targets):
        self.pairs = [tuple(int(s) for s in name[2:-1].split(",")) for name in network.names if name.startswith("J")]
        self.sites = network.num_qubits
        self.field = np.zeros(self.sites)
        self.field[list(inputs)] = x
        self.outputs, self.targets = list(outputs), np.asarray(targets)

    def angles(self, weights, start):
        edges = len(self.pairs)
        couplings = np.zeros((self.sites, self.sites))
        for (i, j), w in zip(self.pairs, weights[:edges], strict=True):
            couplings[i, j] = couplings[j, i] = w
        h, g = self.field + weights[edges : edges + self.sites], weights[edges + self.sites :]

        def slope(t):
            return np.sin(t) * (couplings @ np.cos(t) + h) - g * np.cos(t)

        def jacobian(t):
            diagonal = np.cos(t) * (couplings @ np.cos(t) + h) + g * np.sin(t)
            return np.diag(diagonal) - couplings * np.outer(np.sin(t), np.sin(t))

        solution = root(slope, start, jac=jacobian, tol=1e-15).x
        assert np.abs(slope(solution)).max() < 1e-12
        return solution

    def loss(self, weights, start):
        return float(((np.cos(self.angles(weights, start))[self.outputs] - self.targets) ** 2).sum())


def differences(loss, weights, step=2e-3):
    slopes = []
    for direction in np.eye(len(weights)):
        coarse, middle, fine = (
            (loss(weights + h * direction) - loss(weights - h * direction)) / (2 * h) for h in (4 * step, 2 * step, step)
        )
        first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        slopes.append((16 * second - first) / 15)
    return np.array(slopes)


@pytest.mark.parametrize("seed", range(20))
def test_ising_spins_against_angles_solved_by_hand(seed):
    rng = np.random.default_rng(seed)
    n = 3 + seed % 4
    network = qep.ising(sites=n, edges="complete" if seed % 2 else "ring", inputs=[0, 1], outputs=[n - 1, n - 2])
    x, targets = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
    problem = qep.Problem(network, network.initial_weights(seed), x=x, cost=qep.SquaredError(targets))
    mean_field = qep.MeanField()
    reference = qep.variational_gradient(problem, mean_field)
    gradient = qep.gradient(problem, preparer=mean_field, stencil=small_stencil(problem, mean_field))
    spins = PlanarSpins(network, x, [0, 1], [n - 1, n - 2], targets)
    start = gradient.free.angles[0]
    expected = differences(lambda w: spins.loss(w, start), problem.weights, 2e-4)
    assert gradient.loss == pytest.approx(spins.loss(problem.weights, start), abs=1e-10)
    assert distance(gradient.values, expected) <= 1e-6
    assert distance(reference.values, expected) <= 1e-6


class Phases(PlanarSpins):
    """Phase oscillators: E = −Σ J cos(φ_i − φ_j) − Σ (h + x) cos φ − Σ g sin φ, by hand."""

    def angles(self, weights, start):
        edges = len(self.pairs)
        couplings = np.zeros((self.sites, self.sites))
        for (i, j), w in zip(self.pairs, weights[:edges], strict=True):
            couplings[i, j] = couplings[j, i] = w
        h, g = self.field + weights[edges : edges + self.sites], weights[edges + self.sites :]

        def slope(t):
            return (couplings * np.sin(t[:, None] - t)).sum(axis=1) + h * np.sin(t) - g * np.cos(t)

        def jacobian(t):
            pair = couplings * np.cos(t[:, None] - t)
            return np.diag(pair.sum(axis=1) + h * np.cos(t) + g * np.sin(t)) - pair

        solution = root(slope, start, jac=jacobian, tol=1e-15).x
        assert np.abs(slope(solution)).max() < 1e-12
        return solution


@pytest.mark.parametrize("seed", range(20))
def test_phase_oscillators_against_phases_solved_by_hand(seed):
    rng = np.random.default_rng(seed)
    n = 3 + seed % 4
    network = qep.phase_oscillators(sites=n, edges="complete" if seed % 2 else "ring", inputs=[0, 1], outputs=[n - 1, n - 2])
    x, targets = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
    problem = qep.Problem(network, network.initial_weights(seed), x=x, cost=qep.SquaredError(targets))
    mean_field = qep.MeanField()
    reference = qep.variational_gradient(problem, mean_field)
    gradient = qep.gradient(problem, preparer=mean_field, stencil=small_stencil(problem, mean_field))
    assert np.abs(gradient.free.carried.bloch[:, :, 1]).max() == 0.0, "the phases lie in the plane of X and Z"
    phases = Phases(network, x, [0, 1], [n - 1, n - 2], targets)
    start = gradient.free.angles[0]
    expected = differences(lambda w: phases.loss(w, start), problem.weights, 1e-4)
    assert gradient.loss == pytest.approx(phases.loss(problem.weights, start), abs=1e-10)
    assert distance(gradient.values, expected) <= 1e-6
    assert distance(reference.values, expected) <= 1e-6


def test_a_clamped_oscillator_is_held_at_phase_zero_or_pi():
    clamped = qep.phase_oscillators(sites=3, edges="chain", inputs=[0], outputs=[2], clamp=True)
    assert clamped.names == ("J[0,1]", "J[1,2]", "h[1]", "h[2]", "g[1]", "g[2]")
    weights = np.array([0.9, 0.7, 0.2, -0.1, 0.4, 0.3])
    for x in (1.0, -1.0):
        problem = qep.Problem(clamped, weights, x=[x], cost=qep.SquaredError([0.3]))
        free = qep.variational_gradient(problem, qep.MeanField())
        phases = np.linspace(-np.pi, np.pi, 721)
        one, two = np.meshgrid(phases, phases, indexing="ij")
        phase = 0.0 if x > 0 else np.pi
        energy = -0.9 * np.cos(phase - one) - 0.7 * np.cos(one - two) - 0.2 * np.cos(one) + 0.1 * np.cos(two)
        energy = energy - 0.4 * np.sin(one) - 0.3 * np.sin(two)
        assert free.predictions[0] == pytest.approx(np.cos(two.flat[energy.argmin()]), abs=0.01)


class DenseProduct(Dense):
    """Product states by turning one spin after another against its field, in full matrices."""

    def settled(self, weights, spins):
        hamiltonian = self.rest + sum(w * s for w, s in zip(weights, self.slopes, strict=True))
        n = len(spins)
        for _ in range(3000):
            before = spins.copy()
            for q in range(n):
                field = np.array([self.energy(hamiltonian, spins, q, PAULI[a]) for a in "XYZ"])
                spins[q] = -field / np.linalg.norm(field)
            if np.abs(spins - before).max() < 1e-14:
                break
        return self.density(spins)

    def density(self, spins, replaced=None, by=None):
        total = np.eye(1)
        for q, vector in enumerate(spins):
            part = (PAULI["I"] + sum(c * PAULI[a] for c, a in zip(vector, "XYZ", strict=True))) / 2
            total = np.kron(by / 2 if q == replaced else part, total)
        return total

    def energy(self, hamiltonian, spins, qubit, letter):
        return np.trace(hamiltonian @ self.density(spins, qubit, letter)).real

    def loss_near(self, weights, spins):
        rho = self.settled(weights, spins.copy())
        return self.problem.cost.value(np.array([np.trace(o @ rho).real for o in self.observables]))


@pytest.mark.parametrize("number", [3, 7, 9, 1, 13])
def test_any_strings_and_costs_against_dense_product_states(number):
    problem = random_problem(number)
    mean_field = qep.MeanField(starts=8)
    reference = qep.variational_gradient(problem, mean_field)
    gradient = qep.gradient(problem, preparer=mean_field, stencil=small_stencil(problem, mean_field))
    dense = DenseProduct(problem)
    spins = gradient.free.carried.bloch[0]
    direction = np.random.default_rng(number).normal(size=len(problem.weights))
    direction /= np.linalg.norm(direction)

    def slope(h):
        up, down = (dense.loss_near(problem.weights + s * h * direction, spins) for s in (1, -1))
        return (up - down) / (2 * h)

    coarse, fine = slope(2e-3), slope(1e-3)
    expected = (4 * fine - coarse) / 3
    size = np.linalg.norm(reference.values)
    assert gradient.loss == pytest.approx(dense.loss_near(problem.weights, spins), abs=1e-10)
    assert abs(reference.values @ direction - expected) <= 1e-6 * size
    assert abs(gradient.values @ direction - expected) <= 1e-6 * size
