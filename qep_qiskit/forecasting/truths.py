"""Reference gradients of a problem, each computed once for all forecasts of the problem."""

from __future__ import annotations

from functools import cached_property

from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.preparation.preparer import Preparer
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference import COMPARED_QUBITS, DENSE_QUBITS, Reference, reference_gradient
from qep_qiskit.stencils import Stencil

USUAL_SCALE = 0.1
"""The scale of β if the gap is not known."""


class Truths:
    """The exact gradients of a problem: those of the exact states that a preparer aims at, for β → 0 and for any stencil."""

    def __init__(self, problem: Problem, preparer: Preparer, seed: int, progress: Progress = silent) -> None:
        self._problem, self._preparer, self._seed, self._progress = problem, reference_state(preparer), seed, progress
        self._computed: dict[Stencil | None, Reference] = {}

    @property
    def limit(self) -> Reference:
        """The gradient in the limit β → 0."""
        return self.at(None)

    @cached_property
    def silence(self) -> str:
        """Why the gradient in the limit cannot be computed; empty if it can."""
        try:
            _ = self.limit
        except (InputError, PreparationError) as error:
            if self._problem.network.num_qubits <= DENSE_QUBITS or isinstance(error, DegenerateGroundStateError):
                raise
            return " ".join(str(error).split())
        return ""

    @property
    def scale(self) -> float:
        """The scale of β, gap/‖C‖."""
        return self.limit.scale or USUAL_SCALE

    @property
    def quick(self) -> bool:
        """Whether references at other stencils take less than a second."""
        return self._problem.network.num_qubits <= COMPARED_QUBITS

    def at(self, stencil: Stencil | None) -> Reference:
        """Return the noise-free gradient at a stencil, or for None in the limit β → 0."""
        if stencil not in self._computed:
            self._progress("exact gradient" if stencil is None else f"exact gradient at β = {stencil.beta:.3g}", None)
            self._computed[stencil] = reference_gradient(
                self._problem, stencil=stencil, preparer=self._preparer, seed=self._seed, progress=self._progress
            )
        return self._computed[stencil]
