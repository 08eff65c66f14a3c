"""Solutions of (H − E) x = b and corrected ground states against dense linear algebra."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_pauli_list

from qep_qiskit.errors import DegenerateGroundStateError
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.shifted import conjugate_gradients, corrected, solve_shifted
from qep_qiskit.simulation.eigen.vectors import single


def operator(num_qubits, kind):
    rng = np.random.default_rng(num_qubits)
    if kind == "complex":
        paulis = random_pauli_list(num_qubits, 30, seed=1, phase=False)
        return SparsePauliOp(paulis, rng.normal(size=30))
    n = num_qubits
    terms = [("ZZ", [i, (i + 1) % n], rng.normal()) for i in range(n)]
    terms += [("Z", [i], 0.3 * rng.normal()) for i in range(n)] + [("X", [i], -1.0) for i in range(n)]
    return SparsePauliOp.from_sparse_list(terms, n)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("num_qubits", [6, 10])
def test_solutions_in_mixed_precision(num_qubits, kind):
    op = PauliSum.from_operator(operator(num_qubits, kind))
    energies, vectors = np.linalg.eigh(op.to_matrix())
    psi = np.ascontiguousarray(vectors[:, 0])
    rng = np.random.default_rng(0)
    target = rng.normal(size=op.dim) + (1j * rng.normal(size=op.dim) if kind == "complex" else 0)
    target -= np.vdot(psi, target) * psi
    x, products = solve_shifted(op, energies[0], psi, target, tolerance=1e-11)
    exact = vectors[:, 1:] @ ((vectors[:, 1:].conj().T @ target) / (energies[1:] - energies[0]))
    np.testing.assert_allclose(x, exact, atol=1e-9 * np.abs(exact).max())
    again, fewer = solve_shifted(op, energies[0], psi, target, start=exact * (1 + 1e-6), tolerance=1e-11)
    np.testing.assert_allclose(again, exact, atol=1e-9 * np.abs(exact).max())
    assert fewer < products


def test_single_precision_alone_stops_at_its_own_accuracy():
    op = PauliSum.from_operator(operator(10, "real"))
    energies, vectors = np.linalg.eigh(op.to_matrix())
    psi, target = single(vectors[:, 0]), single(vectors[:, 5])
    x, _ = conjugate_gradients(op, energies[0], psi, target, single(np.ones(op.dim)), 1e-4)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, target / (energies[5] - energies[0]), atol=1e-3)


def test_a_rough_ground_state_is_corrected():
    op = PauliSum.from_operator(operator(10, "real"))
    energies, vectors = np.linalg.eigh(op.to_matrix())
    rough = vectors[:, 0] + 1e-2 * np.random.default_rng(2).normal(size=op.dim) / 32
    psi, energy, residual, _ = corrected(op, rough / np.linalg.norm(rough), 1e-10)
    assert residual <= 1e-10
    assert energy == pytest.approx(energies[0], abs=1e-12)
    assert abs(np.vdot(psi, vectors[:, 0])) == pytest.approx(1, abs=1e-14)


def test_an_excited_state_is_refused():
    op = PauliSum.from_operator(operator(10, "real"))
    vectors = np.linalg.eigh(op.to_matrix())[1]
    off = vectors[:, 3] + 1e-2 * vectors[:, 0] + 1e-2 * vectors[:, 1]
    with pytest.raises(DegenerateGroundStateError):
        corrected(op, off / np.linalg.norm(off), 1e-10)
