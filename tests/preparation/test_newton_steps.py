"""Newton steps by conjugate gradients against dense solutions."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.preparation.evaluator import hessians
from qep_qiskit.preparation.newton_steps import newton_steps
from qep_qiskit.simulation.batched.program import BatchedProgram

MU = np.array([1e-3, 2e-3])


def gradients_of(evaluator, coefficients):
    return lambda rows, thetas: evaluator.energies_and_gradients(thetas, coefficients[rows])[1] + MU[rows, None] * thetas


@pytest.fixture(scope="module")
def minima():
    """An evaluator, the coefficients of two energies, the angles of their minima, and the Hessians with the regulariser there."""
    network, vqe = qep.ising(sites=4, edges="ring", inputs=[0], outputs=[2]), qep.VQE(layers=1, starts=1, tolerance=1e-6)
    weights = network.initial_weights(seed=4)
    problems = [qep.Problem(network, weights, x=[x], cost=qep.SquaredError([0.4])) for x in (-0.6, 0.9)]
    families = [free_family(problem) for problem in problems]
    thetas = np.array([vqe.prepare(family, seed=1).angles[0] for family in families])
    evaluator = BatchedProgram(vqe.compiled(families[0]).circuit, families[0].frame.paulis)
    coefficients = np.array([family.free for family in families])
    return (
        evaluator,
        coefficients,
        thetas,
        hessians(evaluator, thetas, coefficients) + MU[:, None, None] * np.eye(thetas.shape[1]),
    )


@pytest.mark.parametrize("off", [0.01, 0.1])
def test_they_solve_for_the_slopes(minima, off):
    evaluator, coefficients, thetas, matrices = minima
    gradients = gradients_of(evaluator, coefficients)
    slopes, here = np.random.default_rng(3).normal(size=thetas.shape), gradients(np.arange(2), thetas)
    nearly = np.linalg.inv(matrices + off * np.eye(thetas.shape[1]))
    steps, solved = newton_steps(gradients, thetas, slopes, MU, nearly, here, precision=1e-6, most=60)
    assert solved.all()
    left = (matrices @ steps[:, :, None])[:, :, 0] + slopes
    assert np.linalg.norm(left) < 1e-3 * np.linalg.norm(slopes)


def test_rows_without_enough_iterations_or_with_a_downward_curve_are_not_found(minima):
    evaluator, coefficients, thetas, matrices = minima
    slopes, rough = np.random.default_rng(3).normal(size=thetas.shape), np.tile(np.eye(thetas.shape[1]), (2, 1, 1))
    gradients, both = gradients_of(evaluator, coefficients), np.arange(2)
    here = gradients(both, thetas)
    assert not newton_steps(gradients, thetas, slopes, MU, rough, here, precision=1e-8, most=2)[1].any()
    upside_down = gradients_of(evaluator, np.stack([coefficients[0], -coefficients[1]]))
    here = upside_down(both, thetas)
    solved = newton_steps(upside_down, thetas, slopes, MU, np.linalg.inv(matrices), here, precision=1e-6, most=60)[1]
    assert solved.tolist() == [True, False]


def test_a_row_without_a_slope_stays_where_it_is(minima):
    evaluator, coefficients, thetas, matrices = minima
    gradients, none = gradients_of(evaluator, coefficients), np.zeros_like(thetas)
    here = gradients(np.arange(2), thetas)
    steps, solved = newton_steps(gradients, thetas, none, MU, np.linalg.inv(matrices), here, precision=1e-6, most=5)
    assert solved.all() and not steps.any()
