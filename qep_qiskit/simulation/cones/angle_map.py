"""The angles of cones as affine functions of the slots of a circuit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qep_qiskit.simulation.adjoint.gates import Angle

Real = NDArray[np.float64]


class AngleMap:
    """The angles of all cones as affine functions of the slots.

    Parameters
    ----------
    angles
        The angles of the whole circuit.
    index
        For each angle of the cones, which of them it is; −1 for a zero angle.
    num_slots
        The number of slots.
    """

    def __init__(self, angles: Sequence[Angle], index: NDArray[np.intp], num_slots: int) -> None:
        self.size = len(index)
        self._weights = weights_of(angles, num_slots)[index]
        self._transposed = self._weights.T.tocsr()
        self._constants = np.array([*(angle.constant for angle in angles), 0.0])[index][:, None]

    def angles(self, slots: Real) -> Real:
        """Return the angles, shape (size, R), for slots (R, slots)."""
        return np.ascontiguousarray(self._weights @ slots.T + self._constants)

    def gradients(self, slopes: Real) -> Real:
        """Return the derivatives with respect to the slots, shape (R, slots), from those with respect to the angles (size, R)."""
        return np.ascontiguousarray((self._transposed @ slopes).T)


def weights_of(angles: Sequence[Angle], num_slots: int) -> sparse.csr_array:
    """Return the weights of the slots in each angle, shape (angles + 1, slots); the last row, of a zero angle, is empty."""
    entries = [(row, slot, weight) for row, angle in enumerate(angles) for slot, weight in angle.weights.items() if weight]
    rows, slots, weights = zip(*entries, strict=True) if entries else ((), (), ())
    return sparse.csr_array((np.array(weights, dtype=np.float64), (rows, slots)), shape=(len(angles) + 1, num_slots))
