"""Linear systems (H − E) x = b in the complement of a ground state, and corrections of the ground state by solving one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, PreparationError
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.vectors import add_scaled, norm, project_off, single

Array: TypeAlias = NDArray[Any]

MAX_STEPS, MOST_CORRECTIONS = 10_000, 8
SINGLE = 3e-6
"""Smallest relative residual of one solve in single precision; further solves for the residual improve it."""
SINGLE_QUBITS = 10
"""From this many qubits on, a product takes long enough for single precision to save time."""


def solve_shifted(
    op: PauliSum,
    energy: float,
    psi: Array,
    target: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
    improvement: float | None = None,
) -> tuple[Array, int]:
    """Return x with ‖(H − E) x − b‖ ≤ tolerance ‖b‖ and x ⊥ ψ, and the number of products.

    Parameters
    ----------
    op : PauliSum
    energy, psi
        The lowest eigenvalue of `op` and its normalised vector.
    target : array
        b, orthogonal to ψ.
    start : array, optional
    tolerance : float
    improvement : float, optional
        If given, continue until the residual of `start` has also fallen by this factor, but not below 1e-10 ‖b‖.

    Raises
    ------
    DegenerateGroundStateError
        If H − E is not positive on the complement of ψ.
    PreparationError
        If the solver does not converge.

    Notes
    -----
    The solver uses conjugate gradients, preconditioned by the diagonal. For many qubits it works in single precision and
    repeats the solve for the residual (iterative refinement). This gives full double precision in about half the time.
    """
    limit = tolerance * norm(target)
    x = np.zeros_like(target) if start is None else project_off(psi, np.array(start, target.dtype))
    residual, products = target, 0
    if start is not None:
        residual, products = _residual(op, energy, psi, target, x), 1
        if improvement is not None:
            limit = min(limit, max(improvement * norm(residual), 1e-10 * norm(target)))
    inverse = _inverse_diagonal(op, energy)
    if op.num_qubits >= SINGLE_QUBITS:
        narrow = single(psi), inverse.astype(np.float32)
        while (size := norm(residual)) > limit:
            try:
                step, count = conjugate_gradients(
                    op, energy, narrow[0], single(residual / size), narrow[1], max(0.5 * limit / size, SINGLE)
                )
            except (DegenerateGroundStateError, PreparationError):
                break  # compared with the largest coefficients, the gap is too small for single precision
            add_scaled(x, size, step.astype(x.dtype))
            residual = _residual(op, energy, psi, target, x)
            products += count + 1
            if norm(residual) > 0.1 * size:
                break
    if norm(residual) > limit:
        step, count = conjugate_gradients(op, energy, psi, residual, inverse, limit / norm(residual))
        x += step
        products += count
    return project_off(psi, x), products


def conjugate_gradients(
    op: PauliSum, energy: float, psi: Array, target: Array, inverse: Array, tolerance: float
) -> tuple[Array, int]:
    """Return x ⊥ ψ with ‖(H − E) x − b‖ ≤ tolerance ‖b‖, all in b's precision, and the number of products."""
    limit = tolerance * norm(target)
    x, residual = np.zeros_like(target), target.copy()
    direction = project_off(psi, inverse * residual)
    square = np.vdot(residual, direction).real
    product = np.empty_like(target)
    for done in range(MAX_STEPS):
        if norm(residual) <= limit:
            return x, done
        op._product(direction, product)
        add_scaled(product, -energy, direction)
        curvature = np.vdot(direction, product).real
        if curvature <= 0:
            raise DegenerateGroundStateError("the state is not an isolated ground state of the operator")
        step = float(square / curvature)
        add_scaled(x, step, direction)
        add_scaled(residual, -step, product)
        project_off(psi, residual)
        np.multiply(inverse, residual, out=product)
        project_off(psi, product)
        before, square = square, np.vdot(residual, product).real
        direction *= square / before
        direction += product
    raise PreparationError(
        f"the linear response did not converge: relative residual {norm(residual) * tolerance / limit:.1e} after "
        f"{MAX_STEPS} products; the gap is too small, or loosen the tolerance"
    )


def corrected(op: PauliSum, psi: Array, limit: float) -> tuple[Array, float, float, int]:
    """Improve an approximate ground state by Newton corrections, solved in single precision.

    Parameters
    ----------
    op : PauliSum
    psi : array
        A normalised vector in double precision, closer to the ground state than to any other eigenstate.
    limit : float
        The residual ‖(H − E) ψ‖ to reach.

    Returns
    -------
    array, float, float, int
        The improved ψ, its energy and residual (above `limit` if corrections stopped helping), and the number of products.

    Raises
    ------
    DegenerateGroundStateError, PreparationError
        If ψ is not close to an isolated ground state.

    Notes
    -----
    A correction is ψ ← ψ − (H − E)⁺ (H − E) ψ with E = ⟨ψ|H|ψ⟩. This is the inner equation of the Jacobi–Davidson method
    (Sleijpen and van der Vorst 1996), repeated on one vector as in iterative refinement.
    """
    products, before = 0, np.inf
    product = np.empty_like(psi)
    for attempt in range(MOST_CORRECTIONS + 1):
        op._product(psi, product)
        energy = float(np.vdot(psi, product).real)
        add_scaled(product, -energy, psi)
        size = norm(product)
        products += 1
        if size <= limit or attempt == MOST_CORRECTIONS or size > 0.5 * before:
            break
        before = size
        product /= -size
        inverse = _inverse_diagonal(op, energy).astype(np.float32)
        step, count = conjugate_gradients(op, energy, single(psi), single(product), inverse, max(0.3 * limit / size, SINGLE))
        add_scaled(psi, size, step.astype(psi.dtype))
        psi /= norm(psi)
        products += count
    return psi, energy, size, products


def _residual(op: PauliSum, energy: float, psi: Array, target: Array, x: Array) -> Array:
    product = op._product(x)
    add_scaled(product, -energy, x)
    np.subtract(target, product, out=product)
    return project_off(psi, product)


def _inverse_diagonal(op: PauliSum, energy: float) -> Array:
    inverse = op.diagonal - energy
    inverse += 1e-2 * inverse.mean()
    return np.reciprocal(inverse, out=inverse)
