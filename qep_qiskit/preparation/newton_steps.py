"""Newton steps of many rows of energies by conjugate gradients, where inverse Hessians are nearly known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.evaluator import Evaluator

Real = NDArray[np.float64]
STEP = 1e-4
"""The largest change of an angle in the differences of gradients, in radians."""
LEAST_CURVATURE = 0.1
"""The least curvature with the regulariser, as a share of the regulariser."""


def step_along(ways: Real, longest: float) -> Real:
    """Return the factor at which the largest angle of a way (P,) or of each of many ways (R, P) becomes `longest`."""
    return longest / np.maximum(np.abs(ways).max(axis=-1, initial=0.0), 1e-300)


def newton_steps(
    evaluator: Evaluator,
    thetas: Real,
    coefficients: Real,
    mu: Real,
    inverses: Real,
    slopes: Real,
    *,
    precision: float,
    most: int,
) -> tuple[Real, NDArray[np.bool_]]:
    """Return the steps −(∂²E + μ)⁻¹ slope, and the rows for which they are found.

    Conjugate gradients, preconditioned by nearly known inverses, take a few evaluations per row. Rows that curve downwards
    along one of their directions are given up.

    Parameters
    ----------
    evaluator : Evaluator
    thetas : ndarray of shape (R, P)
    coefficients : ndarray of shape (R, L)
    mu : ndarray of shape (R,)
        The regularisers.
    inverses : ndarray of shape (R, P, P)
        Approximations of (∂²E + μ)⁻¹.
    slopes : ndarray of shape (R, P)
    precision : float
        The relative residual at which a step counts as found.
    most : int
        The largest number of iterations.
    """
    steps, rest, sizes = np.zeros_like(slopes), -slopes, np.linalg.norm(slopes, axis=1)
    conditioned = (inverses @ rest[:, :, None])[:, :, 0]
    ways, products = conditioned, np.einsum("rp,rp->r", rest, conditioned)
    found, left = sizes == 0.0, np.zeros(len(slopes), dtype=bool)
    for _ in range(most):
        on = np.flatnonzero(~found & ~left)
        if not len(on):
            break
        along, short = ways[on], step_along(ways[on], STEP)[:, None]
        shifted = np.concatenate([thetas[on] + short * along, thetas[on] - short * along])
        ahead, behind = np.split(evaluator.energies_and_gradients(shifted, np.tile(coefficients[on], (2, 1)))[1], 2)
        curved = (ahead - behind) / (2 * short) + mu[on, None] * along
        curvature = np.einsum("rp,rp->r", along, curved)
        convex = (products[on] > 0.0) & (curvature > LEAST_CURVATURE * mu[on] * np.einsum("rp,rp->r", along, along))
        left[on[~convex]] = True
        on, along, curved = on[convex], along[convex], curved[convex]
        length = products[on] / curvature[convex]
        steps[on] += length[:, None] * along
        rest[on] -= length[:, None] * curved
        found[on] = np.linalg.norm(rest[on], axis=1) <= precision * sizes[on]
        conditioned = (inverses[on] @ rest[on, :, None])[:, :, 0]
        before, products[on] = products[on], np.einsum("rp,rp->r", rest[on], conditioned)
        ways[on] = conditioned + (products[on] / before)[:, None] * along
    return steps, found
