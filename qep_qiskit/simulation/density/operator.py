"""Mixed states as matrix product density operators (Verstraete et al. 2004; Zwolak and Vidal 2004).

A state is represented by its expectations of all Pauli strings: a chain of real tensors with one leg of I, X, Y, Z per wire. It
is compressed after every block of channels. Expectations of strings with k letters are weighted by :data:`WEIGHT` to the power
of k. The dropped part is therefore small in the norm of the state after depolarising every wire by a half. Without the weights,
strings on many wires would dominate the norm, and strings on few wires, which most measurements read, would lose about ten times
as much accuracy.
"""

from __future__ import annotations

import numpy as np

from qep_qiskit.simulation.noise.transfer import Real

WEIGHT = 0.5
"""The weight of the letters X, Y and Z in the norm."""
SCALES = np.array([1.0, WEIGHT, WEIGHT, WEIGHT])
_BOTH = np.kron(SCALES, SCALES)


class DensityOperator:
    """A mixed state on a chain of wires, which start in |0⟩.

    Parameters
    ----------
    num_wires : int
    tolerance : float
        The share of the squared norm that may be dropped at each step.
    most : int
        The largest bond dimension, which takes precedence over the tolerance.

    Attributes
    ----------
    tensors : list of ndarray of shape (left, letters, right)
        The weighted expectations. Tensors left of the centre are left-isometric, and those right of it are right-isometric.
    dropped : float
        The sum of the dropped shares.
    """

    def __init__(self, num_wires: int, *, tolerance: float, most: int) -> None:
        self.tensors: list[Real] = [np.array([1.0, 0.0, 0.0, WEIGHT]).reshape(1, 4, 1) for _ in range(num_wires)]
        self.dropped = 0.0
        self._centre, self._tolerance, self._most = 0, tolerance, most

    @property
    def bond_dimension(self) -> int:
        """The largest bond dimension."""
        return max(tensor.shape[2] for tensor in self.tensors)

    def apply(self, place: int, matrix: Real, letters: tuple[int, int], *, leftwards: bool) -> None:
        """Apply a channel to two neighbouring places, and move the centre to the left or right one.

        Parameters
        ----------
        place : int
            The first place.
        matrix : ndarray of shape (out, in)
            The transfer matrix in the weighted basis, see :func:`weighted`. The first place is the slow index.
        letters : tuple of int
            The number of letters of each place after the channel.
        """
        pair = self._pair(place)
        left, one, two, right = pair.shape
        out = matrix @ pair.transpose(1, 2, 0, 3).reshape(one * two, left * right)
        out = out.reshape(*letters, left, right).transpose(2, 0, 1, 3)
        self._split(place, np.ascontiguousarray(out), leftwards)

    def swap(self, place: int, *, leftwards: bool) -> None:
        """Exchange the wires of two neighbouring places."""
        self._split(place, np.ascontiguousarray(self._pair(place).transpose(0, 2, 1, 3)), leftwards)

    def read(self, place: int, features: Real) -> None:
        """Replace the letters of one place by features: linear functions of the letters, given as rows."""
        self._move(place)
        self.tensors[place] = np.einsum("fa,lar->lfr", features, self.tensors[place])

    def compress(self) -> None:
        """Compress all bonds."""
        self._move(0)
        for place in range(len(self.tensors) - 1):
            left, letters, right = self.tensors[place].shape
            kept, rest = self._factors(self.tensors[place].reshape(left * letters, right), leftwards=False)
            self.tensors[place] = kept.reshape(left, letters, -1)
            self.tensors[place + 1] = np.tensordot(rest, self.tensors[place + 1], axes=1)
            self._centre = place + 1

    def _pair(self, place: int) -> Real:
        self._move(place if self._centre <= place else place + 1)
        return np.tensordot(self.tensors[place], self.tensors[place + 1], axes=1)

    def _split(self, place: int, pair: Real, leftwards: bool) -> None:
        left, one, two, right = pair.shape
        first, second = self._factors(pair.reshape(left * one, two * right), leftwards)
        self.tensors[place] = first.reshape(left, one, -1)
        self.tensors[place + 1] = second.reshape(-1, two, right)
        self._centre = place if leftwards else place + 1

    def _factors(self, matrix: Real, leftwards: bool) -> tuple[Real, Real]:
        """Return two factors of a matrix without its smallest singular values; the factor away from the centre is an isometry.

        The singular vectors are eigenvectors of the smaller Gram matrix. Its accuracy, 1e-16 of the sum of weights, is enough.
        """
        if matrix.shape[0] > matrix.shape[1]:
            second, first = self._factors(matrix.T, not leftwards)
            return np.ascontiguousarray(first.T), np.ascontiguousarray(second.T)
        weights, vectors = np.linalg.eigh(matrix @ matrix.T)
        tails = np.cumsum(np.clip(weights, 0.0, None))
        rank = min(max(1, int((tails > self._tolerance * tails[-1]).sum())), self._most)
        if rank < len(weights):
            self.dropped += float(tails[-rank - 1] / tails[-1])
        basis = vectors[:, -rank:]
        if not leftwards:
            return basis, basis.T @ matrix
        lengths = np.sqrt(weights[-rank:])
        return basis * lengths, (basis.T @ matrix) / lengths[:, None]

    def _move(self, place: int) -> None:
        """Move the centre to a place."""
        while self._centre < place:
            left, letters, right = self.tensors[self._centre].shape
            kept, rest = np.linalg.qr(self.tensors[self._centre].reshape(left * letters, right))
            self.tensors[self._centre] = kept.reshape(left, letters, -1)
            self._centre += 1
            self.tensors[self._centre] = np.tensordot(rest, self.tensors[self._centre], axes=1)
        while self._centre > place:
            left, letters, right = self.tensors[self._centre].shape
            kept, rest = np.linalg.qr(self.tensors[self._centre].reshape(left, letters * right).T)
            self.tensors[self._centre] = np.ascontiguousarray(kept.T).reshape(-1, letters, right)
            self._centre -= 1
            self.tensors[self._centre] = np.tensordot(self.tensors[self._centre], rest.T, axes=1)


def weighted(matrix: Real) -> Real:
    """Return a transfer matrix on two wires in the weighted basis."""
    return matrix * (_BOTH[:, None] / _BOTH)
