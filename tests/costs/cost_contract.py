"""The contract of costs: tests that each of them inherits.

A subclass gives its cost for two outputs, and the loss by hand as a function of the ground state.
"""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.costs import Cost
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.sections import SECTIONS

NETWORK = qep.ising(sites=3, edges="chain", outputs=[0, 2])
WEIGHTS = NETWORK.weight_vector(NETWORK.initial_weights(seed=1))
OUTPUTS = [output.to_matrix() for output in NETWORK.outputs]


class CostContract:
    cost: Cost
    kind: str
    """Its name in a spec; empty if a spec cannot name it."""
    keys: ClassVar[dict[str, Any]] = {}
    """Its other keys in a spec."""
    target: Any = None
    """The target that a spec gives as ``sample.y``; None if the cost has none."""
    wrong: ClassVar[list[Any]] = []
    """Costs of this kind for another number of outputs."""

    def by_hand(self, state):
        """The loss of a state of NETWORK."""
        raise NotImplementedError

    def problem(self, weights=WEIGHTS):
        return qep.Problem(NETWORK, weights, cost=self.cost)

    def loss(self, weights):
        return self.by_hand(np.linalg.eigh(NETWORK.hamiltonian(weights).to_matrix())[1][:, 0])

    @pytest.fixture(params=[(0.3, -0.6), (-0.9, 0.8)])
    def expectations(self, request):
        count = len(self.cost.observables(NETWORK))
        return np.array(request.param)[:count]

    def test_it_is_a_value(self):
        assert isinstance(self.cost, Cost)
        copy = pickle.loads(pickle.dumps(self.cost))
        assert copy == self.cost and copy.observables(NETWORK) == self.cost.observables(NETWORK)
        assert repr(copy) == repr(self.cost)

    def test_a_spec_makes_it(self):
        if self.kind:
            section = SECTIONS["cost"].model(self.kind, "cost.kind")(kind=self.kind, **self.keys)
            assert section.build(target=self.target) == self.cost

    def test_observables_are_hermitian(self):
        for observable in self.cost.observables(NETWORK):
            matrix = observable.to_matrix()
            np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12)

    def test_error_signal_and_curvature_are_derivatives(self, expectations):
        cost, step = self.cost, 1e-5
        shifts = step * np.eye(len(expectations))
        slope = [(cost.value(expectations + e) - cost.value(expectations - e)) / (2 * step) for e in shifts]
        np.testing.assert_allclose(cost.error_signal(expectations), slope, atol=1e-8)
        bend = [(cost.error_signal(expectations + e) - cost.error_signal(expectations - e)) / (2 * step) for e in shifts]
        np.testing.assert_allclose(cost.curvature(expectations), bend, atol=1e-7)
        assert isinstance(cost.value(expectations), float)

    def test_a_second_round_is_needed_only_if_the_error_signal_depends_on_the_first(self):
        count = len(self.cost.observables(NETWORK))
        one, other = (self.cost.error_signal(np.array(v[:count])) for v in ((-0.4, 0.3), (0.5, 0.1)))
        assert self.cost.needs_free_phase == (not np.array_equal(one, other))

    def test_the_gradient_is_the_slope_of_the_loss_by_hand(self):
        gradient = qep.exact_gradient(self.problem())
        assert gradient.loss == pytest.approx(self.loss(WEIGHTS), abs=1e-9)
        shifts = 1e-4 * np.eye(len(WEIGHTS))
        slope = [(self.loss(WEIGHTS + e) - self.loss(WEIGHTS - e)) / 2e-4 for e in shifts]
        np.testing.assert_allclose(gradient.values, slope, atol=1e-6)
        assert np.abs(gradient.values).max() > 1e-2

    def test_equilibrium_propagation_approaches_it(self):
        gradient = qep.gradient(self.problem(), stencil=qep.extrapolated(0.01))
        np.testing.assert_allclose(gradient.values, qep.exact_gradient(self.problem()).values, rtol=1e-4)

    def test_another_number_of_outputs_is_refused_in_one_line(self):
        for cost in self.wrong:
            with pytest.raises(InputError, match=r"^[^\n]+$"):
                qep.exact_gradient(qep.Problem(NETWORK, WEIGHTS, cost=cost))
