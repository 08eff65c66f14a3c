"""Turning of the phase between an excited state and the ground state during a ramp, by a nudge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.ansatz.schedules import schedule_of, shares
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.ramp_path import Path
from qep_qiskit.preparation.structures import structure_for

Vector = NDArray[np.float64]

PHASE_QUBITS = 8
"""The largest number of qubits for which the phase is computed; it diagonalises H at several points of the ramp."""
POINTS = 12
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
    middles = (np.arange(POINTS) + 0.5) / POINTS
    structure = structure_for(strings)
    change = structure.bind(end - ramp.start).to_matrix()
    operator = structure.bind(nudge).to_matrix()

    def shift(share: float) -> float | None:
        energies, vectors = np.linalg.eigh(structure.bind((1 - share) * ramp.start + share * end).to_matrix())
        ground = vectors[:, 0]
        reached = vectors.conj().T @ (change @ ground)
        reached[0] = 0.0
        strong = np.flatnonzero(np.abs(reached) ** 2 > COUPLED * max(float(np.vdot(reached, reached).real), 1e-300))
        if not strong.size:
            return None
        level = np.abs(energies - energies[strong[0]]) <= 1e-9 * max(float(np.abs(energies).max()), 1e-300)
        excited = vectors[:, level] @ reached[level]
        excited /= np.linalg.norm(excited)
        return float((np.vdot(excited, operator @ excited) - np.vdot(ground, operator @ ground)).real)

    if path.nudge is not None:
        last = shift(1.0)
        if last is None:
            return None
        return abs(path.nudge.time * float(shares(schedule_of(path.nudge.schedule), middles).mean()) * last)
    path_of = shares(schedule_of(ramp.schedule), middles)
    shifts = [shift(float(share)) for share in path_of]
    if all(each is None for each in shifts):
        return None
    return abs(path.time * float(np.mean([share * (each or 0.0) for share, each in zip(path_of, shifts, strict=True)])))
