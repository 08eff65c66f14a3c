"""Whether the limits β → 0 and T → ∞ of a ramp commute. If not, the gradient at a finite β hides the ramp's error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.estimates import percent
from qep_qiskit.preparation.ramp_phase import QUICK_QUBITS, slopes_of
from qep_qiskit.preparation.response import Response, respond

if TYPE_CHECKING:
    from qep_qiskit.equilibrium.plan import Plan

SMALL = 1.0
"""β ε T |∂Φ| from which a nudge averages over the ramp's oscillation."""
SEEN, LARGE = 0.05, 0.25
"""The error of a ramp's limit β → 0 that counts if β hides it, and the one that counts where the states do not show it."""
DEGENERATE = (
    "the ground state is degenerate, and not everything that is read is the same in all of its states: the ramp ends in one of "
    "them, and this gradient depends on which; break the symmetry, or read only what the symmetry leaves alone"
)


RampLimit = tuple[Mapping[str, float | None] | None, list[str]]


def ramp_limit(plan: Plan) -> RampLimit:
    """Return the error of a ramp's gradient in the limit β → 0 and the phase |β ε T ∂Φ|, and warnings.

    The error, ``deviation``, is relative to the true ground state's gradient. It is larger than that of the gradient at β if the
    ``phase`` is not small (see `preparation/ramp_phase.py`). The first value is None for other preparers, and if one of the two
    gradients is not known.
    """
    return ramp_limits_of([plan])[0]


def ramp_limits_of(plans: Sequence[Plan]) -> list[RampLimit]:
    """Return the same as :func:`ramp_limit` for each plan of a batch; states and levels of all plans are computed together."""
    compared = [n for n, plan in enumerate(plans) if plan.prepared.phase_slope is not None and plan.bias.limit is not None]
    responses = respond({number: (plans[number].free.response, plans[number].nudge) for number in compared})
    errors = {number: _error(plans[number], responses.get(number)) for number in compared}
    # beyond a few qubits, the phase is computed only if the error counts
    quick = {number for number in compared if plans[number].problem.network.num_qubits <= QUICK_QUBITS}
    counted = [n for n, error in errors.items() if isinstance(error, float) and (n in quick or error > SEEN)]
    slopes = dict(zip(counted, slopes_of([plans[number].prepared.phase_slope for number in counted]), strict=True))
    limits: list[RampLimit] = []
    for number, plan in enumerate(plans):
        error = errors.get(number, [])
        limits.append(_judged(plan, error, slopes.get(number)) if isinstance(error, float) else (None, error))
    return limits


def _error(plan: Plan, response: Response | None) -> float | list[str]:
    """Return the relative error in the limit β → 0; if one of the gradients is not known or too small, warnings instead."""
    limit, free = plan.bias.limit, plan.free.response
    if limit is None or free is None:
        return []
    try:
        changes = (response or free(plan.nudge)).changes(plan.problem.frame.strings)
    except DegenerateGroundStateError:
        return [DEGENERATE]
    except (InputError, PreparationError):
        return []
    exact = np.asarray(plan.problem.derivative_rows @ changes)
    size = float(np.linalg.norm(exact))
    if size <= max(plan.bias.zero, plan.bias.floor, plan.bias.still):
        return []
    return float(np.linalg.norm(limit - exact)) / size


def _judged(plan: Plan, deviation: float, slope: float | None) -> RampLimit:
    phase = None if slope is None else max(abs(beta) for beta in plan.stencil.phases) * slope
    values = {"deviation": deviation, "phase": phase}
    described = plan.preparer.describe()
    alone = described.get("nudge")
    flat = None not in (described.get("curvature"), alone.get("curvature", 0.0) if isinstance(alone, dict) else 0.0)
    longer = "take a longer ramp" if alone is None else "take a longer nudge_time"
    remedy = longer if flat else "take a schedule that is flat at both ends, such as 'cosine' or 'quintic'"
    off = f"{percent(deviation)} off that of the ground state in the limit β → 0"
    if phase is not None and phase >= SMALL and deviation > SEEN:
        return values, [
            f"the limits β → 0 and T → ∞ do not commute: the gradient of this ramp is {off}, and β = {plan.stencil.beta:g} hides "
            f"part of that, since |β ε T ∂Φ| = {phase:.3g} is not small; a smaller β shows more of it; {remedy}"
        ]
    if deviation > LARGE and not (flat and alone is None and plan.nearness[1]):
        return values, [f"the gradient of this ramp is {off}, although its states may be close to it; {remedy}"]
    return values, []
