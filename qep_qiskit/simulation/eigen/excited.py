"""Single excited states of a Pauli sum: the k-th level, the distance to its neighbours, and its linear response."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, minres

from qep_qiskit.errors import PreparationError
from qep_qiskit.simulation.eigen.lanczos import GroundState, lowest
from qep_qiskit.simulation.eigen.operators import PauliSum, one_thread
from qep_qiskit.simulation.eigen.vectors import fixed_phase, norm, project_off

Array: TypeAlias = NDArray[Any]

DENSE_QUBITS = 10
MOST_STEPS = 20_000
TOLERANCE = 1e-11


def eigenstate(op: PauliSum, level: int, *, seed: int = 0) -> GroundState:
    """Return the eigenstate number `level`, counted by energy from 0, the ground state.

    Its `gap` is the distance to the nearer neighbouring level. The solver is dense up to 10 qubits and ARPACK beyond.
    """
    count = min(level + 2, op.dim)
    if op.num_qubits <= DENSE_QUBITS:
        energies, columns = eigh(op.to_matrix(), subset_by_index=(0, count - 1))
        vectors = columns.T
    else:
        energies, vectors = lowest(op, count, seed=seed)
    vector = fixed_phase(np.ascontiguousarray(vectors[level]))
    energy = float(energies[level])
    spacings = np.abs(np.delete(energies, level) - energy)
    residual = norm(op.apply(vector) - energy * vector)
    return GroundState(energy, float(spacings.min(initial=np.inf)), vector, residual, 0)


def lowest_configurations(op: PauliSum, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the lowest energies of a diagonal operator, ascending, and their basis states, by enumeration; bit q is qubit q."""
    diagonal, count = op.diagonal, min(count, op.dim)
    configurations = np.flatnonzero(diagonal <= np.partition(diagonal, count - 1)[count - 1])
    configurations = configurations[np.argsort(diagonal[configurations], kind="stable")[:count]]
    return diagonal[configurations], configurations


def excited_response(op: PauliSum, state: GroundState, source: Array) -> Array:
    """Return the linear response δψ = −(H − E)⁺ P C ψ of an eigenstate at any level.

    Parameters
    ----------
    op : PauliSum
    state : GroundState
        An eigenstate of H with a non-degenerate level.
    source : array, shape (2**n,)
        The vector C ψ.

    Raises
    ------
    PreparationError
        If MINRES does not converge.

    Notes
    -----
    For excited states H − E is indefinite, so the solver is dense up to 10 qubits and MINRES beyond. A complex system is
    solved as a real one of twice the size.
    """
    real = op.is_real and not np.iscomplexobj(source) and not np.iscomplexobj(state.vector)
    dtype = float if real else complex
    psi = state.vector.astype(dtype, copy=False)
    target = project_off(psi, -np.asarray(source, dtype))
    if norm(target) <= 1e-14 * max(norm(np.asarray(source)), 1e-300):
        return np.zeros(op.dim, dtype)
    if op.num_qubits <= DENSE_QUBITS:
        matrix = op.to_matrix() - state.energy * np.eye(op.dim)
        return project_off(psi, np.linalg.solve(matrix + max(op.scale, 1e-300) * np.outer(psi, psi.conj()), target))

    def product(flat: Array) -> Array:
        v = project_off(psi, np.ascontiguousarray(np.ravel(flat)).view(dtype).copy())
        return project_off(psi, op.apply(v) - state.energy * v).view(float)

    size = op.dim * (1 if real else 2)
    linear = LinearOperator((size, size), matvec=product, dtype=float)
    with one_thread():
        flat, _ = minres(linear, target.view(float), rtol=TOLERANCE, maxiter=MOST_STEPS)
    response = project_off(psi, np.ascontiguousarray(flat).view(dtype).copy())
    miss = norm(op.apply(response) - state.energy * response - target - np.vdot(psi, op.apply(response)) * psi) / norm(target)
    if miss > 1e-7:
        raise PreparationError(f"the response of the excited state did not converge: relative residual {miss:.1e}")
    return response
