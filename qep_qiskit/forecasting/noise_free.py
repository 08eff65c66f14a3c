"""The distance of the prepared states' gradient from the exact one, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.estimates import percent
from qep_qiskit.fingerprints import of_or_none
from qep_qiskit.preparation.exact import Exact, reference_state
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.settings import Settings

EXACT_QUBITS = 20
"""Up to this many qubits, the reference is computed from state vectors, in seconds; beyond, from matrix product states."""
BOND_DIMENSION = 64
_LATEST: dict[str | None, NoiseFreeError] = {}
"""The latest answer, since one process may forecast a gradient and then submit it."""


@dataclass(frozen=True)
class NoiseFreeError:
    """The error that a gradient of these circuits would have without noise.

    Attributes
    ----------
    share : float or None
        ‖g − g*‖ / ‖g*‖, where g is the noise-free gradient of the circuits, and g* that of exact states at the same β. None if
        one of them cannot be computed.
    beta : float
    reference : str
        How g* was computed.
    reason : str
        Why the share is not known.
    """

    share: float | None
    beta: float
    reference: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.share is None:
            return f"noise-free gradient of these circuits: distance from the exact one not known ({self.reason})"
        how = f"{percent(self.share)} from the exact one at the same β ({self.reference})"
        return f"noise-free gradient of these circuits: {how}"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as a mapping, for JSON."""
        return vars(self).copy()


def noise_free_error(first: Plan, *, progress: Progress = silent) -> NoiseFreeError:
    """Compare the noise-free gradient of a plan's circuits with that of exact states at the same β.

    Parameters
    ----------
    first : Plan
        The first round.
    progress : callable
    """
    question = of_or_none((first.problem, first.preparer, first.stencil, first.seed))
    if question is None or question not in _LATEST:
        _LATEST.clear()
        _LATEST[question] = _computed(first, progress)
    return _LATEST[question]


def _computed(first: Plan, progress: Progress) -> NoiseFreeError:
    problem, stencil, seed = first.problem, first.stencil, first.seed
    exact, how = _reference(first)
    try:
        progress("noise-free gradient of the circuits", None)
        values = noise_free_gradient(
            replace(first, settings=Settings(preparer=first.preparer, stencil=stencil, seed=seed)), progress
        )
        progress(f"exact gradient at the same β ({how})", None)
        truth = noise_free_gradient(
            plan(problem, Settings(preparer=exact, stencil=stencil, seed=seed), progress=progress), progress
        )
    except (InputError, DegenerateGroundStateError, PreparationError) as error:
        return NoiseFreeError(None, stencil.beta, how, " ".join(str(error).split()))
    size = float(np.linalg.norm(truth))
    if not size:
        return NoiseFreeError(None, stencil.beta, how, "the exact gradient is zero")
    return NoiseFreeError(float(np.linalg.norm(values - truth)) / size, stencil.beta, how)


def _reference(first: Plan) -> tuple[Preparer, str]:
    """Return the exact preparer of the states that a plan's preparer aims at, and its name in words."""
    reference = reference_state(first.preparer)
    if reference == Exact() and first.problem.network.num_qubits > EXACT_QUBITS:
        return MPS(bond_dimension=BOND_DIMENSION, gap=False), f"MPS, bond dimension {BOND_DIMENSION}"
    return reference, "ground states" if reference == Exact() else f"{reference.describe().get('method')} states"


def noise_free_gradient(first: Plan, progress: Progress = silent) -> NDArray[np.float64]:
    """Return the gradient of a plan's first round from the expectations of its states, without noise, shape (K,)."""
    expectations = dict(zip(first.phases, first.expectations, strict=True))
    if not first.complete:
        last = advance(first, first.problem.cost_rows @ expectations[0], progress=progress)
        expectations |= zip(last.phases, last.expectations, strict=True)
    factors = enumerate(first.stencil.phase_factors)
    combined = sum(factor * expectations[phase] for phase, factor in factors)
    return np.asarray(first.problem.derivative_rows @ combined)
