"""Turning of the phase between an excited state and the ground state during a ramp, by a nudge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from qep_qiskit.ansatz.schedules import schedule_of, shares
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.ramp_path import Path
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.threads import single_threaded

Vector = NDArray[np.float64]

PHASE_QUBITS = 8
"""The largest number of qubits for which the phase is computed; it diagonalises H at several points of the ramp."""
QUICK_QUBITS = 4
"""Up to this number of qubits, diagonalising H takes no time."""
POINTS, FEW_POINTS = 12, 3
"""Points of the ramp. With more than a few qubits, few points come first, and more only if the phase is not negligible."""
NEGLIGIBLE, LEFT_OUT = 0.1, 0.2
"""A phase, in radians, below which few points are enough, and the most that the points left out of the few can add to it."""
FIRST_LEVELS = 4
"""The number of lowest levels that are computed first; more follow only if the ramp reaches none of them."""
COUPLED = 1e-8
"""The share of |⟨e|∂H|g⟩|² below which a ramp does not reach a level."""


@single_threaded(PHASE_QUBITS)
def phase_slope(path: Path, family: Family) -> float | None:
    """Return T |∂Φ/∂β| for the family's nudge, in radians per unit of β; None if no level is reached or the nudge is too small.

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
    first, change = (structure.bind(row).to_matrix() for row in (ramp.start, end - ramp.start))
    operator = structure.bind(nudge)
    reach = max(float(np.abs(ramp.start).sum()), float(np.abs(end).sum()))

    def shift(share: float) -> float | None:
        hamiltonian = first + share * change
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
        return float((np.vdot(excited, operator.apply(excited)) - np.vdot(ground, operator.apply(ground))).real)

    if path.nudge is not None:
        at_end, middles = shift(1.0), (np.arange(POINTS) + 0.5) / POINTS
        if at_end is None:
            return None
        return abs(path.nudge.time * float(shares(schedule_of(path.nudge.schedule), middles).mean()) * at_end)

    def along(count: int, left_out: float = 0.0) -> float | None:
        """Return T |∂Φ/∂β| from some points, without those of the smallest shares that add less than `left_out` together."""
        path_of = shares(schedule_of(ramp.schedule), (np.arange(count) + 0.5) / count)
        path_of = path_of[np.argsort(np.abs(path_of))]
        most = 2 * path.time * family.nudge_bound() / count * np.cumsum(np.abs(path_of))
        path_of = path_of[most >= left_out]
        shifts = [shift(float(share)) for share in path_of]
        if all(each is None for each in shifts):
            return None
        return abs(path.time * float(sum(share * (each or 0.0) for share, each in zip(path_of, shifts, strict=True))) / count)

    if family.num_qubits > QUICK_QUBITS:
        beta = max(abs(beta) for beta in family.betas)
        rough = along(FEW_POINTS, LEFT_OUT / beta)
        if rough is None or rough * beta < NEGLIGIBLE:
            return rough
    return along(POINTS)
