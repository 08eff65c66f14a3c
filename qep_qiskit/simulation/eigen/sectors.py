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

CHECKS = (14, 17, 20, 24, 28, 33, 39, 46, 54, 64, 76, 90)
"""The Lanczos steps after which sectors are dropped. Before the first, a Ritz value may still be far from the lowest level."""
SAFETY = 2.0
"""The estimated distance of a lowest level from its Ritz value, in residuals. One residual was too little for 3 levels of 100."""
ROUNDING = 1e-5
"""The accuracy of single precision, as a fraction of the operators' scale."""


@dataclass(frozen=True, eq=False)
class Scan:
    """The result of a search.

    Attributes
    ----------
    energies, bounds : ndarray of shape (R,)
        For each operator a value that its lowest level does not exceed, and one that it is very likely not below.
    """

    energies: Real
    bounds: Real

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
        Operators whose lowest level is very likely above this are dropped too.
    keep : int
        The number of operators that stay to the end, if there is no limit.
    seed : int
        The seed of the random start vectors.

    Notes
    -----
    All operators take Lanczos steps together, in single precision, from random vectors. The lowest level of each is estimated to
    lie at most two residuals below its Ritz value. An operator is dropped if that is above the `keep` lowest Ritz values, or
    above the limit.
    """
    rows, active = len(coefficients), np.arange(len(coefficients))
    rng = np.random.default_rng([seed, 4])
    operators = Operators(paulis, coefficients, precise=False)
    state = rng.standard_normal((1 << operators.num_qubits, rows)).astype(operators.dtype)
    state /= np.linalg.norm(state, axis=0)
    previous = np.zeros_like(state)
    energies, bounds = np.full(rows, np.inf), np.full(rows, -np.inf)
    alphas, betas = np.zeros((2, CHECKS[-1], rows))
    last = min(CHECKS[-1], len(state))
    with single_threaded(operators.num_qubits):
        for step in range(last):
            product = operators.apply(state)
            if step:
                product -= betas[step - 1].astype(np.float32) * previous
            alphas[step] = np.einsum("dr,dr->r", state.conj(), product).real
            product -= alphas[step].astype(np.float32) * state
            betas[step] = np.linalg.norm(product, axis=0)
            previous, state = state, product / np.maximum(betas[step], 1e-30).astype(np.float32)
            if step + 1 not in CHECKS and step + 1 < last:
                continue
            energies[active], residuals = _ritz(alphas[: step + 1], betas[: step + 1])
            bounds[active] = energies[active] - SAFETY * residuals - ROUNDING * operators.scale
            enough = np.partition(energies, min(keep, rows) - 1)[min(keep, rows) - 1] if np.isinf(limit) else limit
            stays = bounds[active] <= enough
            if np.count_nonzero(stays) <= (keep if np.isinf(limit) else 0):
                break
            if step + 1 < last and np.count_nonzero(stays) < 0.8 * len(active):
                active, alphas, betas = active[stays], alphas[:, stays], betas[:, stays]
                state, previous, operators = state[:, stays], previous[:, stays], operators.of(stays)
            if np.all(energies[active] - bounds[active] <= 4 * ROUNDING * operators.scale):
                break
    return Scan(energies, bounds)


def _ritz(alphas: Real, betas: Real) -> tuple[Real, Real]:
    """Return the lowest Ritz value of every column and its residual."""
    steps, rows = alphas.shape
    matrices, diagonal, beside = np.zeros((rows, steps, steps)), np.arange(steps), np.arange(steps - 1)
    matrices[:, diagonal, diagonal] = alphas.T
    matrices[:, beside + 1, beside] = betas[:-1].T
    values, modes = np.linalg.eigh(matrices)
    return values[:, 0], betas[-1] * np.abs(modes[:, -1, 0])
