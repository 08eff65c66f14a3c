"""Matrix products into given arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_LARGE = 1 << 12
"""The number of entries of a product above which `np.dot` is slower, since it fills the result with zeros first."""


def product_of(size: int) -> Callable[..., Any]:
    """Return the faster one of `np.dot` and `np.matmul` for products of two matrices with this number of entries."""
    return np.matmul if size > _LARGE else np.dot
