"""The distance of the prepared states' gradient from the exact one, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.estimates import percent
from qep_qiskit.fingerprints import of_or_none
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference import reference_gradient
from qep_qiskit.settings import Settings

Vector = NDArray[np.float64]
_LATEST: dict[str | None, NoiseFreeError] = {}
"""The latest answer, since one process may forecast a gradient and then submit it."""


@dataclass(frozen=True)
class NoiseFreeError:
    """The error that a gradient of these circuits would have without noise.

    Attributes
    ----------
    share : float or None
        ‖g − g*‖ / ‖g*‖, where g is the noise-free gradient of the circuits and g* is the gradient of exact states at the same β.
        None if one of them cannot be computed.
    beta : float
    reference : str
        The method by which g* was computed.
    reason : str
        The reason why the share is not known.
    uncertainty : float
        The relative error of g* itself.
    doubts : tuple of str
        Reasons why g* may be wrong, such as a metastable state.
    """

    share: float | None
    beta: float
    reference: str = ""
    reason: str = ""
    uncertainty: float = 0.0
    doubts: tuple[str, ...] = ()

    @classmethod
    def between(
        cls, values: Vector, truth: Vector, beta: float, reference: str, *, uncertainty: Vector | None, doubts: tuple[str, ...]
    ) -> NoiseFreeError:
        """Return the distance of the noise-free gradient of circuits from that of exact states, g*, with the error of g*."""
        size = float(np.linalg.norm(truth))
        if not size:
            return cls(None, beta, reference, "the exact gradient is zero")
        unsure = 0.0 if uncertainty is None else float(np.linalg.norm(uncertainty)) / size
        return cls(float(np.linalg.norm(values - truth)) / size, beta, reference, uncertainty=unsure, doubts=doubts)

    def __str__(self) -> str:
        if self.share is None:
            return f"noise-free gradient of these circuits: distance from the exact one not known ({self.reason})"
        doubt = f", itself uncertain by {percent(self.uncertainty)}" if self.uncertainty > 0.1 * self.share else ""
        how = f"{percent(self.share)} from the exact one at the same β ({self.reference}{doubt})"
        return "; ".join((f"noise-free gradient of these circuits: {how}", *self.doubts))

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
    try:
        progress("noise-free gradient of the circuits", None)
        settings = Settings(preparer=first.preparer, stencil=stencil, seed=seed)
        values = noise_free_gradient(replace(first, settings=settings), progress)
        progress("exact gradient at the same β", None)
        exact = reference_state(first.preparer)
        truth = reference_gradient(problem, stencil=stencil, preparer=exact, seed=seed, progress=progress)
    except (InputError, DegenerateGroundStateError, PreparationError) as error:
        return NoiseFreeError(None, stencil.beta, reason=" ".join(str(error).split()))
    doubts = tuple(filter(None, (*truth.warnings, truth.above(first.prepared.phases[0].energy))))
    found, unsure = truth.values, truth.uncertainty
    return NoiseFreeError.between(values, found, stencil.beta, truth.method, uncertainty=unsure, doubts=doubts)


def noise_free_gradient(first: Plan, progress: Progress = silent) -> Vector:
    """Return the noise-free gradient of a plan's first round, computed from the expectations of its states, shape (K,)."""
    expectations = dict(zip(first.phases, first.expectations, strict=True))
    if not first.complete:
        last = advance(first, first.problem.cost_rows @ expectations[0], progress=progress)
        expectations |= zip(last.phases, last.expectations, strict=True)
    factors = enumerate(first.stencil.phase_factors)
    combined = sum(factor * expectations[phase] for phase, factor in factors)
    return np.asarray(first.problem.derivative_rows @ combined)
