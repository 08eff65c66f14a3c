"""exact_gradient against central differences of the loss, and Exact at finite β against dense diagonalisation."""

import numpy as np
import pytest
from dense import Dense
from random_problems import random_problem

import qep_qiskit as qep

STENCILS = {"one_sided": qep.one_sided, "symmetric": qep.symmetric, "extrapolated": qep.extrapolated}


def distance(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("number", range(30))
def test_the_exact_gradient_is_the_slope_of_the_loss(number):
    problem = random_problem(number)
    dense = Dense(problem)
    gradient = qep.exact_gradient(problem)
    step = min(2e-3, 0.01 * dense.gap)
    assert distance(gradient.values, dense.differences(step)) <= 1e-6
    state = dense.ground(dense.weights)
    assert gradient.loss == pytest.approx(dense.loss(dense.weights), abs=1e-9)
    np.testing.assert_allclose(gradient.predictions, [np.vdot(state, o @ state).real for o in dense.outputs], atol=1e-9)
    assert gradient.diagnostics["gap"] == pytest.approx(dense.gap, abs=1e-7)
    assert gradient.stderr is None


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("kind", STENCILS)
@pytest.mark.parametrize("number", range(0, 30, 3))
def test_exact_preparation_at_finite_beta_equals_dense_diagonalisation(number, kind):
    problem = random_problem(number)
    stencil = STENCILS[kind](0.1)
    gradient = qep.gradient(problem, stencil=stencil)
    expected = Dense(problem).nudged(stencil.betas, stencil.factors)
    assert np.abs(gradient.values - expected).max() <= 1e-8


@pytest.mark.parametrize(
    ("kind", "order", "betas"),
    [
        ("one_sided", 1, [1e-3, 2e-3, 4e-3, 8e-3]),
        ("symmetric", 2, [0.01, 0.02, 0.04]),
        ("extrapolated", 4, [0.01, 0.015, 0.02]),
    ],
)
@pytest.mark.parametrize("cost", ["squared_error", "observable"])
def test_the_bias_falls_with_the_order_of_the_stencil(kind, order, betas, cost):
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[2, 3])
    squared = qep.SquaredError([1.0, -0.5])
    problem = qep.Problem(
        network, network.initial_weights(7), x=[0.5], cost=squared if cost == "squared_error" else squared.observable()
    )
    exact = qep.exact_gradient(problem).values
    bias = [
        np.linalg.norm(qep.gradient(problem, preparer=qep.Exact(tolerance=1e-13), stencil=STENCILS[kind](b)).values - exact)
        for b in betas
    ]
    slope = np.polyfit(np.log(betas), np.log(bias), 1)[0]
    assert slope == pytest.approx(order, abs=0.1), bias
