"""The shot noise that every circuit adds to a gradient, by which shots are planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.second_round import ROUNDING
from qep_qiskit.measurement.covariance import PSEUDO_SHOTS
from qep_qiskit.measurement.expectations import Readings
from qep_qiskit.measurement.local_readings import LocalReadings
from qep_qiskit.samples import factor_of_means

Vector = NDArray[np.float64]
Part = tuple[Readings | LocalReadings, NDArray[np.float64]]


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
    sampled, pseudo, whole : ndarray of shape (K,)
        Three variances of the gradient, without the calibration's: from the scatter of the shots alone, which is right on
        average but vanishes if no event is seen; that of the pseudo-shots (see `measurement/covariance.py`) alone; and that of
        both, as in the gradient's covariance.
    loss_bias : float
        The bias of the loss due to shot noise, from the scatter of the shots alone.
    bend : ndarray of shape (K,) or None
        The curvature of the loss along each weight by Gauss and Newton, the diagonal of D ℓ'' Dᵀ, where D is the gradient's
        derivative by ε and thus, for small β, the derivative of the outputs by the weights. None if D is not known.
    """

    per_shot: NDArray[np.float64]
    nudge: float
    sampled: Vector
    pseudo: Vector
    whole: Vector
    loss_bias: float = 0.0
    bend: Vector | None = None


def noise_of(plan: Plan, parts: Sequence[Part], added: Sequence[Vector], observed: Vector) -> ShotNoise:
    """Return the shot noise of a complete plan.

    Parameters
    ----------
    parts : sequence of (readings, ndarray)
        The readings, phase by phase and basis by basis, with the rows of the gradient, predictions and cost observables; with
        zero-noise extrapolation, each circuit has one reading per factor.
    added : sequence of ndarray of shape (K,)
        The variances that the readings add.
    observed : ndarray of shape (M,)
        The measured cost observables.
    """
    where = [(int(p), int(b)) for p, b in np.argwhere(plan.measured)]
    readings, weights = len(added) // max(len(where), 1), plan.problem.network.num_weights
    per_shot = np.zeros((weights, *plan.measured.shape))
    for k, variances in enumerate(added):
        phase, basis = where[k // readings]
        per_shot[:, phase, basis] += variances * (plan.shots_of(phase, basis) or 0)
    sampled, pseudo = np.zeros(weights), np.zeros(weights)
    count, signal, bend = len(observed), plan.error_signal, plan.problem.cost.curvature(observed)
    of_cost, correction = np.zeros((count, count)), _secant(plan, weights) @ bend @ plan.problem.cost_rows
    for k, (reading, rows) in enumerate(parts):
        if where[k // readings][0] == 0:
            rows = rows.copy()
            rows[:weights] += correction[:, list(reading.strings)]
        scatter, unseen = _alone(reading, rows)
        sampled += np.diag(scatter)[:weights]
        pseudo += unseen[:weights]
        of_cost += scatter[-count:, -count:]
    nudge = 0.0 if signal is None else float(np.linalg.norm(signal))
    response = None if plan.sensitivity is None else plan.sensitivity[:weights]
    along = None if response is None else np.sum((response @ bend) * response, axis=1)
    return ShotNoise(per_shot, nudge, sampled, pseudo, np.sum(added, axis=0), 0.5 * float(np.sum(bend * of_cost)), along)


def _secant(plan: Plan, weights: int) -> NDArray[np.float64]:
    """Return what to add to ∂g/∂ε for a slope over ε̂ ± |ε̂| instead of at ε̂; zero if the noise-free g is not known.

    With few shots ε̂ is uncertain by about its own size, over which the nudge saturates the response. The chord from 0 to ε̂ is
    known, since g is zero at 0; from ε̂ to 2ε̂ the slope at ε̂ is taken. Their mean is a correction of rank one, as Broyden's.
    """
    signal, sensitivity = plan.error_signal, plan.sensitivity
    limit, bias = (plan.bias.limit, plan.bias.values) if sensitivity is not None else (None, None)
    if signal is None or sensitivity is None or limit is None or bias is None or np.abs(signal).max() <= ROUNDING:
        return np.zeros((weights, len(plan.problem.cost_rows)))
    change = limit + bias
    return 0.5 * np.outer(change - sensitivity[:weights] @ signal, signal / (signal @ signal))


def _alone(reading: Readings | LocalReadings, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], Vector]:
    """Return the covariance of the rows from the scatter of the shots, and the variances of the pseudo-shots alone."""
    if isinstance(reading, LocalReadings):  # their two parts are not kept apart
        variances = reading.variances(rows)
        return np.diag(variances), np.zeros(len(rows))
    samples, values = reading.samples, reading.per_outcome @ rows.T
    if samples.shots is None:  # the exact distribution
        return np.zeros((len(rows), len(rows))), np.zeros(len(rows))
    factor = factor_of_means(values, samples)
    squares = rows**2 @ (samples.weights @ reading.per_outcome**2)
    return factor.T @ factor, PSEUDO_SHOTS * ((samples.weights @ values) ** 2 + squares) / float(samples.shots) ** 2
