"""The required precision, the start and the result of a variational search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """The precision at which a descent ends.

    Attributes
    ----------
    tolerance : float
        The allowed relative error of the gradient.
    predictions : float
        The allowed error of expectations of the cost's observables.
    most : int
        The largest number of evaluations per row.
    regulariser : float
        μ as a share of the largest coefficient of H, see :func:`variational.regulariser`.
    """

    tolerance: float
    predictions: float
    most: int
    regulariser: float


@dataclass(frozen=True, eq=False)
class Solution:
    """The stationary angles of one family.

    Attributes
    ----------
    angles : ndarray of shape (phases, P)
    residuals : ndarray of shape (phases,)
        |∂(⟨H + βC⟩ + ½μ|θ|²)/∂θ|, without the tilt.
    errors : ndarray of shape (phases,)
        The estimated relative error of the gradient due to each residual.
    done : ndarray of bool, shape (phases,)
    evaluations : ndarray of int, shape (phases,)
    inverse : ndarray of shape (P, P) or None
        The inverse Hessian of the free phase as learnt by the descent.
    noise : ndarray of shape (phases,) or None
        The root-mean-square length of the noise in each measured residual; None if residuals are exact.
    """

    angles: Real
    residuals: Real
    errors: Real
    done: NDArray[np.bool_]
    evaluations: NDArray[np.int64]
    inverse: Real | None
    noise: Real | None = None

    def times(self, unit: float) -> Solution:
        """Return the solution with energies in the unit of this one's unit."""
        inverse = None if self.inverse is None else self.inverse / unit
        noise = None if self.noise is None else self.noise * unit
        return replace(self, residuals=self.residuals * unit, inverse=inverse, noise=noise)


@dataclass(frozen=True, eq=False)
class Begin:
    """The start of the search for a family: one or several starts of its free phase, or free angles from an earlier search.

    Attributes
    ----------
    starts : ndarray of shape (S, P)
    centre : ndarray of shape (P,)
        The angles at which the regulariser is zero.
    free : bool
        Whether the one start is the free phase.
    inverse : ndarray of shape (P, P) or None
        An inverse Hessian for the first steps.
    warm : bool
        Whether the one start is a minimum of a similar energy.
    """

    starts: Real
    centre: Real
    free: bool = False
    inverse: Real | None = None
    warm: bool = False

    def in_unit(self, unit: float) -> Begin:
        """Return the start for energies in another unit."""
        return self if self.inverse is None else replace(self, inverse=self.inverse * unit)
