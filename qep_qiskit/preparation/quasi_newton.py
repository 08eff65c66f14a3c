"""Inverse Hessians of many independent functions, learnt from the steps of a descent: one memory per row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
MOST_FULL = 400
"""The largest number of angles for which every step is remembered: the matrix then costs less than an evaluation."""
MOST_ENTRIES = 1 << 15
"""The number of entries of inverse Hessians that are updated at once: more do not stay in the cache."""
UPDATES = 4
"""The number of steps after which a memory of many rows writes to its matrices."""
REMEMBERED = 50
"""The number of steps that are remembered for more angles."""


class Memory(ABC):
    """The inverse Hessian H of each row, as learnt from the row's steps.

    Attributes
    ----------
    arrays : tuple of str
        The names of the array attributes; the first axis of each array numbers the rows.
    """

    arrays: ClassVar[tuple[str, ...]] = ()

    def kept(self, rows: Rows) -> Self:
        """Return the memory of some rows, each as often as it is listed."""
        part = object.__new__(type(self))
        for name in self.arrays:
            setattr(part, name, getattr(self, name)[rows])
        return part

    def put(self, rows: Rows, other: Memory, which: Rows) -> None:
        """Take over some rows of another memory of the same kind."""
        for name in self.arrays:
            getattr(self, name)[rows] = getattr(other, name)[which]

    def forget(self, rows: Rows) -> None:
        """Empty the memory of some rows."""
        for name in self.arrays:
            if name != "_age":
                getattr(self, name)[rows] = 0

    def softened(self, curvature: float) -> Self:
        """Return the memory with a curvature added to the Hessians in all directions, if it holds them as matrices."""
        return self

    @abstractmethod
    def add(self, rows: Mask, step: Real, change: Real) -> None:
        """Add a step s and the change y of the gradient, each of shape (R, P), to the rows of a mask (R,), where s·y > 0."""

    @abstractmethod
    def product(self, gradient: Real) -> Real:
        """Return H g for every row, shape (R, P); zero for a row without memory."""

    def advance(self, rows: Mask, step: Real, change: Real, gradient: Real, newton: Real) -> Real:
        """Do the same as `add` and then `product`, given H (g − y) from before."""
        self.add(rows, step, change)
        return self.product(gradient)

    def add_to(self, row: int, step: Real, change: Real) -> None:
        """Add a step s with s·y > 0 to one row."""
        count = len(getattr(self, self.arrays[0]))
        self.add(np.arange(count) == row, *(np.broadcast_to(vector, (count, len(step))) for vector in (step, change)))

    def product_of(self, row: int, gradient: Real) -> Real:
        """Return H g for one row, shape (P,)."""
        return self.kept(np.array([row])).product(gradient[None])[0]


class FullMemory(Memory):
    """The inverse Hessian of each row as a matrix, by the BFGS update: every step is remembered. For up to a few hundred angles.

    The matrices of many rows do not stay in the cache. So the updates by a few steps are kept as vectors, and are written to the
    matrices together.

    Attributes
    ----------
    inverse : ndarray of shape (R, P, P)
    known : ndarray of bool, shape (R,)
        Whether a row has taken a step.
    """

    arrays = ("_matrices", "_updates", "known")

    def __init__(self, rows: int, parameters: int) -> None:
        self._matrices = np.zeros((rows, parameters, parameters))
        self._updates = np.zeros((rows, 2 * UPDATES, parameters))
        """Pairs of vectors v, w of the updates v wᵀ + w vᵀ that are not yet part of the matrices."""
        self._count = 0
        self.known = np.zeros(rows, dtype=bool)

    @property
    def inverse(self) -> Real:
        self._write_updates()
        return self._matrices

    def kept(self, rows: Rows) -> Self:
        """Return the memory of some rows, each as often as it is listed."""
        part = super().kept(rows)
        part._count = self._count
        return part

    def put(self, rows: Rows, other: Memory, which: Rows) -> None:
        """Take over some rows of another memory of the same kind."""
        assert isinstance(other, FullMemory)
        part = other.kept(which)
        self.set(rows, part.inverse)
        self.known[rows] = part.known

    def set(self, rows: Rows, inverse: Real) -> None:
        """Set the inverse Hessians of some rows."""
        self.inverse[rows], self.known[rows] = inverse, True

    def softened(self, curvature: float) -> Self:
        softer = self.kept(np.arange(len(self.known)))
        inverse = softer.inverse
        inverse[:] = np.linalg.solve(np.eye(inverse.shape[1]) + curvature * inverse, inverse)
        return softer

    def add(self, rows: Mask, step: Real, change: Real) -> None:
        """Add a step with s·y > 0 to the rows of a mask."""
        self.advance(rows, step, change, change, np.zeros_like(change))

    def advance(self, rows: Mask, step: Real, change: Real, gradient: Real, newton: Real) -> Real:
        """Do the same as `add` and then `product` by one product with H, given H (g − y) from before."""
        ahead = self.product(gradient)
        moved, overlap = ahead - newton, np.vecdot(step, change)
        if not self.known.all() and (first := rows & ~self.known).any():
            scale = (overlap[first] / np.vecdot(change[first], change[first]))[:, None]
            self._matrices[first] = scale[:, None] * np.eye(step.shape[1])
            ahead[first], moved[first] = scale * gradient[first], scale * change[first]
            self.known |= rows
        share = np.divide(1.0, overlap, where=rows, out=np.zeros(len(rows)))  # zero for the others, whose updates thus vanish
        twice = 0.5 * share * (1.0 + share * np.vecdot(change, moved))
        pair = self._updates[:, 2 * self._count : 2 * self._count + 2]
        pair[:, 0] = step
        np.subtract(twice[:, None] * step, share[:, None] * moved, out=pair[:, 1])
        ahead += _updated(pair, gradient)
        self._count += 1
        if self._count == UPDATES:
            self._write_updates()
        return ahead

    def product(self, gradient: Real) -> Real:
        """Return H g for every row, shape (R, P); zero for a row without memory."""
        result = (self._matrices @ gradient[:, :, None])[..., 0]
        if self._count:
            result += _updated(self._updates[:, : 2 * self._count], gradient)
        return result

    def _write_updates(self) -> None:
        if self._count:
            together = max(1, MOST_ENTRIES // self._matrices.shape[1] ** 2)
            pairs = self._updates[:, : 2 * self._count]
            left, right = pairs.swapaxes(1, 2), _exchanged(pairs)
            for begin in range(0, len(pairs), together):
                part = slice(begin, begin + together)
                self._matrices[part] += left[part] @ right[part]
            self._count = 0

    def add_to(self, row: int, step: Real, change: Real) -> None:
        """Add a step s with s·y > 0 to one row."""
        inverse, overlap = self.inverse[row], float(step @ change)
        if not self.known[row]:
            np.fill_diagonal(inverse, overlap / float(change @ change))
            self.known[row] = True
        moved = inverse @ change
        twice = (1.0 + float(change @ moved) / overlap) / 2.0
        partner = (twice * step - moved) / overlap
        inverse += np.array([step, partner]).T @ np.array([partner, step])

    def product_of(self, row: int, gradient: Real) -> Real:
        """Return H g for one row, shape (P,)."""
        return self.inverse[row] @ gradient


def _updated(pairs: Real, gradient: Real) -> Real:
    """Return the products of sums of v wᵀ + w vᵀ over pairs of vectors v, w, shape (R, K, P), with gradients (R, P)."""
    return (_exchanged(pairs @ gradient[:, :, None]).swapaxes(1, 2) @ pairs)[:, 0]


def _exchanged(pairs: Real) -> Real:
    """Return an array (R, K, …) with the two members of each pair along the second axis exchanged."""
    return pairs.reshape(len(pairs), pairs.shape[1] // 2, 2, pairs.shape[2])[:, :, ::-1].reshape(pairs.shape)


class LimitedMemory(Memory):
    """The last steps s of each row and the changes y of its gradient, which stand for the inverse Hessian H.

    The product H g takes the compact form of Byrd, Nocedal and Schnabel (1994), eq. 3.13, which is a few small matrix products
    for all rows.

    Attributes
    ----------
    steps, changes : ndarray of shape (R, m, P)
        An unused entry is zero.
    """

    arrays = ("steps", "changes", "scale", "_cross", "_square", "_age")

    def __init__(self, rows: int, parameters: int, size: int = REMEMBERED) -> None:
        self.steps, self.changes = np.zeros((2, rows, size, parameters))
        self._cross, self._square = np.zeros((2, rows, size, size))  # s_i·y_j and y_i·y_j
        self._age = np.tile(np.arange(size), (rows, 1))
        """The slots of each row, oldest first."""
        self.scale = np.zeros(rows)
        """The H of directions that the memory does not know; 0 as long as it is empty."""

    def add(self, rows: Mask, step: Real, change: Real) -> None:
        """Add a step with s·y > 0 to the rows of a mask, in place of the oldest one."""
        which, step, change = np.flatnonzero(rows), step[rows], change[rows]
        slot = self._age[which, 0]
        self._age[which] = np.roll(self._age[which], -1, axis=1)
        self.steps[which, slot], self.changes[which, slot] = step, change
        steps, changes = self.steps[which], self.changes[which]
        self._cross[which, slot, :] = (changes @ step[:, :, None])[..., 0]
        self._cross[which, :, slot] = (steps @ change[:, :, None])[..., 0]
        self._square[which, slot, :] = self._square[which, :, slot] = (changes @ change[:, :, None])[..., 0]
        self.scale[which] = self._cross[which, slot, slot] / self._square[which, slot, slot]

    def product(self, gradient: Real) -> Real:
        """Return H g for every row, shape (R, P); zero for a row without memory."""
        rows = np.arange(len(gradient))[:, None, None]
        order = (rows, self._age[:, :, None], self._age[:, None, :])
        upper, square = np.triu(self._cross[order]), self._square[order]
        diagonal = np.diagonal(upper, axis1=1, axis2=2)
        unused = diagonal == 0.0
        upper = upper + unused[:, :, None] * np.eye(upper.shape[1])
        sorted_rows = (rows[:, :, 0], self._age)
        steps = np.take_along_axis((self.steps @ gradient[:, :, None])[..., 0], self._age, axis=1)
        changes = np.take_along_axis((self.changes @ gradient[:, :, None])[..., 0], self._age, axis=1)
        scale = self.scale[:, None]
        q = np.linalg.solve(upper, steps[..., None])[..., 0]
        inner = diagonal * q + scale * ((square @ q[..., None])[..., 0] - changes)
        p = np.linalg.solve(np.swapaxes(upper, 1, 2), inner[..., None])[..., 0]
        along, across = np.empty_like(p), np.empty_like(q)
        along[sorted_rows], across[sorted_rows] = p, q
        return scale * gradient + (along[:, None, :] @ self.steps)[:, 0] - scale * (across[:, None, :] @ self.changes)[:, 0]


def memory_for(rows: int, parameters: int) -> Memory:
    """Return an empty memory for rows with this number of parameters."""
    return FullMemory(rows, parameters) if parameters <= MOST_FULL else LimitedMemory(rows, parameters)
