"""The covariance of a circuit's means, which never vanishes because an event was not seen.

The sample covariance Ĉ of N shots is zero where all shots agree, although an event of probability 1/N is then missed one time
in three. Two pseudo-shots of the maximally mixed state, for which no string's mean is known, would have added

    P = (2/N²) (m̂ m̂ᵀ + D)        m̂ the means, D = diag(Σ_u w_u V_S(u)²), that is 1 for raw strings.

They count only in directions in which the shots themselves show less:

    Cov = Ĉ + P (P + Ĉ)⁻¹ P

which is 4/N² where nothing has flipped (Laplace's rule, (k + 1)/(N + 2)) and Ĉ + O(1/N³) where counts are plenty. It is positive
semidefinite and keeps the covariance of strings that are read from the same shots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from qep_qiskit.samples import Samples, covariance_of_means

Matrix = NDArray[np.float64]
PSEUDO_SHOTS = 2
"""Number of shots of the maximally mixed state that count if the real shots vary less."""


def covariance_of_strings(values: Matrix, samples: Samples) -> Matrix:
    """Return the covariance of Σ_u weight_u values_u, shape (S, S), for what each outcome gives to each string, shape (U, S).

    Zero for the exact distribution. Strata share the pseudo-shots. The identity has no place among the strings.
    """
    sampled = covariance_of_means(values, samples)
    if samples.shots is None or not values.shape[1]:
        return sampled
    # in units of √D, so that P is never singular; a string without any value stays without error
    size = np.sqrt(samples.weights @ values**2)
    unit = np.where(size > 0.0, size, 1.0)
    means = (samples.weights @ values) / unit
    unseen = means[:, None] * means
    unseen.flat[:: len(means) + 1] += 1.0
    unseen *= PSEUDO_SHOTS / samples.shots**2
    _, solved, failed = dposv(unseen + sampled / (unit[:, None] * unit), unseen)
    assert not failed, "P + Ĉ is positive definite by construction"
    total = sampled + size[:, None] * (unseen @ solved) * size
    return (total + total.T) / 2.0
