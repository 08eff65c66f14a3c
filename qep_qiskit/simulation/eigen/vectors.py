"""Small operations on large vectors."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import caxpy, daxpy, saxpy, zaxpy

Array: TypeAlias = NDArray[Any]

AXPY = {"f": saxpy, "d": daxpy, "F": caxpy, "D": zaxpy}


def add_scaled(y: Array, factor: complex, x: Array) -> None:
    """Add factor · x to the contiguous vector y in place, without a temporary."""
    if y.dtype != x.dtype:
        y += factor * x
    else:
        AXPY[y.dtype.char](x, y, a=factor if y.dtype.kind == "c" else factor.real)


def project_off(psi: Array, v: Array) -> Array:
    """Remove from v, in place, its component along the normalised psi, and return v."""
    add_scaled(v, -complex(np.vdot(psi, v)), psi)
    return v


def norm(v: Array) -> float:
    """Return the 2-norm, computed by a dot product, which is several times faster than BLAS's nrm2."""
    return math.sqrt(np.vdot(v, v).real)


def fixed_phase(v: Array) -> Array:
    """Return v with its phase chosen so that the largest amplitude is positive.

    Among amplitudes within 1e-6 of the largest, the first one is used, so that the choice does not depend on rounding.
    """
    size = np.abs(v)
    i = int(np.argmax(size >= (1 - 1e-6) * size.max()))
    return v if v[i].imag == 0 and v[i].real > 0 else np.asarray(v * (size[i] / v[i]))


def single(v: Array) -> Array:
    """Return v in single precision."""
    return v.astype(np.complex64 if np.iscomplexobj(v) else np.float32)
