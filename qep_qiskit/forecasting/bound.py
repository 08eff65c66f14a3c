"""Worst-case error bars for a gradient with states too large to compute; only circuits and shots are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qep_qiskit.equilibrium import Gradient, Outcomes, advance, plan
from qep_qiskit.forecasting.prediction import Prediction
from qep_qiskit.problem import Problem
from qep_qiskit.settings import Settings

BOUND = "worst case: every Pauli string with variance 1; readout mitigation, calibration and error signal are not in it"


def bounded(problem: Problem, settings: Settings) -> Prediction:
    """Return a prediction with bounds as its error bars and an unknown mean (NaN).

    The value of Σ_l c_l P_l in one shot lies within ±Σ_l |c_l|, so its variance in one basis is at most (s_p Σ_l |c_l|)². For a
    cost of expectations the error signal is taken at ⟨O⟩ = 0; it scales the nudge and does not affect the circuits.
    """
    last = plan(problem, replace(settings, shots=None, calibration_shots=None))
    if not last.complete:
        last = advance(last, np.zeros(len(problem.cost_rows)))
    last = replace(last, settings=settings)
    slopes = np.abs(problem.derivative_rows)
    parts = np.zeros((*last.measured.shape, problem.network.num_weights))
    for p, factor in enumerate(last.stencil.phase_factors):
        for b, basis in enumerate(last.bases):
            if last.measured[p, b]:
                parts[p, b] = (factor * slopes[:, list(basis.strings)].sum(axis=1)) ** 2
    unknown = np.full(problem.network.num_weights, np.nan)
    predictions = np.full(problem.network.num_outputs, np.nan)
    mean = Gradient(problem.network.names, unknown, None, float("nan"), None, predictions, None)
    calibration = 2 if settings.mitigation.calibrated else 0
    nothing = np.zeros_like(unknown)  # a variance of 1 is far from rare events
    return Prediction(mean, parts, np.zeros_like(parts), nothing, nothing, calibration, last, Outcomes())
