"""Families of Hamiltonians H + βC for the phases of a problem."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.costs import Cost
from qep_qiskit.errors import InputError
from qep_qiskit.networks.polynomial import CONSTANT
from qep_qiskit.networks.quadratic.monomials import MonomialFrame
from qep_qiskit.preparation.family import Family
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
STILL = 1e-6
"""An error signal below this belongs to a network with correct predictions, so its nudge may be lost to rounding."""


def family_of(problem: Problem, nudge: Vector, betas: tuple[float, ...]) -> Family:
    """Return the family H + βC of a problem for these β. Ansätze and ramps also include all strings of the cost."""
    present = problem.frame.busy if problem.network.whole_frame else (problem.cost_rows != 0).any(axis=0)
    strings = tuple(int(i) for i in np.flatnonzero(present))
    signal = functools.partial(_error_signal, problem.cost)
    read = functools.partial(_read, problem)
    return Family(
        problem.frame, problem.hamiltonian_row, nudge, betas, strings, observed=problem.cost_rows, signal=signal, read=read
    )


def _read(problem: Problem) -> tuple[NDArray[np.float64], ...]:
    return problem.gradient_rows, problem.output_rows, problem.cost_rows


def _error_signal(cost: Cost, observed: Vector) -> Vector:
    return cost.error_signal(observed)


def first_family(problem: Problem, stencil: Stencil) -> Family:
    """Return the Hamiltonians of the first round's phases."""
    nudge = np.zeros_like(problem.hamiltonian_row) if problem.cost.needs_free_phase else problem.cost_rows[0]
    family = family_of(problem, nudge, tuple(stencil.phases[p] for p in first_phases(problem, stencil)))
    if not problem.cost.needs_free_phase:
        refuse_lost(family, np.ones(1))
    return replace(family, limit=not problem.cost.needs_free_phase)


def nudged_family(problem: Problem, stencil: Stencil) -> Family:
    """Return the Hamiltonians of only the nudged phases of an observable cost."""
    family = first_family(problem, stencil)
    return replace(family, betas=family.betas[1:])


def free_family(problem: Problem) -> Family:
    """Return the Hamiltonian of only the free phase."""
    return family_of(problem, np.zeros_like(problem.hamiltonian_row), (0.0,))


def first_phases(problem: Problem, stencil: Stencil) -> tuple[int, ...]:
    """Return the phases of the first round: the free one for a cost of expectations, all for an observable cost."""
    return (0,) if problem.cost.needs_free_phase else tuple(range(len(stencil.phases)))


def refuse_lost(family: Family, signal: Vector) -> None:
    """Raise InputError if a β is so small that H + βC equals H in double precision although the nudge is not zero."""
    busy = _busy(family)
    size = float(np.abs(family.nudge[busy]).max(initial=0.0))
    if size == 0.0 or min(size, float(np.abs(signal).max(initial=0.0))) < STILL:
        return
    for beta, row in zip(family.betas, family.coefficients, strict=True):
        if beta != 0.0 and np.array_equal(row[busy], family.free[busy]):
            largest = float(np.abs(family.free[busy]).max())
            raise InputError(
                f"beta: {beta:g} is too small for this network: βC is lost in the rounding of H, whose coefficients go up to "
                f"{largest:.3g}; take a β of {1e-6 * largest / size:.1g} or more"
            )


def _busy(family: Family) -> NDArray[np.bool_]:
    """Return a mask of the strings that are not the constant, shape (L,)."""
    if isinstance(family.frame, MonomialFrame):
        busy = np.ones(len(family.free), dtype=bool)
        busy[family.frame.strings.where(CONSTANT)[0]] = False
        return busy
    return np.asarray(family.frame.busy)
