"""Computation of a forecast's levels: the gradients from the exact one to the measured one, each with one more cause of error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.forecasting.causes import Levels
from qep_qiskit.forecasting.prediction import Prediction, Predictor
from qep_qiskit.forecasting.truths import Truths
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.settings import Settings

Vector = NDArray[np.float64]


def levels_of(prediction: Prediction, prepared: Vector, settings: Settings, truths: Truths) -> Levels:
    """Return the levels of a prediction.

    Parameters
    ----------
    prediction : Prediction
        A prediction for these settings.
    prepared : ndarray of shape (K,)
        The noise-free gradient of its states.
    settings : Settings
        The device and the mitigation.
    truths : Truths
        The references of the problem.
    """
    mitigated = prediction.mean
    raw = mitigated if adds_no_noise(settings.device) else _raw(prediction, settings)
    levels = Levels(
        prepared=prepared,
        raw=raw.values,
        mitigated=mitigated.values,
        raw_uncertainty=raw.diagnostics.uncertainty,
        mitigated_uncertainty=mitigated.diagnostics.uncertainty,
    )
    if truths.silence:
        return levels
    limit, nudged = truths.limit, truths.at(prediction.plan.stencil)
    energy = (prediction.plan.earlier or prediction.plan).prepared.phases[0].energy
    doubts = (*limit.warnings, *nudged.warnings, limit.above(energy) if limit.uncertainty is not None else "")
    return replace(
        levels,
        exact=limit.values,
        nudged=nudged.values,
        exact_uncertainty=limit.uncertainty,
        nudged_uncertainty=nudged.uncertainty,
        method=limit.method,
        nudged_method=nudged.method,
        doubts=tuple(dict.fromkeys(filter(None, doubts))),
    )


def _raw(prediction: Prediction, settings: Settings) -> Gradient:
    """Return the device's gradient at infinitely many shots without mitigation.

    It uses the outcomes of the prediction unless the mitigation changes circuits or the nudge depends on a mitigated free phase.
    """
    mitigation, first = settings.mitigation, prediction.plan.earlier
    if mitigation == Mitigation():
        return prediction.mean
    if first is None and not mitigation.twirled:
        exact = {where: replace(samples, shots=None) for where, samples in prediction.outcomes.samples.items()}
        return reduce(prediction.plan, replace(prediction.outcomes, samples=exact), mitigation="none")
    start = (prediction.plan if first is None else first).prepared
    plain = replace(settings, mitigation=Mitigation(), stencil=prediction.plan.stencil)
    return Predictor(prediction.plan.problem, plain, start).at(prediction.plan.stencil).mean
