"""Turning of the phase between an excited state and the ground state during a ramp, by a nudge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from qep_qiskit.ansatz.schedules import schedule_of, shares
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.ramp_path import Path
from qep_qiskit.preparation.structures import structure_for

Vector = NDArray[np.float64]

PHASE_QUBITS = 8
"""The largest number of qubits for which the phase is computed; it diagonalises H at several points of the ramp."""
QUICK_QUBITS = 4
"""Up to this number of qubits, diagonalising H takes no time."""
POINTS, FEW_POINTS = 12, 3
"""Points of the ramp. With more than a few qubits, few points come first, and more only if the phase is not negligible."""
NEGLIGIBLE = 0.1
FIRST_LEVELS = 8
"""The number of lowest levels that are computed first; more follow only if the ramp reaches none of them."""
COUPLED = 1e-8
"""The share of |⟨e|∂H|g⟩|² below which a ramp does not reach a level."""


def phase_slope(path: Path, family: Family) -> float | None:
    """Return T |∂Φ/∂β| for the family's nudge, in radians per unit of β; None if no level is reached.

    Notes
    -----
    A ramp leaves amplitudes of excited states, with phases TΦ, Φ = ∫(E₁ − E₀) dx. To first order, a nudge βC turns them by
    β T ∂Φ/∂β = β T ∫ s(x) (⟨C⟩₁ − ⟨C⟩₀) dx, with the lowest level that ∂H/∂s couples to the ground state as level 1. A gradient
    measures the derivative of that oscillation as long as β T |∂Φ/∂β| is small; beyond, it averages over it.
    """
    support = family.support
    ramp = path.ramp
    strings = ramp.paulis
    end, nudge = np.zeros((2, len(strings)))
    end[: len(support)], nudge[: len(support)] = family.free[support], family.nudge[support]
    structure = structure_for(strings)
    first, last, operator = (structure.bind(row).to_matrix() for row in (ramp.start, end, nudge))
    change = last - first
    reach = max(float(np.abs(ramp.start).sum()), float(np.abs(end).sum()))

    def shift(share: float) -> float | None:
        hamiltonian = (1 - share) * first + share * last
        count = min(FIRST_LEVELS, len(hamiltonian))
        while True:
            energies, vectors = eigh(hamiltonian, subset_by_index=(0, count - 1))
            ground = vectors[:, 0]
            moved = change @ ground
            moved -= ground * np.vdot(ground, moved)
            reached = vectors.conj().T @ moved
            reached[0] = 0.0
            strong = np.flatnonzero(np.abs(reached) ** 2 > COUPLED * max(float(np.vdot(moved, moved).real), 1e-300))
            if count == len(hamiltonian) and not strong.size:
                return None
            level = np.abs(energies - energies[strong[0]]) <= 1e-9 * reach if strong.size else np.ones(count, dtype=bool)
            if count == len(hamiltonian) or not level[-1]:
                break
            count = min(4 * count, len(hamiltonian))
        excited = vectors[:, level] @ reached[level]
        excited /= np.linalg.norm(excited)
        return float((np.vdot(excited, operator @ excited) - np.vdot(ground, operator @ ground)).real)

    if path.nudge is not None:
        at_end, middles = shift(1.0), (np.arange(POINTS) + 0.5) / POINTS
        if at_end is None:
            return None
        return abs(path.nudge.time * float(shares(schedule_of(path.nudge.schedule), middles).mean()) * at_end)

    def along(count: int) -> float | None:
        path_of = shares(schedule_of(ramp.schedule), (np.arange(count) + 0.5) / count)
        shifts = [shift(float(share)) for share in path_of]
        if all(each is None for each in shifts):
            return None
        return abs(path.time * float(np.mean([share * (each or 0.0) for share, each in zip(path_of, shifts, strict=True)])))

    if family.num_qubits > QUICK_QUBITS:
        rough = along(FEW_POINTS)
        if rough is None or rough * max(abs(beta) for beta in family.betas) < NEGLIGIBLE:
            return rough
    return along(POINTS)
