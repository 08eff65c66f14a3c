"""Costs: error signals and curvatures against finite differences, and the two objectives that are easily confused."""

from __future__ import annotations

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.costs import Cost
from qep_qiskit.errors import InputError

NETWORK = qep.ising(sites=3, edges="chain", outputs=[0, 2])


def tilted(v: np.ndarray) -> float:
    return float(v[0] ** 3 - v[0] * v[1] + np.sin(v[1]))


COSTS = {
    "squared error": qep.SquaredError([1.0, -0.5]),
    "cross entropy of a class": qep.softmax_cross_entropy(1, scale=3.0),
    "cross entropy of probabilities": qep.softmax_cross_entropy([0.2, 0.8], scale=0.7),
    "user's own": qep.ExpectationCost(tilted, lambda v: np.array([3 * v[0] ** 2 - v[1], -v[0] + np.cos(v[1])])),
}


@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS.keys())
def test_error_signal_and_curvature_are_derivatives(cost: Cost) -> None:
    assert isinstance(cost, Cost) and cost.needs_free_phase
    assert cost.observables(NETWORK) == NETWORK.outputs
    v, step = np.array([0.3, -0.6]), 1e-5
    shifts = step * np.eye(2)
    slope = [(cost.value(v + e) - cost.value(v - e)) / (2 * step) for e in shifts]
    np.testing.assert_allclose(cost.error_signal(v), slope, atol=1e-8)
    bend = [(cost.error_signal(v + e) - cost.error_signal(v - e)) / (2 * step) for e in shifts]
    np.testing.assert_allclose(cost.curvature(v), bend, atol=1e-7)


def test_observable_squared_error_counts_the_variance_too() -> None:
    cost = qep.SquaredError([1.0, -0.5]).observable()
    assert not cost.needs_free_phase
    (operator,) = cost.observables(NETWORK)
    z0, z2 = (o.to_matrix() for o in NETWORK.outputs)
    eye = np.eye(8)
    np.testing.assert_allclose(operator.to_matrix(), (z0 - eye) @ (z0 - eye) + (z2 + 0.5 * eye) @ (z2 + 0.5 * eye), atol=1e-12)
    assert cost.value(np.array([0.7])) == 0.7 and cost.error_signal(np.array([0.7])).tolist() == [1.0]


def test_the_two_objectives_differ() -> None:
    weights = NETWORK.initial_weights(seed=1)
    of_expectations = qep.SquaredError([1.0, 1.0])
    a = qep.exact_gradient(qep.Problem(NETWORK, weights, cost=of_expectations))
    b = qep.exact_gradient(qep.Problem(NETWORK, weights, cost=of_expectations.observable()))
    assert b.loss > a.loss and np.abs(a.values - b.values).max() > 0.1


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: qep.Problem(NETWORK, NETWORK.initial_weights(), cost=qep.SquaredError([1.0])), "target y"),
        (lambda: qep.SquaredError([float("nan")]), "nan"),
        (lambda: qep.ObservableCost({"ZQ": 1.0}), "ZQ"),
        (lambda: qep.ObservableCost({"ZZ": 1j}), "1j"),
        (lambda: qep.Problem(NETWORK, NETWORK.initial_weights(), cost=qep.ObservableCost({"ZZ": 1.0})), "2 qubits"),
        (lambda: qep.ExpectationCost(3, abs), "loss"),  # type: ignore[arg-type]
        (lambda: qep.softmax_cross_entropy(2).value(np.zeros(2)), "class 2"),
        (lambda: qep.Problem(NETWORK, NETWORK.initial_weights(), cost="squared_error"), "squared_error"),  # type: ignore[arg-type]
    ],
)
def test_bad_costs_are_refused_in_one_line(make, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=names) as caught:
        make()
    assert "\n" not in str(caught.value)
