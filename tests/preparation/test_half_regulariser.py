"""The change of a response at half the regulariser of VQE's angles, against responses of independent stationary angles."""

import dataclasses

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.ansatz.hamiltonian import annealing_angles
from qep_qiskit.equilibrium import bias
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.local_response import local_response
from qep_qiskit.preparation.model import regulariser
from qep_qiskit.preparation.response import Response
from qep_qiskit.preparation.structures import structure_for

MU = 1e-2


@pytest.fixture(scope="module")
def problem():
    network = qep.ising(sites=5, edges="chain", inputs=[0], outputs=[3])
    weights = [{"J": 0.6, "h": 0.3, "g": 1.2}[name[0]] + 0.05 * k for k, name in enumerate(network.names)]
    return qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]))


def dense_changes(problem, vqe, theta, mu):
    """Newton's method to the stationary angles, and d⟨P⟩/dβ there, on state vectors with exact Hessians."""
    family = free_family(problem)
    program, strings = vqe.compiled(family).program, structure_for(family.frame.paulis)
    free, centre = strings.bind(family.free), centre_of(family)
    for _ in range(6):
        curvature = program.hessian(theta, free) + mu * np.eye(len(theta))
        theta = theta - np.linalg.solve(curvature, program.energy_and_gradient(theta, free)[1] + mu * (theta - centre))
    assert np.linalg.norm(program.energy_and_gradient(theta, free)[1] + mu * (theta - centre)) < 1e-11
    nudge = nudge_at(problem, strings.expectations(program.states(theta[None]))[0])
    moved = -np.linalg.solve(
        program.hessian(theta, free) + mu * np.eye(len(theta)), program.energy_and_gradient(theta, strings.bind(nudge))[1]
    )
    ahead, behind = strings.expectations(program.states(theta + 1e-5 * np.array([moved, -moved])))
    return (ahead - behind) / 2e-5


def centre_of(family):
    return annealing_angles([family.frame.labels[i] for i in family.support], family.free[family.support] / family.unit, layers=1)


def nudge_at(problem, values):
    return problem.cost.error_signal(problem.cost_rows @ values) @ problem.cost_rows


def test_both_estimates_are_those_of_independent_descents(problem):
    family, vqe = free_family(problem), qep.VQE(layers=1, regulariser=MU, tolerance=1e-8)
    compiled, theta = vqe.compiled(family), vqe.prepare(family).angles[0]
    mu = regulariser(MU, family.frame, family.free)
    softened = qep.VQE(layers=1, regulariser=MU / 2, tolerance=1e-8)
    response = local_response(
        family, compiled, theta, mu, centre_of(family), lambda: softened.prepare(family, warm_start=None).angles[0]
    )
    first, halved = (
        response(nudge_at(problem, compiled.evaluator.expectations(theta[None])[0])).softer(e) for e in (False, True)
    )
    more, less = (dense_changes(problem, vqe, theta, (1 + share) * mu) for share in (0.01, -0.01))
    scale = np.abs(first).max()
    assert scale > 1e-4
    np.testing.assert_allclose(first, -0.5 * (more - less) / 0.02, rtol=0, atol=2e-3 * scale)
    whole, half = (dense_changes(problem, vqe, theta, share * mu) for share in (1.0, 0.5))
    np.testing.assert_allclose(halved, half - whole, rtol=0, atol=2e-3 * scale)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_the_diagnostics_state_it_and_a_large_one_is_computed_and_warned_of(monkeypatch):
    network = qep.ising(sites=16, edges="chain", inputs=[0, 1], outputs=[8])
    weights = [{"J": 0.5, "h": 0.3, "g": 1.5}[name[0]] for name in network.names]
    problem = qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))

    def measured(share):
        vqe = qep.VQE(layers=1, simulation="light_cones", regulariser=share, tolerance=1e-5)
        return qep.gradient(problem, preparer=vqe, stencil=qep.symmetric(0.02))

    weak, strong, half = measured(1e-4), measured(0.08), measured(0.04)
    said = weak.diagnostics["half_regulariser"]
    assert 0.0 < said < bias.SUSPECTED and not any("regulariser" in each for each in weak.diagnostics.warnings)
    change = np.linalg.norm(half.values - strong.values) / np.linalg.norm(strong.values)
    assert change > bias.TOO_STIFF
    assert strong.diagnostics["half_regulariser"] == pytest.approx(change, rel=0.02)
    warnings = [each for each in strong.diagnostics.warnings if "half the regulariser" in each]
    assert len(warnings) == 1 and "take a smaller preparation.regulariser" in warnings[0]


def test_nothing_is_said_where_it_is_not_known():
    estimate = bias.Bias(0.1, 2, regulariser=0.03)
    assert len(estimate.stiff) == 1 and dataclasses.replace(estimate, regulariser=None).stiff == []
    assert dataclasses.replace(estimate, regulariser=0.019).stiff == []


def test_a_saddle_at_half_the_regulariser_leaves_the_estimate_in_first_order(problem):
    """The gradient itself, of stationary angles at the whole regulariser, is as good as any."""
    rows = problem.derivative_rows

    def softer(exact):
        if exact:
            raise PreparationError("the free phase is a saddle of the energy and not a minimum")
        return np.full(rows.shape[1], 0.1)

    response = Response(1.0, lambda strings: np.ones(len(strings)), "the ansatz", softer=softer)
    share = bias._effect_of_regulariser(problem, response, rows @ np.ones(rows.shape[1]), 0.0)
    assert share == pytest.approx(0.1) and share > bias.SUSPECTED
