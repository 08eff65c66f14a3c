"""Newton steps by conjugate gradients against dense solutions."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.preparation.evaluator import hessians
from qep_qiskit.preparation.newton_steps import newton_steps
from qep_qiskit.simulation.batched.program import BatchedProgram


@pytest.fixture(scope="module")
def minima():
    """An evaluator with two minima, the coefficients and the Hessians with the regulariser there."""
    network, vqe = qep.ising(sites=4, edges="ring", inputs=[0], outputs=[2]), qep.VQE(layers=1, starts=1, tolerance=1e-6)
    problems = [qep.Problem(network, network.initial_weights(seed=4), x=[x], cost=qep.SquaredError([0.4])) for x in (-0.6, 0.9)]
    families = [free_family(problem) for problem in problems]
    thetas = np.array([vqe.prepare(family, seed=1).angles[0] for family in families])
    evaluator = BatchedProgram(vqe.compiled(families[0]).circuit, families[0].frame.paulis)
    coefficients = np.array([family.free for family in families])
    mu = np.array([1e-3, 2e-3])
    return (
        evaluator,
        thetas,
        coefficients,
        mu,
        hessians(evaluator, thetas, coefficients) + mu[:, None, None] * np.eye(thetas.shape[1]),
    )


@pytest.mark.parametrize("known", [1.0, 0.5])
def test_they_solve_for_the_slopes(minima, known):
    evaluator, thetas, coefficients, mu, matrices = minima
    slopes = np.random.default_rng(3).normal(size=thetas.shape)
    nearly = np.linalg.inv(matrices + known * 0.1 * np.eye(thetas.shape[1]))
    steps, found = newton_steps(evaluator, thetas, coefficients, mu, nearly, slopes, precision=1e-6, most=60)
    assert found.all()
    np.testing.assert_allclose((matrices @ steps[:, :, None])[:, :, 0], -slopes, atol=2e-5)


def test_rows_without_enough_iterations_or_with_a_downward_curve_are_not_found(minima):
    evaluator, thetas, coefficients, mu, matrices = minima
    slopes = np.random.default_rng(3).normal(size=thetas.shape)
    rough = np.tile(np.eye(thetas.shape[1]), (2, 1, 1))
    assert not newton_steps(evaluator, thetas, coefficients, mu, rough, slopes, precision=1e-8, most=2)[1].any()
    upside_down = np.stack([coefficients[0], -coefficients[1]])
    found = newton_steps(evaluator, thetas, upside_down, mu, np.linalg.inv(matrices), slopes, precision=1e-6, most=60)[1]
    assert found.tolist() == [True, False]


def test_a_row_without_a_slope_stays_where_it_is(minima):
    evaluator, thetas, coefficients, mu, matrices = minima
    slopes = np.zeros_like(thetas)
    steps, found = newton_steps(evaluator, thetas, coefficients, mu, np.linalg.inv(matrices), slopes, precision=1e-6, most=5)
    assert found.all() and not steps.any()
