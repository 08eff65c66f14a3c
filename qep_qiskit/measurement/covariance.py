"""The covariance of a circuit's means, which does not vanish merely because an event was not observed.

The sample covariance Ĉ of N shots is zero if all shots agree, although an event of probability 1/N is missed in one case out of
three. Two pseudo-shots of the maximally mixed state would add

    P = (2/N²) (m̂ m̂ᵀ + D)

where m̂ are the means and D = diag(Σ_u w_u V_S(u)²), which is 1 for raw strings. The pseudo-shots count only in directions in
which the shots themselves vary less:

    Cov = Ĉ + P (P + Ĉ)⁻¹ P

The variance is 4/N² if all shots agree (as by Laplace's rule, (k + 1)/(N + 2)), and Cov is Ĉ + O(1/N³) if there are many
counts. Cov is positive semidefinite and includes correlations between strings that are read from the same shots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from qep_qiskit.samples import Samples, covariance_of_means

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
PSEUDO_SHOTS = 2
"""Number of pseudo-shots of the maximally mixed state."""


def covariance_of_strings(values: Matrix, samples: Samples) -> Matrix:
    """Return the covariance of Σ_u weight_u values_u, shape (S, S), for the values of S strings for U outcomes, shape (U, S).

    It is zero for the exact distribution. All strata together have two pseudo-shots. The strings must not include the identity.
    """
    sampled = covariance_of_means(values, samples)
    if samples.shots is None or not values.shape[1]:
        return sampled
    return completed(sampled, samples.weights @ values, samples.weights @ values**2, samples.shots)


def completed(sampled: Matrix, means: Vector, squares: Vector, shots: int) -> Matrix:
    """Return the covariance from Ĉ of shape (S, S), the means m̂, the mean squares D and the number of shots."""
    # in units of √D, so that P is never singular; the error of a string with only zero values stays zero
    size = np.sqrt(squares)
    unit = np.where(size > 0.0, size, 1.0)
    means = means / unit
    unseen = means[:, None] * means
    unseen.flat[:: len(means) + 1] += 1.0
    unseen *= PSEUDO_SHOTS / shots**2
    _, solved, failed = dposv(unseen + sampled / (unit[:, None] * unit), unseen)
    assert not failed, "P + Ĉ is positive definite by construction"
    total = sampled + size[:, None] * (unseen @ solved) * size
    return (total + total.T) / 2.0
