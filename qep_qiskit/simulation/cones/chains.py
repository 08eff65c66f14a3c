"""Gates on one qubit between two couplings, and factors of a state and its adjoint, for many messages at once.

A factor of the state and the conjugate of the same for the adjoint state are one factor here, with four values per index: the
pairs of bits. Exchanging both states conjugates everything, so that slopes are twice the real part of those of the state's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.cones.walk import X, Y, Z

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_HALF = 0.5**0.5
_PAULIS = {X: np.array([[0, 1], [1, 0]]), Y: np.array([[0, -1j], [1j, 0]]), Z: np.array([[1, 0], [0, -1]])}


class Uses:
    """The angles that are used, in the order of the rows of an array of slopes."""

    def __init__(self) -> None:
        self.index: list[NDArray[np.intp]] = []
        self._count = 0

    def claim(self, index: NDArray[np.intp]) -> slice:
        """Return the rows for the slopes of some angles, given by their indices."""
        self.index.append(index)
        self._count += len(index)
        return slice(self._count - len(index), self._count)


class Chain:
    """The gates on a qubit between two couplings, for N messages.

    Parameters
    ----------
    gates
        The letters H and P, in the order in which they act.
    angles
        For each P, the indices of the angles, shape (N,).
    uses
        Where rows for their slopes are claimed.
    from_zero
        Whether the qubit is |0⟩ before. The result is then a vector, shape (2, columns), else a matrix, (2, 2, columns).
    """

    def __init__(self, gates: str, angles: Sequence[NDArray[np.intp]], uses: Uses, *, from_zero: bool) -> None:
        self._gates = gates
        self._angles = [(index, uses.claim(index)) for index in angles]
        identity = np.eye(2, dtype=np.complex128)[..., None]
        self._start = identity[:, 0] if from_zero else identity

    def forward(self, exponentials: Complex) -> tuple[Complex, list[Complex]]:
        """Return the matrix or vector, and the values that `backward` needs.

        Parameters
        ----------
        exponentials : ndarray, shape (angles, R)
            The values of exp(-i angle). There are N · R columns.
        """
        ket, angles = self._start, iter(self._angles)
        kept: list[Complex] = []
        for gate in self._gates:
            if gate == "H":
                ket = _turned(ket)
            else:
                factor = exponentials[next(angles)[0]].reshape(-1)
                ket = np.stack([ket[0] * factor, ket[1] * factor.conj()])
                kept += [factor, ket]
        return ket, kept

    def backward(self, adjoint: Complex, kept: list[Complex], slopes: Real) -> None:
        """Write the slopes of the angles to their rows of ``slopes``, shape (uses, R)."""
        angles = reversed(self._angles)
        for gate in reversed(self._gates if kept else ""):
            if gate == "H":
                adjoint = _turned(adjoint)
                continue
            ket, factor = kept.pop(), kept.pop()
            each = 2.0 * (adjoint[0] * ket[0] - adjoint[1] * ket[1]).imag
            rows = slopes[next(angles)[1]]
            rows[:] = (each if each.ndim == 1 else each.sum(axis=0)).reshape(rows.shape)
            if not kept:
                return
            adjoint = np.stack([adjoint[0] * factor, adjoint[1] * factor.conj()])


def _turned(ket: Complex) -> Complex:
    return np.stack([ket[0] + ket[1], ket[0] - ket[1]]) * np.complex128(_HALF)


def doubled(ket: Complex) -> Complex:
    """Return the factor of both states, (4, columns) or (4, 4, columns), from a vector (2, columns) or matrix (2, 2, columns)."""
    bra = ket.conj()
    if ket.ndim == 2:
        return np.asarray(ket[:, None] * bra[None]).reshape(4, -1)
    return np.asarray(ket[:, None, :, None] * bra[None, :, None, :]).reshape(4, 4, -1)


def halved(adjoint: Complex, ket: Complex) -> Complex:
    """Return the adjoint of the state's factor, given the adjoint of both states' factor."""
    bra = ket.conj()
    if ket.ndim == 2:
        return np.asarray((adjoint.reshape(2, 2, -1) * bra[None]).sum(axis=1))
    return np.asarray((adjoint.reshape(2, 2, 2, 2, -1) * bra[None, :, None, :]).sum(axis=(1, 3)))


def closed(ket: Complex, letter: int) -> tuple[Complex, Complex]:
    """Return the sum over the last bits with a Pauli letter, shape (4, columns), and the values that `opened` needs.

    Parameters
    ----------
    ket : ndarray, shape (2, 2, columns)
        The gates before the letter.
    """
    half = np.einsum("ax,azn->xzn", _PAULIS[letter], ket.conj())
    return np.asarray((ket[:, :, None] * half[:, None]).sum(axis=0)).reshape(4, -1), half


def opened(adjoint: Complex, half: Complex) -> Complex:
    """Return the adjoint of the gates before a letter, given the adjoint of the sum."""
    return np.asarray((adjoint.reshape(2, 2, -1)[None] * half[:, None]).sum(axis=2))
