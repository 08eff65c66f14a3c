"""Turning of the phase between an excited state and the ground state during a ramp, by a nudge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from qep_qiskit.ansatz.schedules import schedule_of, shares
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.ramp_path import Path
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.eigen.rows import Operators, lowest_reached, strings_of
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
FEWEST_ROWS, MOST_AMPLITUDES = 8, 2**15
"""The fewest Hamiltonians that are solved together, as columns of one array, and the most amplitudes in that array."""


@dataclass(frozen=True, eq=False)
class RampPhase:
    """The phase of the ramp of one family. A call computes its slope alone; :func:`phase_slopes` computes several together.

    Attributes
    ----------
    path : Path
    family : Family
    """

    path: Path
    family: Family

    def __call__(self) -> float | None:
        """Return the slope of this phase, as :func:`phase_slopes` does."""
        return phase_slopes([self])[0]

    @property
    def largest(self) -> float:
        """The largest |β|."""
        return max(abs(beta) for beta in self.family.betas)

    def over_ramp(self, coefficients: Vector) -> Vector:
        """Return coefficients over the frame as coefficients over the strings of the ramp."""
        row = np.zeros(len(self.path.ramp.paulis))
        row[: len(self.family.support)] = coefficients[self.family.support]
        return row

    def points(self, count: int, left_out: float = 0.0) -> list[tuple[float, float]]:
        """Return points of the ramp: shares s of the final H, and s T dx. Leave out small shares that add less than `left_out`.

        If the nudge has a ramp of its own, return the point at its start, where H does not change any more.
        """
        middles = (np.arange(count) + 0.5) / count
        if self.path.nudge is not None:
            return [(1.0, self.path.nudge.time * float(shares(schedule_of(self.path.nudge.schedule), middles).mean()))]
        path_of = shares(schedule_of(self.path.ramp.schedule), middles)
        path_of = path_of[np.argsort(np.abs(path_of))]
        most = 2 * self.path.time * self.family.nudge_bound() / count * np.cumsum(np.abs(path_of))
        return [(share, self.path.time * share / count) for share in path_of[most >= left_out].tolist()]


def slopes_of(phases: Sequence[Callable[[], float | None] | None]) -> list[float | None]:
    """Return the result of each function; those of ramps are computed together."""
    ramps = [phase for phase in phases if isinstance(phase, RampPhase)]
    together = iter(phase_slopes(ramps))
    return [next(together) if isinstance(phase, RampPhase) else phase and phase() for phase in phases]


def phase_slopes(phases: Sequence[RampPhase]) -> list[float | None]:
    """Return T |∂Φ/∂β| of each phase, in radians per unit of β; None if no level is reached or the nudge is too small.

    Notes
    -----
    A ramp leaves amplitudes of excited states, with phases TΦ, Φ = ∫(E₁ − E₀) dx. To first order, a nudge βC turns them by
    β T ∂Φ/∂β = β T ∫ s(x) (⟨C⟩₁ − ⟨C⟩₀) dx, with the lowest level that ∂H/∂s couples to the ground state as level 1. A gradient
    measures the derivative of that oscillation as long as β T |∂Φ/∂β| is small; beyond, it averages over it.
    """
    large = [phase.path.nudge is None and phase.family.num_qubits > QUICK_QUBITS for phase in phases]
    few = [(FEW_POINTS, LEFT_OUT / phase.largest) if slow else (POINTS, 0.0) for phase, slow in zip(phases, large, strict=True)]
    slopes = _integrals([(phase, phase.points(*number)) for phase, number in zip(phases, few, strict=True)])
    again = [k for k, slope in enumerate(slopes) if large[k] and slope is not None and slope * phases[k].largest >= NEGLIGIBLE]
    for k, slope in zip(again, _integrals([(phases[k], phases[k].points(POINTS)) for k in again]), strict=True):
        slopes[k] = slope
    return slopes


def _integrals(asked: Sequence[tuple[RampPhase, list[tuple[float, float]]]]) -> list[float | None]:
    """Return the absolute sum of ⟨C⟩₁ − ⟨C⟩₀ over the points of each ramp; None if no level is reached at any of them."""
    groups: dict[tuple[int, float], list[int]] = {}
    for k, (phase, points) in enumerate(asked):
        for share in dict(points):
            groups.setdefault((id(phase.path), share), []).append(k)
    shifts: list[dict[float, float | None]] = [{} for _ in asked]
    for (_, share), numbers in groups.items():
        if len(numbers) >= FEWEST_ROWS:
            for k, shift in zip(numbers, _together([asked[k][0] for k in numbers], share).tolist(), strict=True):
                if not np.isnan(shift):
                    shifts[k][share] = shift
    sums: list[float | None] = []
    for (phase, points), of_phase in zip(asked, shifts, strict=True):
        of_phase.update(_alone(phase, [share for share in dict(points) if share not in of_phase]))
        reached = any(shift is not None for shift in of_phase.values())
        sums.append(abs(sum(part * (of_phase[share] or 0.0) for share, part in points)) if reached else None)
    return sums


def _together(phases: Sequence[RampPhase], share: float) -> Vector:
    """Return ⟨C⟩₁ − ⟨C⟩₀ at one point of ramps over the same strings; NaN where the levels must be found by :func:`_alone`."""
    ramp = phases[0].path.ramp
    most = max(1, MOST_AMPLITUDES >> ramp.num_qubits)
    if len(phases) > most:
        return np.concatenate([_together(phases[k : k + most], share) for k in range(0, len(phases), most)])
    ends = np.array([phase.over_ramp(phase.family.free) for phase in phases])
    nudges = np.array([phase.over_ramp(phase.family.nudge) for phase in phases])
    hamiltonians = Operators(ramp.paulis, (1 - share) * ramp.start + share * ends)
    states = lowest_reached(hamiltonians, Operators(ramp.paulis, ends - ramp.start), least=COUPLED)
    ground, excited = (strings_of(ramp.paulis).transitions(of, of) for of in (states.ground, states.excited))
    return np.where(states.settled, ((excited - ground) * nudges).sum(axis=1), np.nan)


@single_threaded(PHASE_QUBITS)
def _alone(phase: RampPhase, at: Sequence[float]) -> dict[float, float | None]:
    """Return ⟨C⟩₁ − ⟨C⟩₀ at some points of one ramp, by diagonalising H; None if no level is reached."""
    if not at:
        return {}
    ramp = phase.path.ramp
    structure = structure_for(ramp.paulis)
    end = phase.over_ramp(phase.family.free)
    first, change = (structure.bind(row).to_matrix() for row in (ramp.start, end - ramp.start))
    operator = structure.bind(phase.over_ramp(phase.family.nudge))
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

    return {share: shift(share) for share in at}
