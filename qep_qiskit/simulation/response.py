"""The first-order response of a ground state to a perturbation."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.simulation.lanczos import DEGENERATE, DENSE_QUBITS, GroundState
from qep_qiskit.simulation.operators import PauliSum, one_thread
from qep_qiskit.simulation.vectors import add_scaled, norm, project_off

Array: TypeAlias = NDArray[Any]

MAX_STEPS = 10_000


def linear_response(
    op: PauliSum,
    ground: GroundState,
    source: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
) -> Array:
    """Return δψ = −(H − E0)⁺ P C ψ0, the derivative of the ground state of H + βC at β = 0.

    Parameters
    ----------
    op : PauliSum
        H.
    ground : GroundState
        Of H.
    source : array, shape (2**n,)
        C ψ0; its part along ψ0 is projected off.
    start : array, shape (2**n,), optional
        A guess of δψ.
    tolerance : float
        The wanted relative residual ‖(H − E0) δψ + P C ψ0‖ / ‖P C ψ0‖.

    Returns
    -------
    array, shape (2**n,)
        Orthogonal to ψ0; real where the operator and the source are.

    Raises
    ------
    DegenerateGroundStateError
        When the gap is zero, so that there is no response.
    PreparationError
        When it does not converge.

    Notes
    -----
    Conjugate gradients on the complement of ψ0, where H − E0 is positive definite, preconditioned by the diagonal (which
    halves the steps in weak transverse fields); dense up to 7 qubits. An
    observable A responds by d⟨A⟩/dβ = 2 Re⟨ψ0|A|δψ⟩.
    """
    if np.shape(source) != (op.dim,):
        raise InputError(f"the source has shape {np.shape(source)}; it must be ({op.dim},)")
    if ground.gap <= DEGENERATE * max(op.scale, 1e-300):
        raise DegenerateGroundStateError(f"the ground state is degenerate (gap {ground.gap:.1e}); it has no response")
    real = op.is_real and not np.iscomplexobj(source) and not np.iscomplexobj(ground.vector)
    dtype = float if real else complex
    psi = ground.vector.astype(dtype, copy=False)
    target = project_off(psi, -np.asarray(source, dtype))
    if norm(target) <= 1e-14 * norm(np.asarray(source)):
        return np.zeros(op.dim, dtype)
    if op.num_qubits <= DENSE_QUBITS:
        matrix = op.to_matrix() - ground.energy * np.eye(op.dim)
        return project_off(psi, np.linalg.solve(matrix + op.scale * np.outer(psi, psi.conj()), target))
    guess = np.zeros(op.dim, dtype) if start is None else project_off(psi, np.array(start, dtype))
    with one_thread():
        return _conjugate_gradients(op, ground.energy, psi, target, guess, tolerance)


def _conjugate_gradients(op: PauliSum, energy: float, psi: Array, target: Array, x: Array, tolerance: float) -> Array:
    wanted = tolerance * norm(target)
    residual = target.copy()
    if np.any(x):
        product = op._product(x)
        add_scaled(product, -energy, x)
        add_scaled(residual, -1.0, product)
        project_off(psi, residual)
    inverse = op.diagonal - energy
    inverse += 1e-2 * inverse.mean()
    np.reciprocal(inverse, out=inverse)
    direction = project_off(psi, inverse * residual)
    square = np.vdot(residual, direction).real
    for _ in range(MAX_STEPS):
        if norm(residual) <= wanted:
            return project_off(psi, x)
        product = op._product(direction)
        add_scaled(product, -energy, direction)
        curvature = np.vdot(direction, product).real
        if curvature <= 0:
            raise DegenerateGroundStateError("the state is not an isolated ground state of the operator")
        step = square / curvature
        add_scaled(x, step, direction)
        add_scaled(residual, -step, product)
        project_off(psi, residual)
        scaled = project_off(psi, inverse * residual)
        before, square = square, np.vdot(residual, scaled).real
        direction *= square / before
        direction += scaled
    raise PreparationError(
        f"the linear response did not converge: relative residual {norm(residual) * tolerance / wanted:.1e} after "
        f"{MAX_STEPS} products; the gap is too small, or loosen the tolerance"
    )
