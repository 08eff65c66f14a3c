"""A forecast includes events too rare to be seen: in its error bars, and in the shots that it gives to quiet circuits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.forecasting.choice import LEAST_SHARE, _shares
from qep_qiskit.forecasting.prediction import expected_variance

sys.path.insert(0, str(Path(__file__).parents[1] / "statistics"))
from readout_device import ReadoutErrorDevice

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
STENCIL = qep.symmetric(0.2)


def saturated(g: float, cost: object) -> qep.Problem:
    return qep.Problem(NETWORK, [1.0, 1.0, 1.0, g, g], x=[-0.2], cost=cost)


@pytest.mark.parametrize("events", [0.0, 0.1, 1.0, 3.0, 30.0])
def test_the_forecast_of_one_circuit_is_the_mean_of_what_will_be_reported(events):
    """Against a sum over the Poisson distribution of k flips, of which N shots report (4/N²)(k + 1/(k + 1))."""
    shots = 500
    k = np.arange(200)
    log_factorial = np.cumsum(np.log(np.maximum(k, 1)))
    weights = np.exp(k * np.log(events) - events - log_factorial) if events else (k == 0).astype(float)
    reported = 4 / shots**2 * (weights @ (k + 1 / (k + 1)))
    assert expected_variance(np.array(4 * events / shots), np.array(4.0), shots) == pytest.approx(reported)


@pytest.mark.parametrize("mitigation", ["none", "tensored", "trex"])
@pytest.mark.parametrize(
    "cost", [qep.SquaredError([-1.0]), qep.SquaredError([-1.0]).observable()], ids=["expectation", "observable"]
)
def test_planned_bars_are_those_that_come(cost, mitigation):
    problem, flips = saturated(0.2, cost), (0.0, 0.0) if mitigation == "none" else (0.002, 0.004)
    options = {"device": ReadoutErrorDevice((flips,) * 2), "stencil": STENCIL, "shots": 400, "mitigation": mitigation}
    planned = qep.plan(problem, **options)
    bars = np.array([qep.gradient(problem, seed=s, **options).stderr for s in range(60)])
    ratio = planned.stderr / np.sqrt((bars**2).mean(axis=0))
    assert ((ratio > 0.8) & (ratio < 1.25)).all(), ratio


def test_a_target_error_counts_what_is_not_seen():
    problem = saturated(0.1, qep.SquaredError([-1.0]))
    planned = qep.plan(problem, stencil=STENCIL, shots=qep.optimal_shots(100), target_error=0.5)
    assert planned.relative_error == pytest.approx(0.5, rel=1e-3)
    forecast = qep.plan(problem, stencil=STENCIL, shots=planned.split)
    assert forecast.relative_error == pytest.approx(0.5, rel=0.02)


def test_shares_minimise_the_objective():
    rng = np.random.default_rng(6)
    for _ in range(20):
        sums, unseen, sizes = 10.0 ** rng.uniform(-4, 1, 4), 10.0 ** rng.uniform(-4, 0, 4), rng.integers(1, 4, 4).astype(float)
        share = _shares(sums, unseen, sizes)
        assert sizes @ share == pytest.approx(sizes.sum()) and share.min() >= LEAST_SHARE * (1 - 1e-4)

        def objective(x, sums=sums, unseen=unseen):
            return np.sum(sums / x + unseen / x**2)

        for _ in range(50):
            step = rng.normal(size=4) * 0.05
            other = share + step - (sizes @ step) / sizes.sum()
            if other.min() >= LEAST_SHARE:
                assert objective(other) > objective(share) * (1 - 1e-6)


@pytest.mark.parametrize("rare", [0.0, 1e-5, 1e-4])
def test_quiet_circuits_keep_the_shots_that_their_bar_needs(rare):
    """Two circuits, flips of `rare` and .05, 1200 shots: by scatter alone the first would get 53 of them, or the least share."""
    scatter = np.array([4 * rare * (1 - rare), 4 * 0.05 * 0.95])
    share = _shares(scatter, np.array([4.0, 4.0]) / 600, np.ones(2))
    first, second = 600 * share
    assert 240 < first < 360 and first + second == pytest.approx(1200)
    plain = _shares(scatter, np.zeros(2), np.ones(2))
    assert plain[0] == pytest.approx(LEAST_SHARE, rel=1e-3) and share[0] > 3 * plain[0]


def test_plenty_of_shots_are_shared_out_as_by_scatter_alone():
    scatter = np.array([1.0, 0.04])
    share = _shares(scatter, np.array([4.0, 4.0]) / 1e6, np.ones(2))
    np.testing.assert_allclose(share, _shares(scatter, np.zeros(2), np.ones(2)), rtol=1e-3)
