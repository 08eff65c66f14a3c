"""True ground states in memory."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.preparation import true_states
from qep_qiskit.preparation.exact import Exact


@pytest.fixture
def counted(monkeypatch):
    """The families for which a ground state has been computed alone."""
    prepare, families = Exact.prepare, []
    monkeypatch.setattr(
        Exact, "prepare", lambda self, family, **options: families.append(family) or prepare(self, family, **options)
    )
    return families


def test_one_gradient_computes_the_true_ground_state_once(counted):
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=11), x=[0.3], cost=qep.SquaredError([1.0]))
    gradient = qep.gradient(problem, preparer=qep.VQE(layers=1, starts=1), stencil=qep.symmetric(0.1))
    assert len(counted) == 1
    state = true_states.true_ground_states(problem.frame, [problem.hamiltonian_row])[0]
    assert len(counted) == 1
    exact = np.linalg.eigvalsh(problem.hamiltonian.to_matrix())
    assert state.energy == pytest.approx(exact[0], abs=1e-9) and state.gap == pytest.approx(exact[1] - exact[0], abs=1e-6)
    assert gradient.diagnostics is not None


def test_a_degenerate_ground_state_is_tried_once(counted):
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, [1.0, 0.0, 0.0, 0.0, 0.0], x=[0.0], cost=qep.SquaredError([1.0]))
    for _ in range(2):
        assert true_states.true_ground_states(problem.frame, [problem.hamiltonian_row]) == [None]
    assert len(counted) == 1
