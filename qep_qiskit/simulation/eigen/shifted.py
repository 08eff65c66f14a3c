"""Linear systems (H − E) x = b on the complement of a ground state, and the ground state's own correction by one."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, PreparationError
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.vectors import add_scaled, norm, project_off, single

Array: TypeAlias = NDArray[Any]

MAX_STEPS = 10_000
SINGLE = 3e-6
"""Smallest relative residual of a solve in single precision; repeating it on the residual goes further."""
SINGLE_QUBITS = 10
"""From here on a product is long enough for single precision to save time."""


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
        Go on until the start's own residual has fallen by this factor, too, but not below 1e-10 ‖b‖.

    Raises
    ------
    DegenerateGroundStateError
        If H − E is not positive on the complement of ψ.
    PreparationError
        When it does not converge.

    Notes
    -----
    Conjugate gradients, preconditioned by the diagonal; in single precision for many qubits, repeated on the residual
    (iterative refinement), which is exact to the working precision and takes about half the time.
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
                break  # a gap too small for single precision compared with the largest coefficients
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


def corrected(op: PauliSum, psi: Array, limit: float, *, most: int = 8) -> tuple[Array, float, float, int]:
    """Improve an approximate ground state by Newton's correction, solved in single precision.

    Parameters
    ----------
    op : PauliSum
    psi : array
        Normalised, in double precision, and nearer to the ground state than to any other.
    wanted : float
        The residual ‖(H − E) ψ‖ to reach.
    most : int
        How many corrections to try.

    Returns
    -------
    array, float, float, int
        ψ, its energy and residual (above `wanted` where corrections stopped helping), and the number of products.

    Raises
    ------
    DegenerateGroundStateError, PreparationError
        If ψ is not close to an isolated ground state.

    Notes
    -----
    ψ ← ψ − (H − E)⁺ (H − E) ψ with E = ⟨ψ|H|ψ⟩: the inner equation of the Jacobi–Davidson method (Sleijpen and van der
    Vorst 1996), here repeated on one vector as in iterative refinement.
    """
    products, before = 0, np.inf
    product = np.empty_like(psi)
    for attempt in range(most + 1):
        op._product(psi, product)
        energy = float(np.vdot(psi, product).real)
        add_scaled(product, -energy, psi)
        size = norm(product)
        products += 1
        if size <= limit or attempt == most or size > 0.5 * before:
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
