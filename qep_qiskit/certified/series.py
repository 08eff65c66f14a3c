"""Bounds on the Taylor coefficients of a ground state's expectations in β, and on what a stencil leaves out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.certified.spread import Spread
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]


def coefficients(order: int, slopes: Spread, nudge: Spread, gap: float) -> Vector:
    """Bound |a_m| of ⟨A⟩ in the ground state of H + zC, a series Σ a_m zᵐ, for m = `order`; shape (K,).

    Parameters
    ----------
    order : int
    slopes, nudge : Spread
        Those of the K observables A, and of C.
    gap : float
        A lower bound on the gap of H.

    Notes
    -----
    Rayleigh-Schrödinger perturbation theory in intermediate normalisation, ⟨ψ₀|ψ_k⟩ = 0, gives
    ψ_k = S[(⟨C⟩ − C)ψ_{k−1} + Σ_{i=2}^{k−1} E_i ψ_{k−i}] and E_i = ⟨ψ₀|C|ψ_{i−1}⟩, where S = Q/(H − E₀) and ‖S‖ ≤ 1/gap.
    Norms are bounded term by term. With A centred at ⟨A⟩, the numerator ⟨ψ|A|ψ⟩ is N = Σ N_j zʲ, and a = N/⟨ψ|ψ⟩.
    """
    c, w = float(nudge.deviation[0]) / gap, float(nudge.outside[0]) / gap
    states, energies = [0.0, c], [0.0, 0.0]  # energies[i] bounds |E_i|/gap
    for k in range(2, order + 1):
        energies.append(c * states[k - 1])
        states.append(w * states[k - 1] + sum(energies[i] * states[k - i] for i in range(2, k)))
    pairs = [sum(states[i] * states[j - i] for i in range(1, j)) for j in range(order + 1)]
    found: list[Vector] = [np.zeros_like(slopes.half)]
    for j in range(1, order + 1):
        numerator = 2 * slopes.deviation * states[j] + slopes.outside * pairs[j]
        found.append(numerator + sum((pairs[i] * found[j - i] for i in range(2, j)), np.zeros_like(numerator)))
    return found[order]


def remainder(stencil: Stencil, slopes: Spread, nudge: Spread, gap: float) -> Vector | None:
    """Bound |Σ_p s_p a(β_p) − a′(0)| for each observable, shape (K,); None if no bound is known.

    A stencil of order m is exact for polynomials up to degree m. By Taylor's theorem, the rest is at most
    Σ_p |s_p| |β_p|^{m+1} max |a_{m+1}| between 0 and β_p, where the gap is at least gap − 2|β_p|·half (Weyl).
    """
    m, half = stencil.order, float(nudge.half[0])
    betas, factors = np.array(stencil.betas), np.array(stencil.factors)
    for power in range(m + 1):
        moment, size = float(factors @ betas**power), float(np.abs(factors) @ np.abs(betas) ** power)
        if abs(moment - (power == 1)) > 1e-9 * max(size, 1.0):
            return None
    total = np.zeros_like(slopes.half)
    for beta, factor in zip(stencil.betas, stencil.factors, strict=True):
        if beta == 0.0:
            continue
        left = gap - 2 * abs(beta) * half
        if left <= 0.0:
            return None
        drift = 2 * abs(beta) * half / left  # |d⟨A⟩/dβ| ≤ 2 · half(A) · half(C)/gap
        worst = coefficients(m + 1, slopes.moved(drift * slopes.half), nudge.moved(drift * half), left)
        total += abs(factor) * math.pow(abs(beta), m + 1) * worst
    return total
