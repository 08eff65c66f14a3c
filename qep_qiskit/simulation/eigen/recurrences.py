"""Lanczos recurrences of many operators, as columns of one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dstemr

if TYPE_CHECKING:
    from qep_qiskit.simulation.eigen.rows import Operators

Array: TypeAlias = NDArray[Any]
Real = NDArray[np.float64]

MOST_STEPS = 200
CHECKED, EVERY = 16, 6
"""The Lanczos step of the first check of convergence, and the number of steps between two checks."""
FEW = 8
"""The number of columns, among ones that are alike, that are checked until the first of them is done."""


class Recurrences:
    """Lanczos for one state of each operator: that of the lowest Ritz value of all, or of those that the start overlaps with.

    Parameters
    ----------
    operators : Operators
        R operators.
    start : ndarray of shape (2**n, R)
    deflated : ndarray of shape (2**n, R) or None
        Normalised vectors; the recurrence stays in the complement of the one of each column.
    below : ndarray of shape (R,), optional
        Energies from which distances are measured.
    least : float
        The least share |⟨start|vector⟩|² of the normalised start.

    Attributes
    ----------
    energies, spacings, shares : ndarray of shape (R,)
        The Ritz value, its distance to the next one, and the share.
    settled : ndarray of bool, shape (R,)
        Whether the state is found, or the recurrence is exhausted.
    norm : float
        An upper bound on the norms of all operators, as far as the recurrences have seen them.
    """

    def __init__(
        self, operators: Operators, start: Array, deflated: Array | None, below: Real | None = None, *, least: float = 0.0
    ) -> None:
        self.operators, self.deflated, self.least = operators, deflated, least
        self.below = np.zeros(operators.rows) if below is None else below
        self.energies, self.settled = np.zeros(operators.rows), np.zeros(operators.rows, dtype=bool)
        self.spacings, self.shares = np.zeros((2, operators.rows))
        self.norm = 1.0
        self._start = self._projected(start)
        self._weights: Real = np.zeros((MOST_STEPS, operators.rows))
        self._basis: list[Array] = []

    def run(self, done: Any, *, alike: bool = False) -> None:
        """Step until `done`(residual, spacing, energy above `below`, steps) holds for every column.

        If the columns are `alike`, only a few are checked until the first of these is done.
        """
        rows, most = self.operators.rows, (1 << self.operators.num_qubits) - (self.deflated is not None)
        alphas, betas = np.zeros((2, MOST_STEPS, rows))
        ends, last = np.full(rows, most), min(MOST_STEPS, most)
        real: Any = np.zeros(0, self._start.dtype).real.dtype.type
        tiny = 1e-13 if real is np.float64 else 1e-5
        current, previous = self._start / np.linalg.norm(self._start, axis=0).astype(real), None
        for step in range(last):
            self._basis.append(current)
            product = self.operators.apply(current)
            if previous is not None:
                product -= betas[step - 1].astype(real) * previous
            alphas[step] = dots(current, product)
            product -= alphas[step].astype(real) * current
            product = self._projected(product)
            betas[step] = np.sqrt(dots(product, product))
            ended = (betas[step] <= tiny * np.maximum(self.operators.scale, 1e-300)) & (ends > step + 1)
            ends[ended] = step + 1
            previous, current = current, product / np.maximum(betas[step], 1e-30).astype(real)
            due = step >= CHECKED and (step - CHECKED) % EVERY == 0
            if due or step + 1 == last or (ends <= step + 1).all():
                self.norm = max(float(np.abs(alphas[: step + 1]).max() + 2 * betas[: step + 1].max()), 1e-300)
                few = alike and step + 1 < last and not self.settled.any()
                for row in np.flatnonzero(~self.settled)[:: max(1, rows // FEW) if few else 1].tolist():
                    steps = min(step + 1, int(ends[row]))
                    self._look(row, alphas[:steps, row], betas[:steps, row], steps < step + 1 or steps == most, done)
            if self.settled.all():
                return

    def _look(self, row: int, alphas: Real, betas: Real, exhausted: bool, done: Any) -> None:
        steps, count, place = len(alphas), 2, 0
        values, modes = alphas, np.ones((1, 1))
        while steps > 1:
            # LAPACK itself, as in krylov.py: scipy's wrapper takes several times as long
            values, modes = dstemr(
                alphas.copy(), betas.copy(), 2, 0.0, 1.0, 1, min(count, steps), compute_v=1, lwork=18 * steps, liwork=10 * steps
            )[1:3]
            strong = np.flatnonzero(modes[0] ** 2 >= self.least)
            place = int(strong[0]) if strong.size else 0
            if count >= steps or (strong.size and place + 1 < count):
                break
            count *= 4
        residual = float(betas[steps - 1] * abs(modes[-1, place]))
        spacing = float(values[place + 1] - values[place]) if len(values) > place + 1 else self.norm
        self.energies[row], self.spacings[row], self.shares[row] = values[place], spacing, modes[0, place] ** 2
        self._weights[:steps, row] = modes[:, place]
        self.settled[row] = exhausted or done(residual, spacing, float(values[place] - self.below[row]), steps)

    def vectors(self) -> Array:
        """Return the Ritz vector of each column."""
        total = np.zeros_like(self._start)
        for weights, vectors in zip(self._weights.astype(total.real.dtype), self._basis, strict=False):
            total += weights * vectors
        return total / np.linalg.norm(total, axis=0)

    def _projected(self, states: Array) -> Array:
        return states if self.deflated is None else states - self.deflated * overlaps(self.deflated, states)


def overlaps(bras: Array, kets: Array) -> Array:
    """Return ⟨bra|ket⟩ of each column."""
    return (bras.conj() * kets).sum(axis=0)


def dots(bras: Array, kets: Array) -> Real:
    """Return Re⟨bra|ket⟩ of each column, from real and imaginary parts side by side."""
    if bras.dtype.kind != "c" or bras.dtype != kets.dtype or not (bras.flags.c_contiguous and kets.flags.c_contiguous):
        return np.asarray(overlaps(bras, kets).real, float)
    products = bras.view(bras.real.dtype) * kets.view(kets.real.dtype)
    sums = np.ones(len(products), products.dtype) @ products
    return np.asarray(sums[::2] + sums[1::2], float)
