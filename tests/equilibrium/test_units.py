"""The unit of energy does not matter: H and β times a factor give the same states, and gradients divided by it."""

import warnings

import numpy as np
import pytest

import qep_qiskit as qep

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
WEIGHTS = NETWORK.weight_vector(NETWORK.initial_weights(seed=3))
UNITS = [1e-15, 3.7e3, 1e60]
PREPARERS = {"exact": qep.Exact(), "vqe": qep.VQE(layers=2), "mps": qep.MPS()}


def in_unit(unit):
    return qep.Problem(NETWORK, WEIGHTS * unit, x=[0.5 * unit], cost=qep.SquaredError([0.4]))


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("name", "apart"), [("exact", 1e-8), ("vqe", 5e-4), ("mps", 1e-5)])
def test_gradients_are_those_of_the_usual_unit(name, apart, unit):
    usual, here = (
        qep.gradient(in_unit(u), preparer=PREPARERS[name], stencil=qep.symmetric(0.2 * u)).values * u for u in (1.0, unit)
    )
    assert np.linalg.norm(here - usual) < apart * np.linalg.norm(usual)


def test_a_power_of_two_changes_no_angle():
    one, other = (
        qep.gradient(in_unit(u), preparer=qep.VQE(layers=2), stencil=qep.symmetric(0.2 * u), seed=1) for u in (1.0, 2.0**40)
    )
    assert np.array_equal(one.values, other.values * 2.0**40) and np.array_equal(one.predictions, other.predictions)
    residuals = [[phase.residual for phase in gradient.diagnostics.phases] for gradient in (one, other)]
    assert np.array_equal(np.multiply(residuals[0], 2.0**40), residuals[1])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", PREPARERS)
def test_the_default_nudge_does_not_drown_in_rounding(name, unit):
    problem = in_unit(unit)
    gradient = qep.gradient(problem, preparer=PREPARERS[name])
    exact = qep.variational_gradient(problem, preparer=PREPARERS[name]) if name == "vqe" else qep.exact_gradient(problem)
    assert np.linalg.norm(gradient.values - exact.values) < 0.01 * np.linalg.norm(exact.values)


def test_a_lost_nudge_of_a_search_is_not_told_to_be_smaller():
    with pytest.warns(UserWarning, match=r"β = 1e-06 is too small a nudge for double precision: .*; take β = 8.39e[+]07"):
        qep.gradient(in_unit(1e9), preparer=qep.VQE(layers=2), stencil=qep.symmetric(1e-6))


def test_a_training_in_large_units_learns():
    X, y, options = np.array([[-1.0], [1.0]]), [-0.5, 0.5], {"optimizer": "sgd", "epochs": 3, "batch_size": 2, "seed": 1}
    usual = qep.train(NETWORK, X, y, weights=WEIGHTS, learning_rate=1e-2, **options)
    large = qep.train(NETWORK, X * 1e12, y, weights=WEIGHTS * 1e12, learning_rate=1e22, **options)
    assert abs(large.history[-1]["loss"] - usual.history[-1]["loss"]) < 1e-3
