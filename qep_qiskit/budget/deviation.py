"""Deviation of a gradient from the exact one. All errors, cosines, sign agreements and z-scores are computed here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.values import Value

Vector = NDArray[np.float64]
CLEAR = 1e-12
"""An exact value below this share of the largest one counts as rounding error; its sign is ignored."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Deviation(Value):
    """The deviation of a gradient from the exact one, or from another reference gradient.

    Attributes
    ----------
    relative_error : float or None
        ‖g − g*‖ / ‖g*‖ with the exact gradient g*; None if g* is zero.
    cosine : float or None
        The cosine of the angle between g and g*; None if one of them is zero.
    sign_agreement : float or None
        The share of weights with the correct sign, among those with a clearly nonzero exact value; 1 if there are none.
    z : ndarray of shape (K,) or None
        (g − g*) / stderr, or NaN (unknown) if an error bar is zero; None if expectations are exact.
    """

    relative_error: float | None = None
    cosine: float | None = None
    sign_agreement: float | None = None
    z: Vector | None = None

    @property
    def known_z(self) -> Vector:
        """The z-scores that are known."""
        return np.zeros(0) if self.z is None else self.z[np.isfinite(self.z)]

    @property
    def chi_square(self) -> float | None:
        """χ²/K, the mean of z²; it is 1 on average if only shot noise is left."""
        return float(np.mean(self.known_z**2)) if self.known_z.size else None

    @property
    def largest_z(self) -> float | None:
        """The largest |z|."""
        return float(np.abs(self.known_z).max()) if self.known_z.size else None


def deviation(values: ArrayLike, exact: ArrayLike, stderr: ArrayLike | None = None) -> Deviation:
    """Return the deviation of a gradient from the exact one.

    Examples
    --------
    >>> off = deviation([1.0, -1.0, 1e-3], [1.0, -2.0, -1e-17], [0.5, 0.5, 0.0])
    >>> round(off.relative_error, 3), round(off.cosine, 3), off.sign_agreement, off.z
    (0.447, 0.949, 1.0, array([ 0.,  2., nan]))
    """
    g, truth = np.asarray(values, dtype=float), np.asarray(exact, dtype=float)
    size, length = float(np.linalg.norm(truth)), float(np.linalg.norm(g))
    clear = np.abs(truth) > CLEAR * np.abs(truth).max(initial=0.0)
    z = None
    if stderr is not None:
        bars = np.asarray(stderr, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(bars > 0, (g - truth) / bars, np.nan)
    return Deviation(
        relative_error=float(np.linalg.norm(g - truth)) / size if size else None,
        cosine=float(np.clip((g / length) @ (truth / size), -1.0, 1.0)) if size and length else None,
        sign_agreement=float(np.mean(np.sign(g[clear]) == np.sign(truth[clear]))) if clear.any() else 1.0,
        z=z,
    )
