"""The loss from measured expectations, its error bar, and what shot noise adds to it on average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.costs import Cost

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """A loss.

    Attributes
    ----------
    value : float
        ℓ of the measured expectations.
    stderr, bias : float or None
        Its error bar, the bias included, and the bias; None where expectations are exact.
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
        Of v; None where it is exact.

    Notes
    -----
    Of v̂ = v + δ with Cov(δ) = Σ, ℓ(v̂) is on average too high by ½ tr(ℓ'' Σ): a squared error by Σ_m σ_m², however many runs are
    averaged. An observable cost is linear and has no such bias.

    The variance of ℓ(v̂) is ε·Σε + ½ tr((ℓ''Σ)²) for Gaussian noise. Taken at v̂, ε̂·Σε̂ is on average larger than ε·Σε by
    tr((ℓ''Σ)²), so it stands for both terms; the second alone is the least, since ε̂ may vanish by chance.
    """
    if covariance is None:
        return Loss(cost.value(observed), None, None)
    signal, curved = cost.error_signal(observed), cost.curvature(observed) @ covariance
    second, bias = 0.5 * float(np.trace(curved @ curved)), 0.5 * float(np.trace(curved))
    variance = max(float(signal @ covariance @ signal), second, 0.0)
    return Loss(cost.value(observed), float(np.sqrt(variance + bias**2)), bias)
