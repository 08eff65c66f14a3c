"""With β = "auto" and few shots: do error bars hold the noise, and the forecast's error the noise and the bias?"""

from __future__ import annotations

import numpy as np
import pytest
from pulls import repeated, truth_of

import qep_qiskit as qep

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
WEIGHTS = NETWORK.initial_weights(seed=0)


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("shots", [100, 1000])
@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
def test_bars_and_the_predicted_error(kind, shots):
    """The limits fail for bars and errors scaled by 0.8 or 1.25."""
    problem = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]))
    forecast = qep.forecast(problem, stencil=kind("auto"), shots=shots, device=qep.statevector())
    exact, limit = qep.exact_gradient(problem).values, truth_of(problem, forecast.stencil).values
    gradients = repeated(problem, qep.statevector(), stencil=forecast.stencil, shots=shots, seeds=range(300))
    noise, errors = (rms([g.values - truth for g in gradients]) for truth in (limit, exact))
    assert 0.9 < rms([g.stderr for g in gradients]) / noise < 1.12
    assert 0.9 < forecast.relative_error / (errors / rms(exact)) < 1.12
    assert errors > 1.1 * noise  # the bias is not small
