"""Selection of the method that computes an exact gradient, for a network of any size."""

from __future__ import annotations

import numpy as np

from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.fingerprints import of_or_none
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Preparer
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference.response import exact_gradient
from qep_qiskit.reference.tensor_network import GroundStates, at_stencil, limit
from qep_qiskit.reference.value import Reference
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil

DENSE_QUBITS = 20
"""Up to this many qubits, ground states are state vectors, which take seconds; beyond, they are matrix product states."""
_LATEST: dict[str | None, GroundStates] = {}
"""The matrix product states of the latest problem, kept because a forecast and a comparison need several references of it."""


def reference_gradient(
    problem: Problem,
    *,
    stencil: Stencil | None = None,
    preparer: Preparer | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Reference:
    """Return the exact gradient, in the limit β → 0 or at the β of a stencil, for a network of any size.

    Parameters
    ----------
    problem : Problem
    stencil : Stencil, optional
        Default: the limit β → 0.
    preparer : Exact or Thermal, optional
        Exact states of another kind, such as an excited state or a Gibbs state. Default: ground states.
    seed : int
    progress : callable

    Raises
    ------
    DegenerateGroundStateError
        If the ground state is not unique.
    InputError
        If the states cannot be computed, for instance thermal states of a large network.

    Notes
    -----
    Beyond 20 qubits, ground states are matrix product states (`reference/tensor_network.py`). Smaller networks use
    diagonalisation and linear response.
    """
    preparer = Exact() if preparer is None else preparer
    if preparer == Exact() and not problem.network.closed_form and problem.network.num_qubits > DENSE_QUBITS:
        states = _states(problem, seed, progress)
        return limit(states) if stencil is None else at_stencil(states, stencil)
    if stencil is None:
        gradient = exact_gradient(problem, preparer=preparer, seed=seed, progress=progress)
        return Reference(None, str(gradient.provenance["method"]), gradient, _scale(problem, gradient))
    [(last, outcomes)] = run([problem], Settings(preparer=preparer, stencil=stencil, seed=seed), progress=progress)
    gradient = reduce(last, outcomes)
    method = "ground states" if preparer == Exact() else f"{preparer.describe().get('method')} states"
    return Reference(None, method, gradient)


def _states(problem: Problem, seed: int, progress: Progress) -> GroundStates:
    """Return the matrix product states of a problem, and keep them for its next reference."""
    question = of_or_none((problem, seed))
    if question is None or question not in _LATEST:
        _LATEST.clear()
        _LATEST[question] = GroundStates(problem, seed=seed, progress=progress)
    return _LATEST[question]


def _scale(problem: Problem, gradient: Gradient) -> float | None:
    """Return the gap over ‖C‖."""
    gap = gradient.diagnostics.gap
    observed = gradient.predictions if problem.cost.needs_free_phase else np.zeros(len(problem.cost_rows))
    nudge = problem.cost.error_signal(observed) @ problem.cost_rows
    size = float(np.abs(nudge[problem.frame.busy]).sum()) if not problem.network.closed_form else 0.0
    return gap / size if gap is not None and size else None
