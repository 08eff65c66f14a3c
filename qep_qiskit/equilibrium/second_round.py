"""The second round for a cost of expectations, with the phases that depend on the free phase's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.adaptive_beta import signal_noise
from qep_qiskit.equilibrium.families import family_of, free_family, refuse_lost
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.progress import Progress, silent

Vector = NDArray[np.float64]
ROUNDING = 1e-9
"""An error signal of this size is a sum of frequencies that is zero but for rounding."""
SIGNAL_STEP = 0.1
"""The largest step in ε for the gradient's derivative, as a share of ε or of 1: large compared with a preparer's error."""
NOISE_STEP = 2.0
"""The step for a small ε, in standard deviations of its shot noise. β suits ε and its noise; a larger step would saturate."""


def advance(first: Plan, observed: Vector, *, progress: Progress = silent) -> Plan:
    """Return the second round for a cost of expectations, given the result of the free phase.

    Parameters
    ----------
    first : Plan
    observed : ndarray of shape (M,)
        The expectations of the cost's observables in the free phase, as :func:`reduce` reads them.
    """
    return advance_all([first], [observed], progress=progress)[0]


def advance_all(first: Sequence[Plan], observed: Sequence[Vector], *, progress: Progress = silent) -> list[Plan]:
    """Return the second rounds of a batch, as :func:`advance` does for one plan. All states are prepared in one call."""
    groups = [_second_families(plan, values) for plan, values in zip(first, observed, strict=True)]
    families = [family for group in groups for family in group]
    free = [plan.prepared for plan, group in zip(first, groups, strict=True) for _ in group]
    prepared = first[0].preparer.prepare_all(families, free=free, seed=first[0].seed, progress=progress)
    states = iter(prepared)
    return [
        _second(plan, values, [next(states) for _ in group], progress)
        for plan, values, group in zip(first, observed, groups, strict=True)
    ]


def spared(second: Plan) -> Plan:
    """Return a second round without circuits if no error signal was measured; otherwise the plan unchanged.

    The gradient is ε times the response to a nudge. If ε̂ is exactly zero, all nudged phases are the same state: their differences
    are zero on average for any state, and shots would only add noise. The error of ε̂ is propagated as always. A stencil that
    compares the free phase with a nudged one measures everything.
    """
    signal = second.error_signal
    if signal is None or np.abs(signal).max() > ROUNDING or second.stencil.phase_factors[0] != 0.0:
        return second
    measured = second.measured.copy()
    measured[list(second.phases)] = False
    return replace(second, measured=measured)


def _second_families(first: Plan, observed: Vector) -> list[Family]:
    """Return the families H + βC of the remaining phases, also with each ε_m moved by a step if ε has shot noise."""
    signal = first.problem.cost.error_signal(observed)
    noisy = first.shots is not None and first.prepared.computable
    return _nudged(first, _moved(signal, _step(first, signal)) if noisy else [signal])


def _nudged(first: Plan, signals: Sequence[Vector]) -> list[Family]:
    problem, betas = first.problem, tuple(first.stencil.phases[p] for p in _rest(first))
    families = [family_of(problem, signal @ problem.cost_rows, betas) for signal in signals]
    refuse_lost(families[0], signals[0])
    return [replace(families[0], limit=True), *families[1:]]


def _moved(signal: Vector, step: float) -> list[Vector]:
    """Return ε, followed by ε with each of its entries moved by a step."""
    return [signal, *(signal + step * direction for direction in np.eye(len(signal)))]


def _rest(first: Plan) -> tuple[int, ...]:
    return tuple(p for p in range(len(first.stencil.phases)) if p not in first.phases)


def _step(first: Plan, signal: Vector) -> float:
    size = float(np.abs(signal).max())
    most = SIGNAL_STEP * max(1.0, size)
    if first.shots is None or not first.prepared.computable:
        return most
    noise = float(signal_noise(first.problem, first.expectations[0], first.shots).max())
    return float(np.clip(max(SIGNAL_STEP * size, NOISE_STEP * noise), 1e-3 * most, most))


def _second(first: Plan, observed: Vector, prepared: Sequence[Prepared], progress: Progress) -> Plan:
    signal = first.problem.cost.error_signal(observed)
    sensitivity = None
    if first.shots is not None and first.prepared.computable:
        sensitivity = _sensitivity(first, signal, prepared)
    elif first.shots is not None:
        sensitivity = _by_tensor_network(first, signal, progress)
    return replace(
        first,
        phases=_rest(first),
        prepared=prepared[0],
        error_signal=signal,
        sensitivity=sensitivity,
        earlier=first,
    )


def _sensitivity(first: Plan, signal: Vector, prepared: Sequence[Prepared]) -> NDArray[np.float64]:
    """Return ∂(gradient)/∂ε_m at this ε and β, from one step in each ε_m, with the noiseless prepared states.

    At finite β the gradient is not linear in ε, so the response to a nudge by O_m alone is not enough. The derivative is used
    only for the error bar, to propagate the variance of ε.
    """
    problem, paulis = first.problem, first.problem.frame.paulis
    factors = np.array([first.stencil.phase_factors[p] for p in _rest(first)])
    here, *moved = (factors @ states.expectations(paulis) for states in prepared)
    return np.array([problem.gradient_rows @ (there - here) / _step(first, signal) for there in moved]).T


def _by_tensor_network(first: Plan, signal: Vector, progress: Progress) -> NDArray[np.float64]:
    """Return the sensitivity of the ground states, as matrix product states, for circuits that are too large to simulate.

    It is used only for the error bar, for which the sensitivity of the ground states approximates that of the circuits.
    """
    preparer = MPS(gap=False)
    free = preparer.prepare(free_family(first.problem), seed=first.seed, progress=progress)
    families = _nudged(first, _moved(signal, _step(first, signal)))
    prepared = preparer.prepare_all(families, free=[free] * len(families), seed=first.seed, progress=progress)
    return _sensitivity(first, signal, prepared)
