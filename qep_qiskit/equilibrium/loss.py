"""The loss at measured expectations, its error bar, and its bias from shot noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.costs import Cost
from qep_qiskit.errors import InputError

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """A loss with its error bar and its bias.

    Attributes
    ----------
    value : float
        ℓ at the measured expectations.
    stderr, bias : float or None
        The error bar, which includes the bias, and the bias; None if expectations are exact.
    """

    value: float
    stderr: float | None
    bias: float | None


def measured_loss(cost: Cost, observed: Vector, covariance: NDArray[np.float64] | None) -> Loss:
    """Return the loss at measured expectations.

    Parameters
    ----------
    cost : Cost
    observed : ndarray of shape (M,)
        v, the expectations of the cost's observables in the free phase.
    covariance : ndarray of shape (M, M) or None
        Of v; None if v is exact.

    Notes
    -----
    For v̂ = v + δ with Cov(δ) = Σ, ℓ(v̂) is on average too high by ½ tr(ℓ'' Σ), in the case of a squared error by Σ_m σ_m².
    Averaging over runs does not reduce this bias. An observable cost is linear and has none. Second differences are taken over
    one standard deviation along each axis of Σ: ½ Σ_i [ℓ(v̂ + s_i) + ℓ(v̂ − s_i) − 2 ℓ(v̂)]. They are exact for a squared error
    and finite at a kink.

    The variance of ℓ(v̂) is ε·Σε + ½ tr((ℓ''Σ)²) for Gaussian noise. The estimate ε̂·Σε̂ at v̂ is on average larger than ε·Σε by
    tr((ℓ''Σ)²), so it already covers both terms. The second term alone is the lower limit, since ε̂ may vanish by chance.
    """
    if covariance is None:
        return Loss(cost.value(observed), None, None)
    signal, bends = cost.error_signal(observed), _bends(cost, observed, covariance)
    second, bias = 0.5 * float(bends @ bends), 0.5 * float(bends.sum())
    variance = max(float(signal @ covariance @ signal), second, 0.0)
    return Loss(cost.value(observed), float(np.sqrt(variance + bias**2)), bias)


def _bends(cost: Cost, observed: Vector, covariance: NDArray[np.float64]) -> Vector:
    """Return s_i·ℓ''s_i for one standard deviation s_i along each axis of the covariance, shape (M,)."""
    curvature = cost.curvature(observed)
    variances, axes = np.linalg.eigh(covariance)
    steps = (axes * np.sqrt(np.clip(variances, 0.0, None))).T
    local = np.einsum("im,mn,in->i", steps, curvature, steps)
    if not curvature.any():
        return local
    try:
        bends = np.array([cost.value(observed + s) + cost.value(observed - s) - 2.0 * cost.value(observed) for s in steps])
    except (InputError, ArithmeticError, ValueError):  # outside the domain of the cost
        return local
    return np.where(np.isfinite(bends), bends, local)
