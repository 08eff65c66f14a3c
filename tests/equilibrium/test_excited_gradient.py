"""EP on the k-th eigenstate against central differences of that level's loss."""

import numpy as np
import pytest
from dense import Dense
from random_problems import random_problem

import qep_qiskit as qep
from qep_qiskit.simulation.eigen import excited


class DenseLevel(Dense):
    level = 0

    def energies(self, weights):
        return np.linalg.eigvalsh(self.rest + sum(w * s for w, s in zip(weights, self.slopes, strict=True)))

    def ground(self, weights, nudge=0.0):
        hamiltonian = self.rest + sum(w * s for w, s in zip(weights, self.slopes, strict=True)) + nudge
        return np.linalg.eigh(hamiltonian)[1][:, self.level]


def distance(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


CASES = [(2, 1), (3, 2), (1, 1), (4, 3), (7, 5), (9, 1), (10, 4), (15, 2)]


def spacing(dense, level):
    energies = dense.energies(dense.weights)
    return float(np.abs(np.delete(energies, level) - energies[level]).min())


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(("number", "level"), CASES)
def test_the_gradient_is_the_slope_of_the_levels_loss(number, level, monkeypatch):
    problem = random_problem(number)
    dense = DenseLevel(problem)
    dense.level = level
    gap = spacing(dense, level)
    assert gap > 1e-3, "choose another case: the level is nearly degenerate"
    expected = dense.differences(min(2e-3, 0.01 * gap))
    exact = qep.exact_gradient(problem, preparer=qep.Exact(level=level))
    assert distance(exact.values, expected) <= 1e-6
    assert exact.diagnostics["gap"] == pytest.approx(gap, abs=1e-9)
    stencil = qep.symmetric(0.05 * gap)
    gradient = qep.gradient(problem, preparer=qep.Exact(level=level), stencil=stencil)
    assert np.abs(gradient.values - dense.nudged(stencil.betas, stencil.factors)).max() <= 1e-8
    monkeypatch.setattr(excited, "DENSE_QUBITS", 1)
    again = qep.exact_gradient(problem, preparer=qep.Exact(level=level))
    assert distance(again.values, expected) <= 1e-6, "the iterative way"


def test_level_zero_is_the_ground_state():
    problem = random_problem(4)
    stencil = qep.symmetric(0.05)
    assert np.array_equal(
        qep.gradient(problem, stencil=stencil).values, qep.gradient(problem, preparer=qep.Exact(level=0), stencil=stencil).values
    )


def test_excited_states_run_on_devices():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(3), x=[0.4], cost=qep.SquaredError([1.0]))
    options = {"preparer": qep.Exact(level=1), "stencil": qep.symmetric(0.2)}
    exact = qep.gradient(problem, **options)
    gradient = qep.gradient(problem, device=qep.simulator(seed=3), shots=20_000, **options)
    assert np.abs((gradient.values - exact.values) / gradient.stderr).max() < 5


def test_bad_input_is_refused():
    network = qep.pauli(terms={"h": {"ZI": -1, "IZ": -1}, "g": {"XI": -1, "IX": -1}}, outputs=[{"ZI": 1}])
    problem = qep.Problem(network, [0.5, 1.0], cost=qep.SquaredError([1.0]))
    with pytest.raises(qep.DegenerateGroundStateError, match="level 1 is degenerate"):
        qep.gradient(problem, preparer=qep.Exact(level=1))
    with pytest.raises(qep.DegenerateGroundStateError, match="level 2 is degenerate"):
        qep.exact_gradient(problem, preparer=qep.Exact(level=2))
    with pytest.raises(qep.InputError, match="preparation.level: 4 is not allowed; 2 qubits have the levels 0 to 3"):
        qep.gradient(problem, preparer=qep.Exact(level=4))
    with pytest.raises(qep.InputError, match="0 to 3"):
        qep.exact_gradient(problem, preparer=qep.Exact(level=4))
    for value in (-1, 0.5, "first", True):
        with pytest.raises(qep.InputError, match="Exact: level: .* is not allowed"):
            qep.Exact(level=value)
    with pytest.raises(qep.InputError, match="exact_gradient: preparer 'vqe' prepares no exact state"):
        qep.exact_gradient(problem, preparer=qep.VQE())
