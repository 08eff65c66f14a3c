"""Small operations on large vectors."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy, zaxpy

Array: TypeAlias = NDArray[Any]


def add_scaled(y: Array, factor: complex, x: Array) -> None:
    """Add factor · x to the contiguous vector y in place, without a temporary."""
    if y.dtype == float and x.dtype == float:
        daxpy(x, y, a=factor.real)
    elif y.dtype == complex and x.dtype == complex:
        zaxpy(x, y, a=factor)
    else:
        y += factor * x


def project_off(psi: Array, v: Array) -> Array:
    """Remove from v, in place, its part along the normalised psi. Returns v."""
    add_scaled(v, -complex(np.vdot(psi, v)), psi)
    return v


def norm(v: Array) -> float:
    """Return the 2-norm; the dot product is several times faster than BLAS's scaled nrm2."""
    return math.sqrt(np.vdot(v, v).real)


def fixed_phase(v: Array) -> Array:
    """Make the largest amplitude positive: the first within 1e-6 of the largest, so that rounding does not choose."""
    size = np.abs(v)
    i = int(np.argmax(size >= (1 - 1e-6) * size.max()))
    return v if v[i].imag == 0 and v[i].real > 0 else np.asarray(v * (size[i] / v[i]))
