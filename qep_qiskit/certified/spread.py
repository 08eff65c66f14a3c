"""Bounds on the spread of an observable in a ground state, and on its size outside that state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spread:
    """Observables with spectra within ±half and expectations known to within an error.

    Attributes
    ----------
    half : ndarray
        Half the width of each spectrum, once its middle is subtracted.
    mean, error : ndarray
        An expectation, without the middle of the spectrum, and a bound on its error.
    """

    half: Vector
    mean: Vector
    error: Vector

    @property
    def deviation(self) -> Vector:
        """A bound on the standard deviation: it is at most √(half² − mean²) (Bhatia and Davis 2000)."""
        least = np.clip(np.abs(self.mean) - self.error, 0.0, self.half)
        return np.sqrt(self.half**2 - least**2)

    @property
    def outside(self) -> Vector:
        """A bound on ‖Q(A − ⟨A⟩)Q‖, where Q projects on all other states."""
        return self.half + np.minimum(np.abs(self.mean) + self.error, self.half)

    def moved(self, by: Vector | float) -> Spread:
        """Return the same observables in states where their expectations may differ by so much more."""
        return Spread(self.half, self.mean, self.error + by)


def spread_of(rows: Vector, strings: Vector, busy: NDArray[np.bool_], error: Vector | float = 0.0) -> Spread:
    """Return the spreads of operators Σ_l rows[k, l] P_l.

    Parameters
    ----------
    rows : ndarray of shape (K, L)
    strings : ndarray of shape (L,)
        The expectations of the strings.
    busy : ndarray of bool, shape (L,)
        False for the identity.
    error : ndarray of shape (K,) or float
    """
    part = np.atleast_2d(rows)[:, busy]
    half = np.abs(part).sum(axis=1)
    mean = part @ strings[busy]
    return Spread(half, mean, np.broadcast_to(np.asarray(error, dtype=float), half.shape))
