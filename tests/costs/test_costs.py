"""Costs, all by one contract; the two objectives that are easily confused; and what is refused."""

from __future__ import annotations

import sys
from typing import ClassVar

import numpy as np
import pytest
from cost_contract import NETWORK, OUTPUTS, CostContract

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS


def mean(matrix, state):
    return np.vdot(state, matrix @ state).real


class TestSquaredError(CostContract):
    cost = qep.SquaredError([1.0, -0.5])
    kind, target = "squared_error", [1.0, -0.5]
    wrong: ClassVar = [qep.SquaredError([1.0])]

    def by_hand(self, state):
        return (mean(OUTPUTS[0], state) - 1.0) ** 2 + (mean(OUTPUTS[1], state) + 0.5) ** 2


class TestSquaredErrorObservable(CostContract):
    cost = qep.SquaredError([1.0, -0.5]).observable()
    kind, target = "squared_error_observable", [1.0, -0.5]
    wrong: ClassVar = [qep.SquaredError([1.0]).observable()]

    def by_hand(self, state):
        shifted = [matrix - y * np.eye(8) for matrix, y in zip(OUTPUTS, self.target, strict=True)]
        return sum(mean(matrix @ matrix, state) for matrix in shifted)


class TestObservableCost(CostContract):
    cost = qep.ObservableCost({"ZIZ": 0.7, "IXI": -0.4})
    kind, keys = "observable", {"operator": {"ZIZ": 0.7, "IXI": -0.4}}
    wrong: ClassVar = [qep.ObservableCost({"ZZ": 1.0})]

    def by_hand(self, state):
        return mean(0.7 * OUTPUTS[0] @ OUTPUTS[1] - 0.4 * np.kron(np.kron(np.eye(2), [[0, 1], [1, 0]]), np.eye(2)), state)


class TestLinearCost(CostContract):
    cost = qep.LinearCost([0.7, -1.2])
    kind, keys = "linear", {"cotangent": [0.7, -1.2]}
    wrong: ClassVar = [qep.LinearCost([0.7]), qep.LinearCost([0.7, -1.2, 0.1])]

    def by_hand(self, state):
        return 0.7 * mean(OUTPUTS[0], state) - 1.2 * mean(OUTPUTS[1], state)


class TestSoftmaxCrossEntropy(CostContract):
    cost = qep.softmax_cross_entropy(1, scale=3.0)
    kind, target, keys = "softmax_cross_entropy", 1, {"scale": 3.0}
    wrong: ClassVar = [qep.softmax_cross_entropy(2)]
    probabilities = (0.0, 1.0)

    def by_hand(self, state):
        powers = np.exp(self.keys["scale"] * np.array([mean(matrix, state) for matrix in OUTPUTS]))
        return -float(self.probabilities @ np.log(powers / powers.sum()))


class TestSoftmaxCrossEntropyOfProbabilities(TestSoftmaxCrossEntropy):
    cost = qep.softmax_cross_entropy([0.2, 0.8], scale=0.7)
    target, keys = [0.2, 0.8], {"scale": 0.7}
    wrong: ClassVar = [qep.softmax_cross_entropy([0.2, 0.3, 0.5])]
    probabilities = (0.2, 0.8)


def tilted(v: np.ndarray) -> float:
    return float(v[0] ** 3 - v[0] * v[1] + np.sin(v[1]))


def tilted_slope(v: np.ndarray) -> np.ndarray:
    return np.array([3 * v[0] ** 2 - v[1], -v[0] + np.cos(v[1])])


class TestExpectationCost(CostContract):
    cost = qep.ExpectationCost(tilted, tilted_slope)
    kind = ""

    def by_hand(self, state):
        return tilted(np.array([mean(matrix, state) for matrix in OUTPUTS]))


def test_every_cost_is_among_them() -> None:
    tested = {kind.kind for kind in vars(sys.modules[__name__]).values() if hasattr(kind, "by_hand") and hasattr(kind, "kind")}
    assert set(COSTS.built_in) <= tested
    assert not qep.SquaredError([1.0]).observable().needs_free_phase and qep.SquaredError([1.0]).needs_free_phase


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
