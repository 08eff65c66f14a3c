"""Extrapolation of values from several noise factors to zero noise, with the derivatives needed for error bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
CLEAR = 5.0
"""Logarithms are used only if every value differs from zero by more than this many standard deviations."""


def coefficients(factors: Sequence[int], extrapolation: str) -> NDArray[np.float64]:
    """Return the coefficients c in value(0) = Σ_j c_j value(λ_j).

    They belong to a straight line fitted by least squares, or to the polynomial through all points.

    Examples
    --------
    >>> coefficients((1, 3), "linear").tolist(), coefficients((1, 3, 5), "richardson").tolist()
    ([1.5, -0.5], [1.875, -1.25, 0.375])
    """
    x = np.array(factors, dtype=float)
    if extrapolation == "richardson":
        return np.array([np.prod([b / (b - a) for b in x if b != a]) for a in x])
    off = x - x.mean()
    return 1.0 / len(x) - x.mean() * off / (off @ off)


def extrapolate(
    values: Matrix, errors: Matrix, factors: Sequence[int], extrapolation: str
) -> tuple[NDArray[np.float64], Matrix, NDArray[np.bool_]]:
    """Extrapolate the values of S strings from F noise factors to zero noise.

    Parameters
    ----------
    values, errors : ndarray of shape (F, S)
        Means and their standard deviations.
    extrapolation : {"linear", "richardson", "exponential"}

    Returns
    -------
    ndarray of shape (S,), ndarray of shape (F, S), ndarray of bool, shape (S,)
        The values at zero noise, their derivatives with respect to the values at the factors, and whether each string was
        extrapolated by the requested form.

    Notes
    -----
    The exponential form A exp(−κλ) is a straight line through ln|value|. If a value of a string is not clearly different from
    zero, or its values differ in sign, their logarithms are unreliable, and a straight line through the values is used instead.
    """
    line = coefficients(factors, "richardson" if extrapolation == "richardson" else "linear")
    limits, slopes = line @ values, np.tile(line[:, None], (1, values.shape[1]))
    if extrapolation != "exponential":
        return limits, slopes, np.ones(values.shape[1], dtype=bool)
    clear = (np.abs(values) > np.maximum(CLEAR * errors, 1e-9)).all(axis=0) & (np.abs(np.sign(values).sum(axis=0)) == len(values))
    fitted = values[:, clear]
    limits[clear] = np.sign(fitted[0]) * np.exp(line @ np.log(np.abs(fitted)))
    slopes[:, clear] = limits[clear] * line[:, None] / fitted
    return limits, slopes, clear
