"""Linear response against finite differences and the spectral sum."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_pauli_list

from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.simulation.eigen.lanczos import ground_state
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.response import linear_response


def networks(num_qubits, with_y):
    rng = np.random.default_rng([num_qubits, with_y])
    n = num_qubits
    terms = [("ZZ", [i, (i + 1) % n], rng.uniform(-1, 1)) for i in range(n - 1)]
    terms += [("Z", [i], rng.uniform(-0.5, 0.5)) for i in range(n)] + [("X", [i], -rng.uniform(0.5, 1.5)) for i in range(n)]
    op = SparsePauliOp.from_sparse_list(terms, n)
    if with_y:
        op += SparsePauliOp(random_pauli_list(n, 5, seed=n, phase=False), rng.normal(size=5))
    return op, SparsePauliOp.from_sparse_list([("Z", [0], 0.7), ("X", [n - 1], 0.4), ("ZX", [0, 1], -0.6)], n)


@pytest.mark.parametrize("with_y", [False, True])
@pytest.mark.parametrize("num_qubits", [3, 6, 8, 9])
def test_the_response_is_the_spectral_sum(num_qubits, with_y):
    op, cost = networks(num_qubits, with_y)
    energies, vectors = np.linalg.eigh(op.to_matrix())
    compiled, nudge = PauliSum.from_operator(op), PauliSum.from_operator(cost)
    ground = ground_state(compiled, tolerance=1e-11)
    source = nudge.apply(ground.vector)
    response = linear_response(compiled, ground, source)
    excited = vectors[:, 1:]
    exact = -excited @ ((excited.conj().T @ source) / (energies[1:] - energies[0]))
    np.testing.assert_allclose(response, exact, atol=1e-8)
    assert abs(np.vdot(ground.vector, response)) < 1e-13
    assert response.dtype == (float if compiled.is_real else complex)
    again = linear_response(compiled, ground, source, start=response + 1e-6)
    np.testing.assert_allclose(again, exact, atol=1e-8)


@pytest.mark.parametrize("num_qubits", [5, 9])
def test_the_response_is_the_derivative_of_expectations(num_qubits):
    op, cost = networks(num_qubits, False)
    compiled, nudge = PauliSum.from_operator(op), PauliSum.from_operator(cost)
    ground = ground_state(compiled, tolerance=1e-11)
    response = linear_response(compiled, ground, nudge.apply(ground.vector))
    observable = PauliSum.from_operator(SparsePauliOp.from_sparse_list([("X", [1], 1.0)], num_qubits))
    derivative = 2 * np.vdot(ground.vector, observable.apply(response)).real
    step = 1e-4
    states = [ground_state(PauliSum.from_operator(op + b * cost), tolerance=1e-12).vector for b in (step, -step)]
    up, down = (np.vdot(state, observable.apply(state)).real for state in states)
    assert derivative == pytest.approx((up - down) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("num_qubits", [4, 8])
def test_a_nudge_that_does_nothing_has_no_response(num_qubits):
    op, _ = networks(num_qubits, False)
    compiled = PauliSum.from_operator(op)
    ground = ground_state(compiled)
    np.testing.assert_allclose(linear_response(compiled, ground, 3 * ground.vector), 0, atol=1e-12)


@pytest.mark.parametrize("num_qubits", [4, 8])
def test_a_degenerate_ground_state_has_no_response(num_qubits):
    ring = [("ZZ", [i, (i + 1) % num_qubits], -1.0) for i in range(num_qubits)]
    op = PauliSum.from_operator(SparsePauliOp.from_sparse_list(ring, num_qubits))
    with pytest.raises(DegenerateGroundStateError, match="degenerate"):
        linear_response(op, ground_state(op), np.ones(2**num_qubits))


def test_a_source_of_the_wrong_shape_is_named():
    op = PauliSum.from_operator(networks(4, False)[0])
    with pytest.raises(InputError, match="source"):
        linear_response(op, ground_state(op), np.ones(3))
