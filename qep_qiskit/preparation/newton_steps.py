"""Newton steps of many independent functions by conjugate gradients, where their inverse Hessians are nearly known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Rows

Real = NDArray[np.float64]
Gradients = Callable[[Rows, Real], Real]
"""(rows, thetas) → the gradients of these rows' functions."""
STEP, TINY_STEP = 1e-4, 1e-6
"""The largest change of an angle in differences of expectations and in one-sided ones of gradients, in radians."""
FOLLOWED = 0.1
"""The relative residual of the steps with which descents end."""
LEAST_CURVATURE = 0.1
"""The least curvature with the regulariser, as a share of the regulariser."""


def step_along(ways: Real, longest: float) -> Real:
    """Return the factor at which the largest angle of a way (P,) or of each of many ways (R, P) becomes `longest`."""
    return longest / np.maximum(np.abs(ways).max(axis=-1, initial=0.0), 1e-300)


def newton_steps(
    gradients: Gradients,
    thetas: Real,
    slopes: Real,
    mu: Real,
    inverses: Real,
    here: Real,
    *,
    precision: float,
    most: int,
) -> tuple[Real, NDArray[np.bool_]]:
    """Return the steps −H⁻¹ slope, with the Hessians H of the functions, and the rows for which they are found.

    Conjugate gradients, preconditioned by nearly known inverses, take a few evaluations per row. Rows that curve downwards
    along one of their directions are given up.

    Parameters
    ----------
    gradients : callable
        (rows, thetas) → the gradients of the functions of these rows.
    thetas : ndarray of shape (R, P)
    slopes : ndarray of shape (R, P)
    mu : ndarray of shape (R,)
        The regularisers that the functions contain.
    inverses : ndarray of shape (R, P, P)
        Approximations of H⁻¹.
    here : ndarray of shape (R, P)
        The gradients at `thetas`.
    precision : float
        The relative residual at which a step counts as found.
    most : int
        The largest number of iterations.
    """
    steps, rest, sizes = np.zeros_like(slopes), -slopes, np.linalg.norm(slopes, axis=1)
    conditioned = (inverses @ rest[:, :, None])[:, :, 0]
    ways, products = conditioned, np.einsum("rp,rp->r", rest, conditioned)
    solved, left = sizes == 0.0, np.zeros(len(slopes), dtype=bool)
    for _ in range(most):
        on = np.flatnonzero(~solved & ~left)
        if not len(on):
            break
        along = ways[on]
        short = step_along(along, TINY_STEP)[:, None]
        curved = (gradients(on, thetas[on] + short * along) - here[on]) / short
        curvature = np.einsum("rp,rp->r", along, curved)
        convex = (products[on] > 0.0) & (curvature > LEAST_CURVATURE * mu[on] * np.einsum("rp,rp->r", along, along))
        left[on[~convex]] = True
        on, along, curved = on[convex], along[convex], curved[convex]
        length = products[on] / curvature[convex]
        steps[on] += length[:, None] * along
        rest[on] -= length[:, None] * curved
        solved[on] = np.linalg.norm(rest[on], axis=1) <= precision * sizes[on]
        conditioned = (inverses[on] @ rest[on, :, None])[:, :, 0]
        before, products[on] = products[on], np.einsum("rp,rp->r", rest[on], conditioned)
        ways[on] = conditioned + (products[on] / before)[:, None] * along
    return steps, solved
