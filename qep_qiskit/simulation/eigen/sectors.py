"""Search for the sectors of an operator with Pauli symmetries that contain its lowest levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.simulation.eigen.rows import Operators
from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]
Real = NDArray[np.float64]

CHECKS = (20, 24, 28, 33, 39, 46, 54, 64, 76, 90)
"""The Lanczos steps after which sectors are dropped. Four times as many lowest levels were
misjudged after 14 as after 20."""
SAFETY = 2.0
"""The estimated distance of a lowest level from its Ritz value, in residuals. From one random vector it is too
little for 2 levels of 1000 after 20 steps, whose states the vector is nearly orthogonal to. A larger factor hardly helps."""
ROUNDING = 1e-5
"""The accuracy of single precision, as a fraction of the operators' scale Σ|c|."""
TOGETHER = 64
"""The number of operators whose vectors are one array, which is to fit the processor's cache."""


@dataclass(frozen=True, eq=False)
class Scan:
    """The result of a search.

    Attributes
    ----------
    energies, bounds : ndarray of shape (R,)
        For each operator a value that its lowest level does not exceed, and one that it is likely not below.
    """

    energies: Real
    bounds: Real

    def __and__(self, other: Scan) -> Scan:
        """Combine two scans of the same operators; a bound holds unless both are wrong."""
        return Scan(np.minimum(self.energies, other.energies), np.minimum(self.bounds, other.bounds))

    @property
    def lowest(self) -> NDArray[np.intp]:
        """The operators that may have the lowest level of all."""
        return np.flatnonzero(self.bounds <= self.energies.min())


def scan(paulis: PauliList, coefficients: Real, *, limit: float = np.inf, keep: int = 2, seed: int = 0) -> Scan:
    """Bound the lowest levels of R operators until only those near the lowest ones are in doubt.

    Parameters
    ----------
    paulis : PauliList of length L
    coefficients : ndarray of shape (R, L)
        One operator per row.
    limit : float
        Operators whose lowest level is likely above this are dropped too.
    keep : int
        Without a limit, the number of operators that stay to the end.
    seed : int
        The seed of the random start vectors.

    Notes
    -----
    All operators take Lanczos steps together, in single precision, from random vectors. The lowest level of each is estimated to
    lie at most two residuals below its Ritz value. An operator is dropped if that is above the `keep` lowest Ritz values, or
    above the limit.
    """
    rows, rng = len(coefficients), np.random.default_rng([seed, 4])
    energies, bounds = np.full(rows, np.inf), np.full(rows, -np.inf)
    blocks = [_Block(paulis, coefficients, np.arange(rows)[k : k + TOGETHER], rng) for k in range(0, rows, TOGETHER)]
    size = 1 << int(paulis.num_qubits)
    with single_threaded(int(paulis.num_qubits)):
        for check in sorted({min(steps, size) for steps in CHECKS}):
            for block in blocks:
                block.advance(check)
                energies[block.rows], residuals = _ritz(block.alphas[:check], block.betas[:check])
                bounds[block.rows] = energies[block.rows] - SAFETY * residuals - ROUNDING * block.operators.scale
            enough = np.partition(energies, min(keep, rows) - 1)[min(keep, rows) - 1] if np.isinf(limit) else limit
            for block in blocks:
                block.drop(bounds[block.rows] > enough)
            blocks = [block for block in blocks if len(block.rows)]
            if sum(len(block.rows) for block in blocks) <= (keep if np.isinf(limit) else 0):
                break
            if all(np.all(energies[b.rows] - bounds[b.rows] <= 4 * ROUNDING * b.operators.scale) for b in blocks):
                break
    return Scan(energies, bounds)


class _Block:
    """The Lanczos recurrences of some of the operators, `rows`."""

    def __init__(self, paulis: PauliList, coefficients: Real, rows: NDArray[np.intp], rng: np.random.Generator) -> None:
        self.rows, self.operators = rows, Operators(paulis, coefficients[rows], precise=False)
        state = rng.standard_normal((1 << self.operators.num_qubits, len(rows))).astype(self.operators.dtype)
        self._state = state / np.linalg.norm(state, axis=0)
        self._previous = np.zeros_like(state)
        self._steps = 0
        self.alphas, self.betas = np.zeros((2, CHECKS[-1], len(rows)))

    def advance(self, steps: int) -> None:
        """Continue until `steps` steps are done."""
        state, previous = self._state, self._previous
        for step in range(self._steps, steps):
            product = self.operators.apply(state)
            if step:
                product -= self.betas[step - 1].astype(np.float32) * previous
            self.alphas[step] = np.einsum("dr,dr->r", state.conj(), product).real
            product -= self.alphas[step].astype(np.float32) * state
            self.betas[step] = np.linalg.norm(product, axis=0)
            previous, state = state, product / np.maximum(self.betas[step], 1e-30).astype(np.float32)
        self._state, self._previous, self._steps = state, previous, steps

    def drop(self, rows: NDArray[np.bool_]) -> None:
        """Continue without some of the rows."""
        if rows.any():
            left = ~rows
            self.rows, self.operators = self.rows[left], self.operators.of(left)
            self.alphas, self.betas = self.alphas[:, left], self.betas[:, left]
            self._state, self._previous = self._state[:, left], self._previous[:, left]


def _ritz(alphas: Real, betas: Real) -> tuple[Real, Real]:
    """Return the lowest Ritz value of every column and its residual."""
    steps, rows = alphas.shape
    matrices, diagonal, beside = np.zeros((rows, steps, steps)), np.arange(steps), np.arange(steps - 1)
    matrices[:, diagonal, diagonal] = alphas.T
    matrices[:, beside + 1, beside] = betas[:-1].T
    values, modes = np.linalg.eigh(matrices)
    return values[:, 0], betas[-1] * np.abs(modes[:, -1, 0])
