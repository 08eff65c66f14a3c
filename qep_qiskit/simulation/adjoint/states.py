"""Arrays of states, and their views as real numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


class States:
    """States of shape (B, 2**n), contiguous, seen as real numbers in several shapes, each view made once.

    For a dozen qubits making a view takes a fifth of the time of the product that it is made for.
    """

    __slots__ = ("_reals", "_views", "array")

    def __init__(self, array: Complex) -> None:
        self.array = array
        self._reals = array.view(np.float64)
        self._views: dict[tuple[int, ...], Real] = {}

    @classmethod
    def empty(cls, count: int, size: int) -> States:
        """Return uninitialised memory for `count` states."""
        return cls(np.empty((count, size), dtype=np.complex128))

    def __len__(self) -> int:
        return len(self.array)

    def reals(self, shape: tuple[int, ...]) -> Real:
        """Return the view of this shape; a state is a row of (real, imaginary) pairs."""
        view = self._views.get(shape)
        if view is None:
            view = self._views[shape] = self._reals.reshape(shape)
        return view
