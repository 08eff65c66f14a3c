"""The contract of networks: tests that each of them inherits.

A subclass makes its network, small enough for a dense calculation if it has qubits. Properties of one network are tested in
its own test file.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.kinds import NETWORKS
from qep_qiskit.training import fitting, task_of
from qep_qiskit.training.loop.distributed import Distributed


class NetworkContract:
    section: ClassVar[dict | None] = None
    """The section of a spec that makes the same network; None: its description is one."""
    responds = True
    """Whether the loss has a slope: not that of a classical network, which is constant in pieces."""

    @staticmethod
    def make() -> qep.Network:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def network(cls):
        return cls.make()

    @pytest.fixture(scope="class")
    @classmethod
    def problem(cls, network):
        return cls.problem_at(network, network.weight_vector(network.initial_weights(seed=3)), cls.inputs(network))

    @staticmethod
    def inputs(network):
        return np.linspace(0.3, 0.7, network.num_inputs)

    @staticmethod
    def problem_at(network, weights, x):
        return qep.Problem(network, weights, x=x, cost=qep.SquaredError(np.full(network.num_outputs, 0.2)))

    def test_it_is_a_value(self, network):
        assert isinstance(network, qep.Network)
        for copy in (self.make(), pickle.loads(pickle.dumps(network)), replace(network)):
            assert copy == network and hash(copy) == hash(network)
        assert repr(network).startswith("Network(") and "\n" not in repr(network)
        assert network.num_weights == len(network.names) == len(set(network.names))

    def test_a_spec_makes_it(self, network):
        section = json.loads(json.dumps(self.section or network.description, allow_nan=False))
        assert section["kind"] == network.description["kind"] and section["kind"] in NETWORKS
        keys = {key: value for key, value in section.items() if value is not None}
        assert SECTIONS["network"].model(section["kind"], "network.kind")(**keys).build() == network

    def test_weights_and_inputs_are_read_by_name_or_in_order(self, network):
        first = network.initial_weights(seed=4)
        assert list(first) == list(network.names) and first == network.initial_weights(seed=4) != network.initial_weights(seed=5)
        np.testing.assert_array_equal(network.weight_vector(first), list(first.values()))
        np.testing.assert_array_equal(network.weight_vector(dict(reversed(first.items()))), list(first.values()))
        for weights in ({**first, "nothing": 1.0}, list(first.values())[1:], [np.nan] * len(first), "weights"):
            with pytest.raises(InputError, match=r"^weights: [^\n]+$"):
                network.weight_vector(weights)
        with pytest.raises(InputError, match=r"^x: [^\n]+$"):
            network.input_vector(np.zeros(network.num_inputs + 1))

    def test_the_hamiltonian_is_linear_in_the_weights(self, network, problem):
        if problem.network is not network:
            return  # its representation follows the weights
        rows = np.asarray(problem.derivative_rows @ np.eye(len(problem.hamiltonian_row)))
        for row, step in zip(rows, np.eye(len(rows)), strict=True):
            moved = self.problem_at(network, problem.weights + 0.5 * step, problem.x)
            assert moved.frame is problem.frame
            np.testing.assert_allclose(moved.hamiltonian_row, problem.hamiltonian_row + 0.5 * row, atol=1e-12)

    def dense(self, problem, weights):
        """The loss, the predictions and the Hamiltonian at other weights, by full diagonalisation."""
        network = problem.network
        matrix = sum(
            w * c * t.operator.to_matrix() for w, c, t in zip(weights, network.factors(problem.x), network.terms, strict=True)
        )
        matrix = matrix + network.fixed.to_matrix()
        matrix = matrix + sum(v * o.to_matrix() for v, o in zip(problem.x, network.inputs, strict=True) if o is not None)
        state = np.linalg.eigh(matrix)[1][:, 0]
        predictions = np.array([np.vdot(state, output.to_matrix() @ state).real for output in network.outputs])
        return float(np.sum((predictions - 0.2) ** 2)), predictions, matrix

    def loss(self, problem, weights):
        """The exact loss; of a network in closed form by its own states, which have tests of their own."""
        if problem.network.closed_form:
            return qep.exact_gradient(self.problem_at(problem.network, weights, problem.x)).loss
        return self.dense(problem, weights)[0]

    def test_predictions_are_those_of_a_dense_calculation(self, problem):
        if problem.network.closed_form:
            return
        loss, predictions, matrix = self.dense(problem, problem.weights)
        np.testing.assert_allclose(problem.hamiltonian.to_matrix(), matrix, atol=1e-12)
        np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12)
        gradient = qep.exact_gradient(problem)
        np.testing.assert_allclose(gradient.predictions, predictions, atol=1e-7)
        assert gradient.loss == pytest.approx(loss, abs=1e-7)

    def test_the_exact_gradient_is_the_slope_of_the_loss(self, problem):
        gradient = qep.exact_gradient(problem)
        assert gradient.names == problem.network.names and bool(np.any(gradient.values)) == self.responds
        for direction in np.random.default_rng(2).normal(size=(2, len(gradient.values))):
            near, far = (
                (self.loss(problem, problem.weights + h * direction) - self.loss(problem, problem.weights - h * direction))
                / (2 * h)
                for h in (1e-3, 2e-3)
            )
            assert gradient.values @ direction == pytest.approx((4 * near - far) / 3, abs=1e-6)

    def test_equilibrium_propagation_approaches_it(self, problem):
        gradient = qep.gradient(problem, stencil=qep.extrapolated(0.01))
        np.testing.assert_allclose(gradient.values, qep.exact_gradient(problem).values, atol=1e-5)

    @pytest.mark.parametrize("source", ["equilibrium", "exact"])
    def test_workers_change_nothing(self, network, two_workers, source):
        inputs = np.linspace(-0.6, 0.6, 3)[:, None] * np.ones(network.num_inputs)
        targets = np.linspace(-0.2, 0.2, 3)[:, None] * np.ones(network.num_outputs)
        task = task_of(network, inputs, targets, gradient=source, epochs=2, batch_size=3, learning_rate=0.02)
        spread = replace(task, source=Distributed(task.source, two_workers, size=2))
        here, there = (fitting.gathered(each) for each in (task, spread))
        np.testing.assert_allclose(np.asarray(there.weights), np.asarray(here.weights), atol=1e-7)
        assert [row["loss"] for row in there.history] == pytest.approx([row["loss"] for row in here.history], abs=1e-7)
