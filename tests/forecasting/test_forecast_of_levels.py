"""A forecast compares with the states that its preparer aims at."""

import numpy as np

import qep_qiskit as qep


def test_a_forecast_of_an_excited_state_compares_with_that_states_gradient():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
    forecast = qep.forecast(problem, preparer=qep.Exact(level=1), stencil=qep.symmetric(0.05))
    np.testing.assert_allclose(forecast.exact, qep.exact_gradient(problem, preparer=qep.Exact(level=1)).values, atol=1e-9)
    np.testing.assert_allclose(forecast.finite_beta, forecast.exact, atol=1e-2)
