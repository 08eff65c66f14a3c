"""The shot noise that every circuit adds to a gradient, by which shots are planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.plan import Plan


@dataclass(frozen=True, eq=False)
class ShotNoise:
    """The shot noise of a gradient, circuit by circuit.

    Attributes
    ----------
    per_shot : ndarray of shape (K, phases, bases)
        The variance that one shot of a circuit would add to each weight's gradient; N shots add this divided by N. Zero for
        circuits that are not measured. Events too rare to be seen are included; the calibration's error is not.
    nudge : float
        The norm of the error signal ε: the nudge is β times this.
    """

    per_shot: NDArray[np.float64]
    nudge: float


def noise_of(plan: Plan, added: Sequence[NDArray[np.float64]]) -> ShotNoise:
    """Return the shot noise of a complete plan.

    Parameters
    ----------
    added : sequence of ndarray of shape (K,)
        The variances that the readings add, phase by phase and basis by basis; with zero-noise extrapolation, each circuit has
        one reading per factor.
    """
    where = [(int(p), int(b)) for p, b in np.argwhere(plan.measured)]
    readings = len(added) // max(len(where), 1)
    per_shot = np.zeros((len(plan.problem.derivative_rows), *plan.measured.shape))
    for k, variances in enumerate(added):
        phase, basis = where[k // readings]
        per_shot[:, phase, basis] += variances * (plan.shots_of(phase, basis) or 0)
    signal = plan.error_signal
    return ShotNoise(per_shot, 0.0 if signal is None else float(np.linalg.norm(signal)))
