"""The angle between a prepared state and the ground state, and what it can do to an expectation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.certified.spread import Spread

Vector = NDArray[np.float64]


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
