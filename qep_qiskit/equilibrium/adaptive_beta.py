"""The default stencil, with a β chosen from the free phase, the nudge and the shots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.bias import above_rounding, farthest, rounded, safe_beta
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.preparation.preparer import Prepared, Preparer
from qep_qiskit.preparation.response import Response, respond
from qep_qiskit.problem import Problem
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AdaptiveStencil, Stencil

Vector = NDArray[np.float64]
USUAL = 0.1
"""The β of problems whose response cannot be computed."""
FARTHEST = {1: 0.1, 2: 0.5, 4: 0.5}
"""The largest β · reach for any number of shots, by the order of the stencil. Beyond it the bias does not follow that order."""
NOISY = 2.0
"""The least error signal for which β is chosen, in standard deviations of its shot noise."""
MOST_TRAINED_QUBITS = 14
"""The largest network, in qubits, for which ground states are computed to choose the β of a training."""


def adapted(problems: Sequence[Problem], settings: Sequence[Settings], free: Mapping[int, Prepared]) -> dict[int, Stencil]:
    """Return a stencil of the requested kind, with β chosen for the problem, for each free phase.

    Parameters
    ----------
    problems : sequence of Problem
    settings : sequence of Settings
    free : mapping of int to Prepared
        The free phases of the problems with an adaptive stencil, by their places in `problems`. Responses of states that were
        prepared together share the work.

    Notes
    -----
    `reach` is the distance that the state moves per unit of β; for an eigenstate it is ‖C‖/gap. Without shots, β is small
    enough to keep the bias, O((β · reach)**m) for a stencil of order m, well below a percent, and at most 0.1 unless that nudge
    would be lost among large coefficients of H. N shots add the
    variance W/(N β²). The sum (β · reach)**(2m) ‖g‖² + W/(N β²) has its minimum at β**(2m + 2) = W/(m N ‖g‖² reach**(2m)), with
    the reach of the farthest phase. If the response of the states cannot be computed, β = 0.1.
    """
    nudges = {i: expected_nudge(problems[i], state, settings[i].shots) for i, state in free.items() if state.computable}
    responses = respond({i: (free[i].response, nudge) for i, nudge in nudges.items()})
    stencils: dict[int, Stencil] = {}
    for i, state in free.items():
        asked = settings[i].stencil
        assert isinstance(asked, AdaptiveStencil)
        beta = _beta(asked.at(USUAL), problems[i], state, settings[i].shots, responses.get(i))
        stencils[i] = asked.at(beta)
    return stencils


def _beta(
    usual: Stencil, problem: Problem, free: Prepared, shots: int | Split | OptimalShots | None, response: Response | None
) -> float:
    if not free.computable or free.response is None:
        return USUAL
    strings = free.expectations(problem.frame.strings)[0]
    nudge = expected_nudge(problem, free, shots)
    if not np.any(nudge[problem.frame.busy] if not problem.network.closed_form else nudge):
        return USUAL
    try:
        response = response or free.response(nudge)
        least = safe_beta(response.reach, usual.order)
        if shots is None or response.reach <= 0:
            return least
        limit = problem.derivative_rows @ response.changes(problem.frame.strings)
    except (InputError, PreparationError):
        return USUAL
    return rounded(_balanced(usual, problem, strings, limit, response.reach, _mean(shots), least))


def expected_nudge(
    problem: Problem, free: Prepared, shots: int | Split | OptimalShots | None, *, deviations: float = NOISY
) -> Vector:
    """Return the coefficients of the nudge that follows from a free phase.

    With N shots, an error signal that is zero is measured as ±σ, and a β for the signal itself would lead to another state. Each
    part of the error signal therefore counts as at least `deviations` standard deviations of its shot noise.
    """
    strings = free.expectations(problem.frame.strings)[0]
    observed = problem.cost_rows @ strings
    signal = problem.cost.error_signal(observed)
    if shots is not None:
        least = deviations * signal_noise(problem, strings, _mean(shots))
        signal = np.copysign(np.maximum(np.abs(signal), least), signal)
    return np.asarray(signal @ problem.cost_rows)


def signal_noise(problem: Problem, strings: Vector, shots: float) -> Vector:
    """Return the standard deviations of the error signal, shape (M,), for independent strings with these expectations."""
    rows = problem.cost_rows
    variances = (problem.cost.curvature(rows @ strings) @ rows) ** 2 @ np.clip(1.0 - strings**2, 0.0, None)
    return np.asarray(np.sqrt(variances / shots))


def _balanced(
    usual: Stencil, problem: Problem, strings: Vector, limit: Vector, reach: float, shots: float, least: float
) -> float:
    m = usual.order
    spread = np.clip(1.0 - strings**2, 0.0, None)
    noise = float(np.sum((np.asarray(problem.derivative_rows) ** 2) @ spread))
    noise *= float(np.sum(np.square(usual.phase_factors))) * usual.beta**2
    signal = float(limit @ limit)
    most = max(least, FARTHEST[m] / reach)
    if signal <= 0.0:
        return most
    best = math.exp((math.log(max(noise, 1e-300) / (m * shots * signal)) - 2 * m * math.log(farthest(m) * reach)) / (2 * m + 2))
    return float(np.clip(best, least, most))


def _mean(shots: int | Split | OptimalShots) -> float:
    if not isinstance(shots, Split):
        return float(shots.shots if isinstance(shots, OptimalShots) else shots)
    table = shots.table
    return float(table[table > 0].mean())


def adapted_to_training(asked: AdaptiveStencil, problems: Sequence[Problem], preparer: Preparer) -> Stencil:
    """Return the stencil for a whole training, with β chosen from some of its samples at the initial weights.

    β is such that the median of β · reach is at most 0.5, the largest value at which first order holds, and at most 0.1 unless
    that nudge would be lost among large coefficients of H. Training brings weights near level crossings, where the exact gradient
    of a sample diverges; a β that is not small smooths it. If no reach is known, β = 0.1.
    """
    quick = preparer if preparer.supports.quick else reference_state(preparer)
    reaches = []
    for problem in problems:
        if not problem.network.closed_form and problem.network.num_qubits > MOST_TRAINED_QUBITS:
            continue
        try:
            free = quick.prepare(free_family(problem))
            if free.response is None:
                continue
            observed = problem.cost_rows @ free.expectations(problem.frame.strings)[0]
            reaches.append(free.response(problem.cost.error_signal(observed) @ problem.cost_rows).reach)
        except (InputError, PreparationError):
            continue
    reach = float(np.median(reaches)) if reaches else 0.0
    if reach <= 0:
        return asked.at(USUAL)
    return asked.at(above_rounding(FARTHEST[asked.at(USUAL).order] / reach, USUAL))
