"""Mean-field states: the lowest product states, their circuits and shots, and what is refused."""

import numpy as np
import pytest
from qiskit.quantum_info import random_pauli_list
from scipy.optimize import minimize

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.simulation.closed_form.product_states import ProductEnergy

NETWORK = qep.ising(sites=4, edges="ring", inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(3), x=[0.4], cost=qep.SquaredError([1.0]))


def with_y(seed=0, n=4):
    labels = [label for label in random_pauli_list(n, 10, seed=seed, phase=False).to_labels() if label != "I" * n]
    fields = {"I" * (n - 1 - q) + letter + "I" * q: w for q in range(n) for letter, w in (("Z", 0.8 + 0.1 * q), ("Y", 0.5))}
    network = qep.pauli(terms={label: {label: 1.0} for label in dict.fromkeys(labels)}, fixed=fields, outputs=[{"IIYZ": 1}])
    weights = 0.4 * np.random.default_rng(seed).normal(size=network.num_weights)
    return qep.Problem(network, weights, cost=qep.SquaredError([0.3]).observable())


def prepared(problem, betas=(0.0,), **options):
    return qep.MeanField(**options).prepare(family_of(problem, problem.cost_rows[0], betas))


@pytest.mark.parametrize("seed", range(6))
def test_the_lowest_of_many_minima_is_found(seed):
    network = qep.ising(sites=7, edges="complete", outputs=[6])
    weights = np.random.default_rng(seed).normal(size=network.num_weights)
    problem = qep.Problem(network, weights, cost=qep.SquaredError([1.0]).observable())
    states = prepared(problem, starts=32)
    energy = ProductEnergy.of(problem.frame.paulis, problem.hamiltonian_row)

    def planar(angles):
        return float(energy.energy(np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)))

    rng = np.random.default_rng(seed + 50)
    lowest = min(minimize(planar, rng.uniform(-np.pi, np.pi, 7)).fun for _ in range(40))
    assert states.phases[0].energy <= lowest + 1e-9
    assert states.phases[0].residual < 1e-10 and states.phases[0].curvature > 0


@pytest.mark.parametrize("problem", [PROBLEM, with_y()], ids=["real", "with Y"])
def test_circuits_are_one_layer_without_entanglers(problem):
    (structure,) = prepared(problem, (0.0, 0.05, -0.05)).circuits()
    assert structure.circuit.depth() <= 2 and structure.circuit.num_nonlocal_gates() == 0


@pytest.mark.parametrize("device", [qep.statevector(seed=2), qep.simulator(seed=2)], ids=["statevector", "simulator"])
@pytest.mark.parametrize("problem", [PROBLEM, with_y(2)], ids=["real", "with Y"])
def test_shots_scatter_around_the_exact_gradient(problem, device):
    options = {"preparer": qep.MeanField(), "stencil": qep.symmetric(0.1)}
    exact = qep.gradient(problem, **options)
    gradient = qep.gradient(problem, device=device, shots=40_000, **options)
    clear = gradient.stderr > 0
    pulls = (gradient.values - exact.values)[clear] / gradient.stderr[clear]
    assert np.abs(pulls).max() < 4.5 and 0.2 < np.mean(pulls**2) < 4


def test_a_hundred_spins():
    network = qep.ising(sites=100, edges="heavy-hex", inputs=[0], outputs=[50])
    problem = qep.Problem(network, network.initial_weights(1), x=[0.5], cost=qep.SquaredError([1.0]))
    mean_field = qep.MeanField(starts=4)
    limit = qep.variational_gradient(problem, mean_field)
    gradient = qep.gradient(problem, preparer=mean_field, stencil=qep.symmetric(0.001))
    assert np.abs(gradient.values - limit.values).max() < 1e-5 * np.abs(limit.values).max()
    shots = qep.gradient(problem, preparer=mean_field, stencil=qep.symmetric(0.3), shots=500)
    assert np.all(np.isfinite(shots.values))


def test_near_gradients_lead_to_the_same_minimum_and_seeds_repeat():
    first = qep.gradient(PROBLEM, preparer=qep.MeanField())
    again = qep.gradient(PROBLEM, preparer=qep.MeanField())
    assert np.array_equal(first.values, again.values)
    near = qep.gradient(PROBLEM, preparer=qep.MeanField(starts=1), warm_start=first, seed=5)
    np.testing.assert_allclose(near.values, first.values, atol=1e-10)
    quantum = qep.gradient(PROBLEM, preparer=qep.MeanField(), warm_start=qep.gradient(PROBLEM))
    np.testing.assert_allclose(quantum.values, first.values, atol=1e-10)


def test_a_spin_without_a_field_and_a_free_phase_are_refused():
    loose = qep.pauli(terms={"J": {"IZZ": -1}, "h": {"IIZ": -1}}, outputs=[{"IZI": 1}])
    with pytest.raises(qep.DegenerateGroundStateError, match="turning the spins of qubits 2 costs nothing"):
        qep.gradient(qep.Problem(loose, [1.0, 0.5], cost=qep.SquaredError([1.0])), preparer=qep.MeanField())
    turning = qep.pauli(terms={"J": {"ZZ": -1, "XX": -1}}, outputs=[{"IZ": 1}])
    with pytest.raises(qep.DegenerateGroundStateError, match="the mean-field energy is flat"):
        qep.variational_gradient(qep.Problem(turning, [1.0], cost=qep.SquaredError([1.0])), qep.MeanField())


def test_equally_low_minima_and_large_nudges_are_reported():
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    twofold = qep.Problem(network, [1.0, 1.0, 0, 0, 0, 0.3, 0.3, 0.3], cost=qep.SquaredError([1.0]))
    with pytest.warns(UserWarning, match="several equally low minima that predict differently"):
        qep.gradient(twofold, preparer=qep.MeanField(), stencil=qep.symmetric(0.01))
    with pytest.warns(UserWarning, match="the bias of β = 3 is .* of the gradient .*take β = "):
        qep.gradient(PROBLEM, preparer=qep.MeanField(), stencil=qep.one_sided(3.0))


@pytest.mark.parametrize(
    "options", [{"starts": 0}, {"starts": 1.5}, {"tolerance": 0}, {"tolerance": float("nan")}, {"max_iterations": True}]
)
def test_options_are_checked(options):
    with pytest.raises(qep.InputError, match=f"MeanField: {next(iter(options))}: .* is not allowed"):
        qep.MeanField(**options)
