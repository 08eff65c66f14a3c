"""References of large networks by matrix product states against diagonalisation, and what they say of their own errors."""

from dataclasses import replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import DegenerateGroundStateError
from qep_qiskit.preparation import Exact, Thermal
from qep_qiskit.reference import Reference, reference_gradient, selection
from qep_qiskit.reference.tensor_network import BONDS, GroundStates, at_stencil, limit


def problem_of(sites, edges="chain", *, seed=0, cost=None, J=(-1.0, 1.0), h=(-0.5, 0.5), g=(0.5, 1.5), output=None):
    network = qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[sites // 2 if output is None else output])
    rng = np.random.default_rng(seed)
    couplings = len(network.names) - 2 * sites
    weights = np.concatenate([rng.uniform(*J, couplings), rng.uniform(*h, sites), rng.uniform(*g, sites)])
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=cost or qep.SquaredError([1.0]).observable())


CASES = [
    problem_of(8),
    problem_of(9, "heavy-hex", seed=1),
    problem_of(8, "ring", seed=2, cost=qep.SquaredError([1.0])),
    problem_of(7, "complete", seed=3),
    problem_of(10, J=(0.9, 1.1), h=(0.0, 0.02), g=(0.9, 1.1)),
]


@pytest.mark.parametrize("problem", CASES, ids=["chain", "heavy-hex", "two rounds", "complete", "near critical"])
def test_matrix_product_states_agree_with_diagonalisation_within_what_they_state(problem):
    states = GroundStates(problem)
    here, stencil = limit(states), qep.symmetric(0.2)
    exact = qep.exact_gradient(problem)
    error = np.abs(here.values - exact.values)
    assert error.max() < 1e-3 * np.abs(exact.values).max()
    assert (error <= here.uncertainty).all() and here.error < 2e-3
    assert here.gradient.loss == pytest.approx(exact.loss, rel=1e-5)
    nudged = at_stencil(states, stencil)
    same = qep.gradient(problem, preparer=Exact(tolerance=1e-12), stencil=stencil)
    assert (np.abs(nudged.values - same.values) <= nudged.uncertainty + 1e-6).all()
    assert not here.warnings and not nudged.warnings and here.sure
    assert here.scale * states.nudge_size >= 0.99 * exact.diagnostics.gap


def test_too_small_bond_dimensions_are_seen_in_the_uncertainty(monkeypatch):
    monkeypatch.setattr("qep_qiskit.reference.tensor_network.BONDS", (2, 3, 5))
    problem = problem_of(8, "complete", seed=3, h=(0.2, 0.5))
    exact = qep.exact_gradient(problem)
    rough = limit(GroundStates(problem))
    error = float(np.linalg.norm(rough.values - exact.values))
    assert error > 1e-4 and error < 5 * np.linalg.norm(rough.uncertainty)
    assert not rough.sure or error < 0.05 * np.linalg.norm(exact.values)


@pytest.mark.parametrize("halvings", [1, 2])
def test_a_limit_that_is_not_reached_names_the_nudges_that_were_used(halvings, monkeypatch):
    monkeypatch.setattr("qep_qiskit.reference.tensor_network.CURVED", 0.0)
    monkeypatch.setattr("qep_qiskit.reference.tensor_network.HALVINGS", halvings)
    reference = limit(GroundStates(problem_of(6)))
    used = max(phase.beta for phase in reference.gradient.diagnostics.phases)
    assert f"extrapolated from β = {used:.2g} and {2 * used:.2g}" in reference.method
    assert any(f"at β = {used:.1g}" in text for text in reference.warnings)
    double = limit_at(GroundStates(problem_of(6)), used)
    np.testing.assert_allclose(reference.values, double, atol=1e-7)


def limit_at(states, beta):
    """D(β) + (D(β) − D(2β))/3 from symmetric differences D."""
    near, far = (states.gradient(qep.symmetric(b), states.bond(0)) for b in (beta, 2 * beta))
    return near + (near - far) / 3


def test_a_phase_above_the_energy_of_another_state_is_computed_again():
    states, chi = GroundStates(problem_of(8)), BONDS[0]
    right = states.state(0.2, chi)
    states._states[chi, 0.2] = replace(right, energy=right.energy + 0.1)
    states._escape((chi, 0.2))
    assert states.state(0.2, chi).energy == pytest.approx(right.energy, abs=1e-9)


def test_a_nudge_across_a_transition_is_followed():
    problem = problem_of(10, J=(0.9, 1.1), h=(0.02, 0.03), g=(0.2, 0.3), cost=qep.SquaredError([-1.0]).observable())
    stencil = qep.symmetric(0.6)
    there = at_stencil(GroundStates(problem), stencil)
    with pytest.warns(UserWarning, match="leads to another state"), pytest.warns(UserWarning, match="bias of"):
        exact = qep.gradient(problem, preparer=Exact(), stencil=stencil)
    np.testing.assert_allclose(there.values, exact.values, atol=1e-6)


def test_equal_energies_are_refused():
    network = qep.ising(sites=16, edges="chain", inputs=[0], outputs=[15])
    weights = np.concatenate([np.ones(15), np.zeros(16), np.full(16, 0.05)])
    with pytest.raises(DegenerateGroundStateError, match="same energy"):
        GroundStates(qep.Problem(network, weights, x=[0.0], cost=qep.SquaredError([0.5]).observable()))


def test_one_function_chooses_by_size(monkeypatch):
    problem = CASES[0]
    dense = reference_gradient(problem), reference_gradient(problem, stencil=qep.symmetric(0.1))
    monkeypatch.setattr(selection, "DENSE_QUBITS", 4)
    large = reference_gradient(problem), reference_gradient(problem, stencil=qep.symmetric(0.1))
    for one, other in zip(dense, large, strict=True):
        assert one.uncertainty is None and one.error == 0.0 and other.uncertainty.shape == one.values.shape
        np.testing.assert_allclose(other.values, one.values, atol=1e-4)
        assert "matrix product" in other.method and "matrix product" not in one.method
    warm = reference_gradient(problem, preparer=Thermal(0.5))
    np.testing.assert_allclose(warm.values, qep.exact_gradient(problem, preparer=Thermal(0.5)).values)


def test_the_states_of_one_problem_are_computed_once(monkeypatch):
    monkeypatch.setattr(selection, "DENSE_QUBITS", 4)
    problem = problem_of(8, seed=9)
    first = reference_gradient(problem)
    monkeypatch.setattr("qep_qiskit.simulation.mps.TensorSolver.ground_state", None)
    assert reference_gradient(problem) == first


def test_a_state_of_lower_energy_is_a_doubt():
    reference = reference_gradient(CASES[0])
    assert isinstance(reference, Reference) and reference.above(reference.energy + 0.1) == ""
    assert reference.above(reference.energy - 1e-9) == ""  # rounding
    assert "metastable" in reference.above(reference.energy - 0.1)


def test_matrix_product_states_differentiate_by_the_inputs_too():
    problem = problem_of(4, cost=qep.SquaredError([1.0]))
    here = limit(GroundStates(problem.with_inputs()))
    exact = qep.exact_gradient(problem, inputs=True)
    np.testing.assert_allclose(here.gradient.input_values, exact.input_values, atol=1e-3 * np.abs(exact.input_values).max())
    np.testing.assert_allclose(here.values, exact.values, atol=1e-3 * np.abs(exact.values).max())
    assert len(here.values) == len(here.uncertainty) == problem.network.num_weights
