"""Bounds on the error of means of bounded outcomes, at a stated confidence and for any number of shots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
FOR_VARIANCES = 0.1
"""The share of the allowed failures that the bounds on variances may use."""


@dataclass(frozen=True, eq=False)
class Part:
    """One circuit's contribution to K sums of means.

    Attributes
    ----------
    variance : ndarray of shape (K,)
        The sample variance, over n − 1, of one shot's contribution times n: a mean's variance is variance / shots.
    width : ndarray of shape (K,)
        The difference between the largest and the smallest possible value of a shot.
    shots : int
    """

    variance: Vector
    width: Vector
    shots: int


def part_of(values: Vector, weights: Vector, shots: int, width: Vector) -> Part:
    """Return the contribution of a circuit, from the values (U, K) of its distinct outcomes and their frequencies (U,)."""
    centred = values - weights @ values
    return Part(weights @ centred**2 * (shots / max(shots - 1, 1)), width, shots)


def sum_bound(parts: Sequence[Part], failure: float) -> Vector:
    """Bound the error of Σ means for each of K sums, so that each bound fails with at most this probability; shape (K,).

    Notes
    -----
    Bernstein's inequality, P(|error| ≥ t) ≤ 2 exp(−t²/(2(v + M t/3))) with M the largest width/shots, needs the variance v of the
    sum. Each variance is bounded by Maurer and Pontil's σ ≤ s + width √(2 ln(1/δ)/(n − 1)) (arXiv:0907.3740, Theorem 10), and by
    width²/4. Shots need not be many: with no flips seen, the bound is about 20 width/shots.
    """
    if not parts:
        return np.zeros(0)
    each = math.log(len(parts) / (FOR_VARIANCES * failure))
    variance, largest = np.zeros_like(parts[0].variance), np.zeros_like(parts[0].variance)
    for part in parts:
        if part.shots > 1:
            deviation = np.sqrt(np.clip(part.variance, 0.0, None)) + part.width * math.sqrt(2 * each / (part.shots - 1))
        else:
            deviation = np.full_like(part.width, np.inf)
        variance += np.minimum(deviation, part.width / 2) ** 2 / part.shots
        largest = np.maximum(largest, part.width / part.shots)
    logarithm = math.log(2 / ((1 - FOR_VARIANCES) * failure))
    third = largest * logarithm / 3
    return np.asarray(third + np.sqrt(third**2 + 2 * variance * logarithm))
