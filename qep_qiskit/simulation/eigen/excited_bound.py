"""Lower bounds on the first excited energy that hold by proof, not by convergence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

from qep_qiskit.memory import require
from qep_qiskit.progress import Progress, silent
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.eigen.operators import PauliSum, one_thread

Array = NDArray[Any]
DENSE_QUBITS = 9
"""Up to this many qubits the whole spectrum is computed."""
MOST_QUBITS = 16
FAILURE = 1e-9
"""The probability, over the random start, that a bound from Lanczos steps is wrong."""
MOST_STEPS, LOOK = 400, 20
FINE = 0.05
"""Lanczos steps end when the bound is within this share of the gap below its estimate."""
ROUNDING = float(np.finfo(float).eps)


@dataclass(frozen=True)
class EnergyBound:
    """A lower bound on the first excited energy.

    Attributes
    ----------
    energy : float
        A number that is at most E₁; E₀ = E₁ if the ground state is degenerate.
    failure : float
        The probability, over the program's own random numbers, that it is not.
    method : str
        The method in words.
    """

    energy: float
    failure: float
    method: str


def first_excited_bound(op: PauliSum, state: Array | None, *, seed: int = 0, progress: Progress = silent) -> EnergyBound | None:
    """Return a lower bound on the second-lowest eigenvalue; None for more than 16 qubits.

    Parameters
    ----------
    op : PauliSum
    state : array of shape (2**n,) or None
        Any unit vector; the bound holds for each, and is close to E₁ if this is near the ground state. Not needed up to nine
        qubits.
    seed : int
    progress : callable

    Notes
    -----
    Up to nine qubits, the whole spectrum is computed. Beyond, B = H + τ|φ⟩⟨φ| has a lowest eigenvalue λ between E₀ and E₁
    for every φ (interlacing), and A = top − B is positive if top ≥ Σ|c| + ‖(H − E)φ‖ and τ = Σ|c| − E. Let θ be the largest
    Ritz value of A after k Lanczos steps from a random unit vector b. It is the maximum of the Rayleigh quotients of p(A)b over
    polynomials p of degree k − 1. With p the Chebyshev polynomial T of [0, θ], this says b₁² T(2a/θ − 1)² (a/θ − 1) ≤ 1, where
    a = top − λ is the largest eigenvalue and b₁ the component of b along its eigenvector. Since b is uniform on the sphere,
    |b₁| ≤ t with a probability of at most t √(2N/π), N = 2**n. Otherwise a is below the root of T² (a/θ − 1) = 1/t². This holds
    for all k at once. The idea is that of Kuczyński and Woźniakowski, SIAM J. Matrix Anal. Appl. 13, 1094 (1992).
    """
    if op.num_qubits <= DENSE_QUBITS:
        with one_thread():
            energies = np.linalg.eigvalsh(op.to_matrix())
        first = float(energies[min(1, len(energies) - 1)])
        return EnergyBound(first - op.dim * ROUNDING * op.scale, 0.0, "the whole spectrum")
    if op.num_qubits > MOST_QUBITS or state is None:
        return None
    require(8.0 * MOST_STEPS * op.dim, "certify: a bound on the first excited energy", "give gap=")
    with one_thread():
        return _from_random_start(op, np.asarray(state), seed, progress)


def _from_random_start(op: PauliSum, state: Array, seed: int, progress: Progress) -> EnergyBound:
    if op.is_real and np.iscomplexobj(state):
        state = max(state.real, state.imag, key=np.linalg.norm)  # any unit vector does
    phi = state / np.linalg.norm(state)
    product = op.apply(phi)
    energy = float(np.vdot(phi, product).real)
    residual = float(np.linalg.norm(product - energy * phi))
    lift, top = op.scale - energy, op.scale + residual
    random = stream(seed, "bound on the first excited energy")
    start = random.normal(size=op.dim)
    real = op.is_real and not np.iscomplexobj(phi)
    rows = np.empty((MOST_STEPS + 1, op.dim), dtype=float if real else complex)
    rows[0] = start if real else start + 1j * random.normal(size=op.dim)
    rows[0] /= np.linalg.norm(rows[0])
    alphas, betas = np.zeros(MOST_STEPS), np.zeros(MOST_STEPS)
    least = FAILURE / math.sqrt(2 * op.dim / math.pi)
    energy_bound, steps = -op.scale, 0
    for k in range(MOST_STEPS):
        vector = op.apply(rows[k])
        vector += lift * np.vdot(phi, rows[k]) * phi
        alphas[k] = np.vdot(rows[k], vector).real
        for _ in range(2):
            vector -= rows[: k + 1].T @ (rows[: k + 1].conj() @ vector)
        betas[k] = np.linalg.norm(vector)
        steps, exhausted = k + 1, betas[k] <= 1e-10 * op.scale
        if steps % LOOK == 0 or exhausted:
            progress("bound on the first excited energy", steps / MOST_STEPS)
            ritz = eigvalsh_tridiagonal(alphas[:steps], betas[: steps - 1])
            lowest, theta = float(ritz[0]), top - float(ritz[0])
            slack = 0.0 if exhausted else theta * _excess(steps, least)
            energy_bound = max(energy_bound, lowest - slack)
            if slack <= FINE * max(lowest - energy, 0.0) or exhausted:
                break
        rows[k + 1] = vector / betas[k]
    rounding = 10 * steps * ROUNDING * op.scale
    return EnergyBound(energy_bound - rounding, FAILURE, f"{steps} Lanczos steps from a random start")


def _excess(steps: int, least: float) -> float:
    """Return the root x of T_{k−1}(1 + 2x)² x = 1/t²."""

    def logarithm(x: float) -> float:
        angle = (steps - 1) * math.acosh(1 + 2 * x)
        return 2 * (angle + math.log1p(math.exp(-2 * angle)) - math.log(2)) + math.log(x)

    low, high, wanted = -40.0, 700.0, -2 * math.log(least)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if logarithm(math.exp(middle)) < wanted else (low, middle)
    return math.exp(high)
