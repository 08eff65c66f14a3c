"""EP on Gibbs states against central differences of the thermal loss, from matrix exponentials."""

import numpy as np
import pytest
from dense import Dense
from random_problems import random_problem
from scipy.linalg import expm

import qep_qiskit as qep


class DenseThermal(Dense):
    temperature = 1.0

    def rho(self, weights, nudge=0.0):
        hamiltonian = self.rest + sum(w * s for w, s in zip(weights, self.slopes, strict=True)) + nudge
        hamiltonian = hamiltonian - np.eye(len(hamiltonian)) * np.linalg.eigvalsh(hamiltonian)[0]
        weights = expm(-hamiltonian / self.temperature)
        return weights / np.trace(weights).real

    def ground(self, weights, nudge=0.0):
        return self.rho(weights, nudge)

    def observed(self, state):
        return np.array([np.trace(o @ state).real for o in self.observables])


def distance(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 8, 12, 14, 15])
def test_the_gradient_is_the_slope_of_the_thermal_loss(number, temperature):
    problem = random_problem(number)
    dense = DenseThermal(problem)
    dense.temperature = temperature
    expected = dense.differences(5e-3)
    thermal = qep.Thermal(temperature)
    exact = qep.exact_gradient(problem, preparer=thermal)
    assert distance(exact.values, expected) <= 1e-6
    assert exact.loss == pytest.approx(dense.loss(dense.weights), abs=1e-10)
    size = np.abs(problem.cost.error_signal(problem.cost_rows[:, 0] * 0) @ problem.cost_rows).sum() + 1
    gradient = qep.gradient(problem, preparer=thermal, stencil=qep.extrapolated(0.01 * min(temperature, 1.0) / size))
    assert distance(gradient.values, expected) <= 1e-6


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_cold_states_have_the_ground_states_gradient(number):
    problem = random_problem(number)
    ground = qep.exact_gradient(problem)
    errors = []
    for share in (0.2, 0.1, 0.03):
        cold = qep.exact_gradient(problem, preparer=qep.Thermal(share * ground.diagnostics["gap"]))
        errors.append(distance(cold.values, ground.values))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-9


def test_hot_states_forget_and_degenerate_levels_do_no_harm():
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    zero_fields = {name: 1.0 if name.startswith("J") else 0.0 for name in network.names}
    problem = qep.Problem(network, zero_fields, cost=qep.SquaredError([1.0]))
    with pytest.raises(qep.DegenerateGroundStateError):
        qep.exact_gradient(problem)
    warm = qep.exact_gradient(problem, preparer=qep.Thermal(0.7))
    dense = DenseThermal(problem)
    dense.temperature = 0.7
    assert distance(warm.values, dense.differences(5e-3)) <= 1e-6
    hot = qep.exact_gradient(problem, preparer=qep.Thermal(1e4))
    assert hot.loss == pytest.approx(1.0, abs=1e-3) and np.abs(hot.values).max() < 1e-3


def test_thermal_states_report_and_refuse():
    problem = random_problem(2)
    thermal = qep.Thermal(0.5)
    gradient = qep.gradient(problem, preparer=thermal, stencil=qep.symmetric(0.01))
    assert gradient.provenance["preparer"] == {"method": "thermal", "temperature": 0.5}
    energies = np.linalg.eigvalsh(problem.network.hamiltonian(problem.weights, problem.x).to_matrix())
    weights = np.exp(-(energies - energies[0]) / 0.5)
    mean = weights @ energies / weights.sum()
    free = gradient.diagnostics["phases"][0]
    assert free["energy"] == pytest.approx(mean) and free["variance"] == pytest.approx(
        weights @ energies**2 / weights.sum() - mean**2
    )
    assert gradient.diagnostics["gap"] == pytest.approx(energies[1] - energies[0])
    for options in ({"shots": 100}, {"device": qep.simulator(), "shots": 100}, {"device": qep.simulator(noise="fake_manila")}):
        with pytest.raises(qep.InputError, match="a thermal state is mixed .* no device and no shots"):
            qep.gradient(problem, preparer=thermal, stencil=qep.symmetric(0.01), **options)
    for value in (0, -1.0, float("nan"), float("inf"), "warm", True, None):
        with pytest.raises(qep.InputError, match="Thermal: temperature: .* is not allowed; give a finite number above 0"):
            qep.Thermal(value)
    network = qep.ising(sites=13, edges="chain", outputs=[12])
    large = qep.Problem(network, network.initial_weights(0), cost=qep.SquaredError([1.0]))
    for verb in (qep.gradient, qep.exact_gradient):
        with pytest.raises(qep.InputError, match="13 qubits .*at most 12"):
            verb(large, preparer=thermal)


@pytest.mark.parametrize("temperature", [1e-3, 1e-12, 1e-20, 1e-300])
def test_the_response_of_a_cold_state_is_that_of_the_ground_state(temperature):
    """Its two parts grow as 1/T and cancel."""
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    weights, x, cotangent = network.weight_vector(network.initial_weights(seed=5)), [0.7], [1.0]
    cold, ground = (qep.vjp(network, weights, x, cotangent, preparer=p) for p in (qep.Thermal(temperature), qep.Exact()))
    assert np.allclose(cold.weights, ground.weights, rtol=1e-9, atol=1e-12)
    assert np.allclose(cold.inputs, ground.inputs, rtol=1e-9, atol=1e-12)
