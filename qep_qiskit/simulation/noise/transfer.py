"""Channels on one or two qubits as Pauli transfer matrices, and the dependence of gates' matrices on their angles.

The Pauli transfer matrix of a channel E has the real entries Tr(P_i E(P_j)) / d. A state is the vector of its expectations
Tr(P ρ), with P = I, X, Y, Z for one qubit; for two qubits, the first index varies slowest. If the unitary of a gate contains
the half angle θ/2 only, its transfer matrix is A + B cos θ + C sin θ. With k such angles there is one such factor per angle,
and so a stack of 3**k *parts*.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import get_standard_gate_name_mapping

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

TURNING = frozenset(("rx", "ry", "rz", "p", "u", "u1", "u2", "u3", "rzz", "rxx", "ryy", "rzx", "cp", "cu1"))
"""Gates that may have free angles: their unitaries contain half angles only."""
FIXED = frozenset(("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "r", "cx", "cy", "cz", "ecr", "swap"))
"""Gates that must have numbers as angles."""


@functools.cache
def paulis(num_qubits: int) -> Complex:
    """Return I, X, Y, Z or, for n qubits, their products with the first factor slowest, shape (4**n, 2**n, 2**n)."""
    one = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    if num_qubits == 1:
        return one
    rest = paulis(num_qubits - 1)
    return np.einsum("iab,jcd->ijacbd", one, rest).reshape(4 * len(rest), 2 * rest.shape[1], 2 * rest.shape[2])


def of_kraus(operators: Complex) -> Real:
    """Return the transfer matrix of ρ → Σ K ρ K†, for operators of shape (m, d, d); m = 1 for a unitary."""
    d = operators.shape[-1]
    strings = paulis(d.bit_length() - 1)
    # K P K† for all K together, then the overlaps with all strings
    images = (operators[:, None] @ strings @ np.conjugate(np.swapaxes(operators, 1, 2))[:, None]).sum(axis=0)
    return np.ascontiguousarray(
        (strings.transpose(0, 2, 1).reshape(len(strings), -1) @ images.reshape(len(images), -1).T).real / d
    )


def turns_of(angles: Real) -> Real:
    """Return 1, cos and sin of all angles, shape (..., 3)."""
    return np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=-1)


def swapped(parts: Real) -> Real:
    """Return matrices of shape (..., 16, 16) with the two qubits exchanged."""
    lead = parts.shape[:-2]
    tensor = parts.reshape(*lead, 4, 4, 4, 4)
    return np.ascontiguousarray(np.moveaxis(tensor, (-4, -2), (-3, -1))).reshape(*lead, 16, 16)


def lifted(parts: Real, *, slow: bool) -> Real:
    """Return matrices of shape (..., 4, 4) extended to two qubits, with the identity on the other qubit."""
    other = np.eye(4)
    return both(parts, other) if slow else both(other, parts)


def both(slow: Real, fast: Real) -> Real:
    """Return the Kronecker products of matrices (..., 4, 4)."""
    products = slow[..., :, None, :, None] * fast[..., None, :, None, :]
    return products.reshape(*products.shape[:-4], 16, 16)


@functools.lru_cache(maxsize=4096)
def gate(name: str, angles: tuple[float, ...]) -> Real:
    """Return the matrix of a standard gate; for two qubits, the gate's first qubit is the fast index."""
    return of_kraus(_unitary(name, angles)[None])


@functools.lru_cache(maxsize=4096)
def gate_parts(name: str, angles: tuple[float | None, ...]) -> Real:
    """Return the parts of a gate, shape (3**k, d, d), for k free angles (those that are None); the first one varies slowest."""
    free = [i for i, angle in enumerate(angles) if angle is None]
    values: list[Real] = []
    for choice in product((0.0, np.pi / 2, np.pi), repeat=len(free)):
        full = list(angles)
        for i, angle in zip(free, choice, strict=True):
            full[i] = angle
        values.append(of_kraus(_unitary(name, tuple(float(a) for a in full if a is not None))[None]))
    stack = np.array(values).reshape(*(3,) * len(free), -1)
    for axis in range(len(free)):
        at0, quarter, half = np.moveaxis(stack, axis, 0)
        constant = (at0 + half) / 2
        stack = np.stack([constant, (at0 - half) / 2, quarter - constant], axis=axis)
    size = 4 ** _gates()[name].num_qubits
    return stack.reshape(-1, size, size)


@functools.cache
def _gates() -> dict[str, Any]:
    gates = get_standard_gate_name_mapping()
    return {name: gates[name] for name in TURNING | FIXED}


def _unitary(name: str, angles: Sequence[float]) -> Complex:
    return np.asarray(_gates()[name].base_class(*angles).to_matrix(), dtype=np.complex128)


@dataclass(frozen=True)
class Piece:
    """A channel that depends on some of a program's angles, given by their indices.

    Attributes
    ----------
    parts : ndarray of shape (3**k, d, d)
    angles : tuple of int
        The indices of the angles. In the order of the parts, the first one varies slowest.
    """

    parts: Real
    angles: tuple[int, ...] = ()

    def mapped(self, change: Callable[[Real], Real]) -> Piece:
        """Return the piece with a linear function applied to its parts."""
        return Piece(change(self.parts), self.angles)

    def matrices(self, turns: Real) -> Real:
        """Return the matrices (U, d, d), given 1, cos and sin of all angles, shape (U, angles, 3)."""
        if not self.angles:
            return self.parts
        factors = turns[:, self.angles[0]]
        for angle in self.angles[1:]:
            factors = (factors[:, :, None] * turns[:, angle, None, :]).reshape(len(turns), -1)
        d = self.parts.shape[-1]
        return np.asarray((factors @ self.parts.reshape(len(self.parts), -1)).reshape(-1, d, d))


class Chain:
    """Pieces that act one after the other on the same qubits. Constant pieces are multiplied into their neighbours."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    def append(self, piece: Piece) -> None:
        """Append a piece, which acts after all others."""
        if self.pieces and not (piece.angles and self.pieces[-1].angles):
            last = self.pieces.pop()
            piece = Piece(piece.parts @ last.parts, last.angles + piece.angles)
        self.pieces.append(piece)

    @property
    def angles(self) -> tuple[int, ...]:
        """The angles of all pieces."""
        return tuple(angle for piece in self.pieces for angle in piece.angles)

    def matrices(self, turns: Real) -> Real:
        """Return the product of the pieces' matrices for each row of `turns`, shape (U, d, d), or (1, d, d) without angles."""
        return _product([piece.matrices(turns) for piece in self.pieces])


@dataclass(frozen=True)
class Couple:
    """Two parallel chains, one on the slow and one on the fast of two qubits."""

    slow: Chain
    fast: Chain

    @property
    def angles(self) -> tuple[int, ...]:
        """The angles of both chains."""
        return self.slow.angles + self.fast.angles

    def matrices(self, turns: Real) -> Real:
        """Return the Kronecker products, shape (U or 1, 16, 16)."""
        return both(self.slow.matrices(turns), self.fast.matrices(turns))


def _product(matrices: Sequence[Real]) -> Real:
    product = matrices[0]
    for matrix in matrices[1:]:
        product = matrix @ product
    return product


class Block:
    """Channels on one or two wires that are fused into one matrix.

    Attributes
    ----------
    wires : tuple of int
        The wires, the slow one first.
    """

    def __init__(self, wires: tuple[int, ...]) -> None:
        self.wires = wires
        self._items: list[Chain | Couple] = []

    def append(self, piece: Piece) -> None:
        """Append a piece on all wires of the block, which acts after all others."""
        if not self._items or isinstance(self._items[-1], Couple):
            self._items.append(Chain())
        chain = self._items[-1]
        assert isinstance(chain, Chain)
        chain.append(piece)

    def append_each(self, slow: Chain, fast: Chain) -> None:
        """Append a chain on each wire of a pair. Fuse them immediately if at most one piece has angles or one chain is empty."""
        if sum(bool(piece.angles) for piece in (*slow.pieces, *fast.pieces)) > 1 and slow.pieces and fast.pieces:
            self._items.append(Couple(slow, fast))
            return
        for piece in slow.pieces:
            self.append(piece.mapped(lambda parts: lifted(parts, slow=True)))
        for piece in fast.pieces:
            self.append(piece.mapped(lambda parts: lifted(parts, slow=False)))

    @property
    def angles(self) -> tuple[int, ...]:
        """The indices of the angles on which the block's matrix depends."""
        return tuple(dict.fromkeys(angle for item in self._items for angle in item.angles))

    def matrices(self, turns: Real) -> Real:
        """Return the block's matrices (U, d, d), given 1, cos and sin of all angles of a program, shape (U, angles, 3)."""
        return _product([item.matrices(turns) for item in self._items])
