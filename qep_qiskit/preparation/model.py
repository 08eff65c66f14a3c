"""The functions whose minima are a variational ansatz's phases, for rows of many families over one circuit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.networks.frame import Frame
from qep_qiskit.preparation.descent import Aim, Descent, Function, Rows, descend
from qep_qiskit.preparation.evaluator import MOST_BATCHED_QUBITS, Evaluator, hessians, quick_hessians
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.quasi_newton import Memory
from qep_qiskit.preparation.renewal import CAUTION, DEEP, FURTHER, inverses, renewed, shifted
from qep_qiskit.preparation.solution import Precision
from qep_qiskit.preparation.uniqueness import without_outliers

Real = NDArray[np.float64]
FREE, NUDGED = 0.03, 0.3
"""The share of the tolerance at which |r₀| / |∂⟨C⟩| and |∂E_β − r₀| / |β ∂⟨C⟩| stop. With these, the relative error of the
gradient is at most twice the tolerance in 95 % of random networks, at β from 0.02 to 0.3."""
SMALL_SIGNAL = 1e-3
"""A weaker error signal counts as this strong, since the nudge of a network with correct predictions is too weak to follow."""
LARGE_SIGNAL = 4.0
"""A stronger error signal, such as that of a large target, counts as this strong: it does not make a free phase more precise."""
LEAST_CURVATURE = 0.5
"""The least curvature of a minimum with the regulariser, as a share of μ."""
SOFTEST = 0.01
"""The curvature that is added in all directions to Hessians that are not convex at first, and to those with which nudged phases
begin, in the family's unit of energy. Far steps along nearly flat directions soon leave the region in which they are flat."""
MOST_CHECKED_ANGLES = 150
"""Up to this number of angles, every nudged phase is checked by a Newton step; beyond, only phases with a long next step are."""
ROUNDING = 1e-13
"""No descent has to reach a gradient below this share of Σ|c|."""


def regulariser(share: float, frame: Frame, free: Real) -> float:
    """Return μ, a share of the largest coefficient of H in a frame, which an outlier does not raise.

    It would outweigh the other terms.
    """
    return share * (float(without_outliers(free[frame.busy]).max(initial=0.0)) or 1.0)


class Model:
    """The functions of the rows of several families over one circuit."""

    def __init__(self, evaluator: Evaluator, families: Sequence[Family], precision: Precision, centres: Sequence[Real]) -> None:
        self.evaluator, self.families, self.precision = evaluator, families, precision
        self.centres = np.array(centres)
        self.mu = np.array([regulariser(precision.regulariser, family.frame, family.free) for family in families])
        self.free = np.array([family.free for family in families])
        sizes = np.array([np.abs(family.free[family.frame.busy]).sum() for family in families])
        self.sizes = np.maximum(sizes, 1e-2)
        self.floor = ROUNDING * self.sizes
        many = DEEP <= evaluator.num_parameters <= MOST_CHECKED_ANGLES
        self.deep = many and families[0].num_qubits <= MOST_BATCHED_QUBITS
        """Whether Hessians are computed again and again."""
        self.further = FURTHER if self.deep else 1.0
        """Descents end at this share of the usual gradient."""

    def value(self, owners: Rows, coefficients: Real, thetas: Real) -> tuple[Real, Real]:
        """Return ⟨H + βC⟩ + ½μ|θ − θ_c|² and its gradient for rows of these families."""
        energies, gradients = self.evaluator.energies_and_gradients(thetas, coefficients)
        mu, away = self.mu[owners], thetas - self.centres[owners]
        return energies + 0.5 * mu * np.einsum("rp,rp->r", away, away), gradients + mu[:, None] * away

    def slopes(self, owners: Rows, thetas: Real, steps: Real | None = None) -> tuple[Real, Real]:
        """Return |∂⟨C⟩/∂θ| of the nudge that follows from free angles, and max_m |∂⟨O_m⟩/∂θ · step|, both of shape (R,).

        A strong nudge is scaled down to `LARGE_SIGNAL`.
        """
        rows = [self._observed(self.families[f]) for f in owners]
        counts = np.array([len(row) for row in rows])
        every, firsts = np.repeat(np.arange(len(rows)), counts), np.cumsum(counts) - counts
        values, gradients = self.evaluator.energies_and_gradients(thetas[every], np.concatenate(rows))
        signals = [
            np.ones(count) if (signal := self.families[f].signal) is None else signal(values[first : first + count])
            for f, first, count in zip(owners, firsts, counts, strict=True)
        ]
        pulls = np.add.reduceat(np.concatenate(signals)[:, None] * gradients, firsts)
        floors = SMALL_SIGNAL * np.sqrt(np.add.reduceat(np.einsum("kp,kp->k", gradients, gradients), firsts))
        busy = [self.families[f].frame.busy for f in owners]
        sizes = np.array([np.abs(row[:, used]).max(initial=0.0) for row, used in zip(rows, busy, strict=True)])
        sizes *= np.array([max(1.0, np.abs(signal).max(initial=0.0)) for signal in signals])
        moves = np.zeros(len(rows))
        if steps is not None:
            moves = np.maximum.reduceat(np.abs(np.einsum("kp,kp->k", gradients, steps[every])), firsts)
        return np.maximum(np.linalg.norm(pulls, axis=1), floors) / np.maximum(sizes / LARGE_SIGNAL, 1.0), moves

    def hessians(self, owners: Rows, coefficients: Real, thetas: Real, *, exact: bool = False) -> Real:
        """Return the Hessians (R, P, P) of rows of energies with ½μ|θ − θ_c|², quick ones or exact ones."""
        of_energies = (hessians if exact else quick_hessians)(self.evaluator, thetas, coefficients)
        return shifted(of_energies, self.mu[owners])

    def inverses(
        self, owners: Rows, coefficients: Real, thetas: Real, caution: Real | float = 0.0
    ) -> tuple[Real, NDArray[np.bool_]]:
        """Return the inverses of these Hessians with a curvature added for caution, and which rows are convex."""
        cautious = shifted(self.hessians(owners, coefficients, thetas), caution)
        return inverses(cautious, LEAST_CURVATURE * self.mu[owners] + caution)[:2]

    def descend(
        self, owners: Rows, coefficients: Real, function: Function, aim: Aim, starts: Real, memory: Memory, most: int | Rows
    ) -> Descent:
        """Minimise rows of energies with these coefficients, renewing the Hessians of many angles."""

        def curved(rows: Rows, thetas: Real, gradients: Real) -> Real:
            caution = CAUTION * np.linalg.norm(gradients, axis=1)
            return self.inverses(owners[rows], coefficients[rows], thetas, caution)[0]

        if not self.deep:
            return descend(function, starts, aim, most=most, memory=memory)
        return renewed(function, curved, starts, aim, most=most, memory=memory)

    @staticmethod
    def _observed(family: Family) -> Real:
        if family.observed is not None and len(family.observed):
            return family.observed
        return (family.nudge if np.any(family.nudge) else family.free)[None]
