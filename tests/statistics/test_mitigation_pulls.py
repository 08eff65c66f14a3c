"""Every mitigation over 300 seeds under a readout error of 3 % and 9 %: is it unbiased, and is its error bar true?"""

from __future__ import annotations

import numpy as np
import pytest
from pulls import Repeats, of_weights, repeated, truth_of
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep

SEEDS = range(300)
DEVICE = ReadoutErrorDevice(((0.03, 0.09),) * 4)
STENCIL = qep.symmetric(0.1)
NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[2, 3])
READOUT = ("tensored", "m3", "trex")


def problem(kind: str) -> qep.Problem:
    target = qep.SquaredError([1.0, -0.5])
    cost = target if kind == "expectations" else target.observable()
    return qep.Problem(NETWORK, NETWORK.initial_weights(seed=7), x=[0.5], cost=cost)


def assert_passes(repeats: Repeats) -> None:
    """Per weight |mean pull| < 0.2, over all weights variance in [0.9, 1.1]; not so with bars scaled by 0.8 or 1.25."""
    print(f"\n{repeats}")
    assert np.abs(repeats.means).max() < 0.2, str(repeats)
    assert 0.9 <= repeats.pooled <= 1.1, str(repeats)
    for factor in (0.8, 1.25):
        assert not 0.9 <= repeats.scaled(factor).pooled <= 1.1, f"bars scaled by {factor} pass too\n{repeats}"


def of(method: str, kind: str, seeds: range = SEEDS, *, shots: int = 4000, calibration_shots: int = 2000) -> Repeats:
    asked = problem(kind)
    found = repeated(
        asked, DEVICE, stencil=STENCIL, shots=shots, mitigation=method, calibration_shots=calibration_shots, seeds=seeds
    )
    return of_weights(found, truth_of(asked, STENCIL))


@pytest.mark.parametrize("method", READOUT)
def test_readout_mitigation(method: str) -> None:
    assert_passes(of(method, "observable"))


@pytest.mark.slow
@pytest.mark.parametrize("method", READOUT)
def test_readout_mitigation_of_a_cost_of_expectations(method: str) -> None:
    assert_passes(of(method, "expectations", shots=8000, calibration_shots=4000))


def test_without_mitigation_the_same_pulls_fail() -> None:
    raw = of("none", "observable", range(20), shots=100_000)
    assert np.abs(raw.means).max() > 5
