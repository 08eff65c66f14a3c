"""Are error bars and forecasts true where predictions are nearly right, so that the error signal is mostly shot noise?"""

from __future__ import annotations

import numpy as np
import pytest
from pulls import repeated

import qep_qiskit as qep

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
WEIGHTS = [0.8, -0.5, 0.2, 0.1, -0.3, 0.9, 0.7, 0.8]
SEEDS = range(200)


def off_target(by: float) -> qep.Problem:
    def at(target: float) -> qep.Problem:
        return qep.Problem(NETWORK, WEIGHTS, x=[0.3], cost=qep.SquaredError([target]))

    return at(float(qep.exact_gradient(at(0.0)).predictions[0]) - by)


def bars_and_errors(problem: qep.Problem, stencil: object, shots: int) -> tuple[float, float]:
    """Return the rms bar and the rms deviation from the gradient in the limit β → 0, both of all weights together."""
    gradients = repeated(problem, qep.statevector(), stencil=stencil, shots=shots, seeds=SEEDS)
    truth = qep.exact_gradient(problem).values
    deviations = np.array([g.values - truth for g in gradients])
    beyond = np.mean([np.abs(g.values - truth) > 3 * g.stderr for g in gradients])
    assert beyond < 0.03
    return float(np.sqrt(np.mean([g.stderr**2 for g in gradients]))), float(np.sqrt(np.mean(deviations**2)))


def assert_true(bar: float, error: float) -> None:
    """The limits fail for bars scaled by 0.8 or 1.25."""
    assert 0.88 < bar / error < 1.2
    assert 0.8 * bar / error < 0.88
    assert 1.25 * bar / error > 1.2


@pytest.mark.parametrize("shots", [1_000, 10**5, 10**8])
@pytest.mark.parametrize("by", [0.0, 1e-3])
def test_bars_at_the_default_beta(by, shots):
    assert_true(*bars_and_errors(off_target(by), qep.symmetric(), shots))


@pytest.mark.parametrize("kind", [qep.one_sided, qep.extrapolated])
def test_bars_of_other_stencils(kind):
    assert_true(*bars_and_errors(off_target(1e-3), kind(), 1_000))


@pytest.mark.parametrize("shots", [1_000, 100_000])
def test_the_planner_chooses_a_beta_for_the_noise_of_the_error_signal(shots):
    problem = off_target(1e-3)
    forecast = qep.forecast(problem, stencil=qep.symmetric("auto"), shots=shots, device=qep.statevector())
    bar, error = bars_and_errors(problem, forecast.stencil, shots)
    assert_true(bar, error)
    assert_true(float(np.sqrt(np.mean(np.square(forecast.stderr)))), error)
