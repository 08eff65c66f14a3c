"""Stationary points of a smooth function of many angles: L-BFGS for the descent, damped Newton steps for convergence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Vector = NDArray[np.float64]
Slope = Callable[[Vector], tuple[float, Vector]]


def descend(energy_and_gradient: Slope, start: Vector, *, slope: float, max_iterations: int) -> Vector:
    """Return angles at which every component of the gradient is about `slope`, by L-BFGS."""
    result = minimize(
        energy_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "maxfun": 2 * max_iterations, "gtol": slope, "ftol": 0.0, "maxcor": 30},
    )
    return np.asarray(result.x, dtype=float)


def relax(
    energy_and_gradient: Slope,
    start: Vector,
    *,
    slope: float,
    max_iterations: int,
    hessian: NDArray[np.float64] | None = None,
) -> Vector:
    """Return angles at which the norm of the gradient is about `slope`, by BFGS with the full inverse Hessian.

    Over-parameterised ansätze have long, curved, nearly flat valleys. There L-BFGS stalls, and Newton's model holds only over
    short steps; the dense update follows the valley.
    """
    options: dict[str, object] = {"gtol": slope, "norm": 2, "maxiter": max_iterations}
    if hessian is not None:
        curvature, axes = np.linalg.eigh(hessian)
        floor = max(1e-4 * float(np.abs(curvature).max()), 1e-12)
        inverse = (axes / np.maximum(np.abs(curvature), floor)) @ axes.T
        options["hess_inv0"] = (inverse + inverse.T) / 2
    result = minimize(energy_and_gradient, start, jac=True, method="BFGS", options=options)
    return np.asarray(result.x, dtype=float)


def arrive(
    energy_and_gradient: Slope,
    hessian: Callable[[Vector], NDArray[np.float64]],
    start: Vector,
    *,
    slope: float,
    max_steps: int = 20,
) -> Vector:
    """Return a minimum at which the norm of the gradient is at most `slope`, by damped Newton steps.

    The step is −Σ v (v·∇E)/(|λ| + μ) over the eigenpairs of the Hessian, so it descends past saddles. The damping μ falls with
    every accepted step; it limits steps along the nearly flat valleys of redundant angles.
    """
    theta = np.array(start, dtype=float)
    energy, gradient = energy_and_gradient(theta)
    size = float(np.linalg.norm(gradient))
    damping = max(1e-10, min(1e-2, size))
    for _ in range(max_steps):
        if size <= slope:
            break
        curvature, axes = np.linalg.eigh(hessian(theta))
        along = axes.T @ gradient
        for _ in range(12):
            step = -axes @ (along / (np.abs(curvature) + damping))
            length = float(np.linalg.norm(step))
            step *= min(1.0, 1.0 / max(length, 1e-300))
            new_energy, new_gradient = energy_and_gradient(theta + step)
            new_size = float(np.linalg.norm(new_gradient))
            lower = new_energy < energy - 1e-14 * max(1.0, abs(energy))
            if lower or (new_size < 0.9 * size and new_energy < energy + 1e-12 * max(1.0, abs(energy))):
                theta = theta + step
                damping = max(damping * (0.1 if new_size < size else 0.5), 1e-14)
                energy, gradient, size = new_energy, new_gradient, new_size
                break
            damping *= 8.0
        else:
            break
    return theta
