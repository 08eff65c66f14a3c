"""Reference gradients of a problem, each computed once for all forecasts of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.forecasting.noise_free import noise_free_gradient
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """A reference gradient.

    Attributes
    ----------
    values : ndarray of shape (K,)
    uncertainty : ndarray of shape (K,) or None
        The error of every value; None for rounding error.
    method : str
    """

    values: Vector
    uncertainty: Vector | None = None
    method: str = "ground states"


class Truths:
    """The gradients of the true states that a preparer aims at, in the limit β → 0 and at a stencil."""

    def __init__(self, problem: Problem, preparer: Preparer, seed: int, progress: Progress = silent) -> None:
        self._problem, self._preparer, self._seed, self._progress = problem, reference_state(preparer), seed, progress
        self._limit: tuple[Truth, float] | None = None
        self._at: dict[Stencil, Truth | None] = {}

    @property
    def limit(self) -> Truth:
        """The gradient in the limit β → 0."""
        return self._computed()[0]

    @property
    def scale(self) -> float:
        """The scale of β, gap/‖C‖."""
        return self._computed()[1]

    @property
    def quick(self) -> bool:
        """Whether references at other stencils take less than a second."""
        return self._problem.network.num_qubits <= COMPARED_QUBITS

    def at(self, stencil: Stencil) -> Truth | None:
        """Return the noise-free gradient at a stencil; None if it cannot be computed."""
        if stencil not in self._at:
            self._at[stencil] = None
            if self._problem.network.num_qubits <= COMPARED_QUBITS:
                self._progress(f"exact gradient at β = {stencil.beta:.3g}", None)
                exact = Settings(preparer=self._preparer, stencil=stencil, seed=self._seed)
                self._at[stencil] = Truth(noise_free_gradient(plan(self._problem, exact)))
        return self._at[stencil]

    def _computed(self) -> tuple[Truth, float]:
        if self._limit is None:
            self._progress("exact gradient", None)
            problem = self._problem
            exact = exact_gradient(problem, preparer=self._preparer, seed=self._seed)
            observed = exact.predictions if problem.cost.needs_free_phase else np.zeros(len(problem.cost_rows))
            nudge = problem.cost.error_signal(observed) @ problem.cost_rows
            size = float(np.abs(nudge[problem.frame.busy]).sum())
            gap = exact.diagnostics.gap
            self._limit = Truth(exact.values), gap / size if gap is not None and size else 0.1
        return self._limit
