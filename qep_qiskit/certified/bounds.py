"""The parts of a certified interval that do not come from shots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.certified.series import remainder
from qep_qiskit.certified.spread import Spread, spread_of
from qep_qiskit.costs import BoundedCost
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
ARITHMETIC = 1e-13
"""An allowance for the rounding of an expectation, as a share of Σ|c|."""
UNIT = float(np.finfo(float).eps)


class NoBoundError(Exception):
    """No bound is known; the message is the reason, in one line."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Energies, variances and expectations of the states of all phases of a stencil.

    Attributes
    ----------
    stencil : Stencil
    energies, variances : tuple of float
        ⟨H + β_p C⟩ and its variance, with an allowance for rounding, for each phase.
    strings : ndarray of shape (P, L)
        The expectations of all strings of the frame, without noise.
    nudge : ndarray of shape (L,)
        The coefficients of C.
    first : float
        A lower bound on the first excited energy of H.
    """

    stencil: Stencil
    energies: tuple[float, ...]
    variances: tuple[float, ...]
    strings: NDArray[np.float64]
    nudge: Vector
    first: float


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on the parts of the error of each derivative, shape (K,) each: by the weights, then by measured inputs.

    Attributes
    ----------
    finite_beta, states, rounding : ndarray
    observed : Spread
        The cost's observables in the true ground state.
    answers : ndarray of shape (K, M)
        Bounds on |∂²E/∂w_k∂v_m|, the response of each ∂H/∂w to each observable.
    gap : float
        The lower bound on the gap of H.
    """

    finite_beta: Vector
    states: Vector
    rounding: Vector
    observed: Spread
    answers: NDArray[np.float64]
    gap: float


def angle_bound(variance: float, energy: float, first: float) -> float | None:
    """Bound the angle between a state and the ground state; None if the bound does not exist.

    Parameters
    ----------
    variance, energy : float
        The state's energy E, and its variance.
    first : float
        A lower bound on the first excited energy, E₁.

    Notes
    -----
    tan φ ≤ √variance / (E₁ − E) for E < E₁: with weights p_i on the eigenstates, q = 1 − p₀ and m the mean of E_i − E over the
    excited part, E = Σ p_i E_i says p₀(E − E₀) = q m, so that variance ≥ p₀(E − E₀)² + q m² = m² q/p₀, and m ≥ E₁ − E. It is the
    sin φ theorem of Davis and Kahan (1970), slightly sharper.
    """
    if not first > energy:
        return None
    return math.atan(math.sqrt(max(variance, 0.0)) / (first - energy))


def shift_bound(angle: float, spread: Spread) -> Vector:
    """Bound the difference between ⟨A⟩ in a state and in another one at an angle; `spread` is that of the first state.

    With ψ = cos φ χ + sin φ χ′, it is at most sin 2φ · ΔA + sin² φ (half + |⟨A⟩|) up to 45°; and always at most 2 sin φ · half,
    and half + |⟨A⟩|.
    """
    most = np.minimum(2 * math.sin(angle) * spread.half, spread.outside)
    if angle > math.pi / 4:
        return np.asarray(most)
    return np.asarray(np.minimum(most, math.sin(2 * angle) * spread.deviation + math.sin(angle) ** 2 * spread.outside))


def bounds_of(problem: Problem, evidence: Evidence) -> Bounds:
    """Return the bounds that follow from the evidence.

    Raises
    ------
    NoBoundError
        If no bound is known.
    """
    stencil, busy, first = evidence.stencil, problem.frame.busy, evidence.first
    factors, free = stencil.phase_factors, evidence.strings[0]
    constant = float(evidence.nudge[~busy].sum())
    nudge_size = float(np.abs(evidence.nudge[busy]).sum())
    rows_read = problem.gradient_rows
    states, angles = np.zeros(len(rows_read)), []
    for p, beta in enumerate(stencil.phases):
        reached = first + beta * constant - abs(beta) * nudge_size  # Weyl
        angle = angle_bound(evidence.variances[p], evidence.energies[p], reached)
        if angle is None:
            where = "the free phase" if beta == 0.0 else f"the phase β = {beta:.3g}"
            raise NoBoundError(
                f"the energy of {where} is not below the bound on the first excited energy, so that phase may be far from the "
                "ground state"
            )
        angles.append(angle)
        slopes = spread_of(rows_read, evidence.strings[p], busy)
        states += abs(factors[p]) * shift_bound(angle, slopes)
    gap = first - evidence.energies[0]  # E₀ is at most the energy of the free phase
    slopes, nudge, observed = (
        spread_of(rows, free, busy, shift_bound(angles[0], spread_of(rows, free, busy)))
        for rows in (rows_read, evidence.nudge, problem.cost_rows)
    )
    finite = remainder(stencil, slopes, nudge, gap)
    if finite is None:
        raise NoBoundError(
            f"a nudge of size {nudge_size:.3g} at β = {stencil.beta:.3g} may close the gap, which is at least {gap:.3g}; "
            "take a smaller β"
        )
    answers = 2 * slopes.deviation[:, None] * observed.deviation / gap
    size = float(np.abs(problem.hamiltonian_row).sum())
    steps = float(np.abs(factors).sum())
    rounding = steps * slopes.half * (ARITHMETIC + 2 * UNIT * size / gap)
    return Bounds(finite, states, rounding, observed, answers, gap)


def error_signal_bound(problem: Problem, bounds: Bounds, observed: Vector, shots: Vector) -> Vector:
    """Bound the effect of the error signal's own error, which comes from the states and shots of the free phase; shape (K,).

    Parameters
    ----------
    problem : Problem
    bounds : Bounds
    observed : ndarray of shape (M,)
        The expectations from which the error signal was computed.
    shots : ndarray of shape (M,)
        Bounds on their errors due to shots.
    """
    if not problem.cost.needs_free_phase:
        return np.zeros(len(bounds.answers))
    if not isinstance(problem.cost, BoundedCost):
        raise NoBoundError(
            f"no bound is known for the curvature of {type(problem.cost).__name__}, so none for the error of its error signal; "
            "take SquaredError or softmax_cross_entropy, or give the cost a method signal_error"
        )
    rounding = ARITHMETIC * bounds.observed.half
    return np.asarray(bounds.answers @ problem.cost.signal_error(observed, bounds.observed.error + shots + rounding))
