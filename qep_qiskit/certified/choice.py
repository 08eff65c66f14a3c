"""The choice of β for the narrowest certified intervals, from what the free phase alone says."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.certified.bounds import NoBoundError, bounds_of
from qep_qiskit.certified.evidence import predicted_evidence
from qep_qiskit.equilibrium.bias import rounded
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AnyStencil, Stencil

Vector = NDArray[np.float64]
USUAL, LEAST, MOST = 0.1, 1e-5, 1e99
STEPS = 60


def narrowest(asked: AnyStencil, problem: Problem, settings: Settings, free: Prepared, first: float, failure: float) -> Stencil:
    """Return the stencil of the kind asked for, with the β whose intervals are expected to be narrowest.

    Parameters
    ----------
    asked : Stencil, AdaptiveStencil or AutoStencil
        A stencil with a β is returned as it is.
    problem : Problem
    settings : Settings
    free : Prepared
        The free phase.
    first : float
        A lower bound on the first excited energy.
    failure : float
        The allowed probability of failure of each interval.
    """
    if isinstance(asked, Stencil):
        return asked
    strings = free.expectations(problem.frame.strings)[0]
    nudge = problem.cost.error_signal(problem.cost_rows @ strings) @ problem.cost_rows
    size, energy = float(np.abs(nudge[problem.frame.busy]).sum()), float(problem.hamiltonian_row @ strings)
    if size <= 0.0 or first <= energy:
        return asked.at(USUAL)
    scale = min((first - energy) / size, MOST)
    best, width = USUAL, math.inf
    noise = _noise(problem, settings, strings, failure)
    for share in np.geomspace(LEAST, 0.25, STEPS):
        stencil = asked.at(rounded(share * scale))
        try:
            bounds = bounds_of(problem, predicted_evidence(problem, free, nudge, stencil, first))
        except NoBoundError:
            continue
        shots = noise * math.sqrt(float(np.square(stencil.phase_factors).sum()))
        total = float(np.sum(bounds.finite_beta + bounds.states + bounds.rounding + shots))
        if total < width:
            best, width = stencil.beta, total
    return asked.at(best)


def _noise(problem: Problem, settings: Settings, strings: Vector, failure: float) -> Vector:
    """Return the expected bound on the shot error of ⟨∂H/∂w⟩ in one phase, followed by ⟨∂H/∂x⟩ if dL/dx is measured."""
    shots = settings.shots
    if shots is None:
        return np.zeros(len(problem.gradient_rows))
    if isinstance(shots, Split):
        number = float(shots.table[shots.table > 0].mean())
    else:
        number = float(shots.shots if isinstance(shots, OptimalShots) else shots)
    variance = np.square(problem.gradient_rows) @ np.clip(1.0 - strings**2, 0.0, None)
    return np.asarray(np.sqrt(2 * math.log(2 / failure) * variance / number))
