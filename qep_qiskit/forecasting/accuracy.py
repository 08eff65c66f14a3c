"""The expected accuracy of a gradient: its relative error with the spread over repeats, its cosine, and its signs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from qep_qiskit.seeds import stream

Vector = NDArray[np.float64]
CLEAR = 1e-12
"""An exact value below this share of the largest one is rounding error; its sign is ignored, as in `budget/deviation.py`."""
DRAWS = 4000


@dataclass(frozen=True)
class Accuracy:
    """The expected deviation from the exact gradient, for Gaussian errors with a known mean and covariance.

    Attributes
    ----------
    relative_error : float or None
        The root-mean-square √E‖g − g*‖² / ‖g*‖; None if g* is zero.
    spread : float or None
        The standard deviation of ‖g − g*‖ / ‖g*‖ over repeats.
    own_error : float or None
        ‖E g − g*‖ / ‖g*‖: the error that shots do not reduce.
    uncertainty : float
        The norm of the error of g* itself, as a share of ‖g*‖; 0 if g* is exact.
    cosine : float or None
        The expected cosine of the angle between g and g*.
    sign_agreement : float or None
        The expected share of weights with the correct sign, among the weights with a known exact sign.
    """

    relative_error: float | None
    spread: float | None
    own_error: float | None
    uncertainty: float
    cosine: float | None
    sign_agreement: float | None

    @property
    def margin(self) -> float | None:
        """The number after ± of the relative error: the spread over repeats and the error of the reference, in quadrature."""
        return None if self.spread is None else math.hypot(self.spread, self.uncertainty)


def accuracy(exact: Vector, mean: Vector, covariance: NDArray[np.float64], uncertainty: Vector | None = None) -> Accuracy:
    """Return the accuracy of a gradient with this mean and covariance.

    Parameters
    ----------
    exact : ndarray of shape (K,)
        The exact gradient g*.
    mean : ndarray of shape (K,)
        The mean of the measured gradient.
    covariance : ndarray of shape (K, K)
        Its covariance Σ; zeros for exact expectations.
    uncertainty : ndarray of shape (K,), optional
        The error of every exact value.

    Notes
    -----
    The root-mean-square error is √(‖b‖² + tr Σ) with the bias b. The spread and the cosine come from 4000 gradients drawn from
    the Gaussian distribution with a fixed seed, which is accurate to about 1 % of the spread. The sign agreement is exact.
    """
    size, bias = float(np.linalg.norm(exact)), mean - exact
    square = float(bias @ bias) + float(np.trace(covariance))
    clear = np.abs(exact) > CLEAR * np.abs(exact).max(initial=0.0)
    if uncertainty is not None:
        clear &= np.abs(exact) > np.abs(uncertainty)
    signs = _sign_probability(exact[clear], mean[clear], np.sqrt(np.clip(np.diag(covariance), 0.0, None))[clear])
    agreement = float(signs.mean()) if len(signs) else None
    unsure = 0.0 if uncertainty is None or not size else float(np.linalg.norm(uncertainty)) / size
    if not size:
        return Accuracy(None, None, None, unsure, None, agreement)
    errors, cosines = _drawn(exact, mean, covariance)
    return Accuracy(
        relative_error=math.sqrt(square) / size,
        spread=float(errors.std()) / size,
        own_error=float(np.linalg.norm(bias)) / size,
        uncertainty=unsure,
        cosine=float(cosines.mean()),
        sign_agreement=agreement,
    )


def _sign_probability(exact: Vector, mean: Vector, spread: Vector) -> Vector:
    """Return the probability of the correct sign for every weight."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(spread > 0, mean / spread, np.inf * np.sign(mean))
    return np.asarray(ndtr(np.nan_to_num(score, nan=-np.inf) * np.sign(exact)))


def _drawn(exact: Vector, mean: Vector, covariance: NDArray[np.float64]) -> tuple[Vector, Vector]:
    """Return ‖g − g*‖ and the cosine of g and g* for gradients drawn from the Gaussian distribution."""
    powers, axes = np.linalg.eigh(covariance)
    noise = stream(0, "accuracy").normal(size=(DRAWS, len(powers))) * np.sqrt(np.clip(powers, 0.0, None))
    gradients = mean + noise @ axes.T
    lengths = np.linalg.norm(gradients, axis=1) * np.linalg.norm(exact)
    cosines = np.divide(gradients @ exact, lengths, out=np.zeros(DRAWS), where=lengths > 0)
    return np.linalg.norm(gradients - exact, axis=1), cosines
