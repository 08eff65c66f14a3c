"""Is the error bar true? Pulls of 800 independent seeds, and the same test fails with the bar a fifth shorter."""

from __future__ import annotations

import numpy as np
import pytest
from pulls import assert_honest, of_combinations, of_loss_and_predictions, of_weights, repeated, truth_of
from qiskit_aer.noise import NoiseModel, ReadoutError
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep

FLIPS = ((0.03, 0.09),) * 4
NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[2, 3])
WEIGHTS = NETWORK.initial_weights(seed=7)


def problem(cost: object) -> qep.Problem:
    return qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=cost)  # type: ignore[arg-type]


TWO_OUTPUTS = problem(qep.SquaredError([1.0, -0.5]))
OBSERVABLE = problem(qep.SquaredError([1.0, -0.5]).observable())

CASES = {
    "raw shots": (OBSERVABLE, qep.statevector(), qep.symmetric(0.1), "none", 400),
    "tensored, calibration redrawn": (OBSERVABLE, ReadoutErrorDevice(FLIPS), qep.symmetric(0.1), "tensored", 2000),
    "two outputs": (TWO_OUTPUTS, qep.statevector(), qep.symmetric(0.1), "none", 2000),
    "two outputs, one-sided": (TWO_OUTPUTS, qep.statevector(), qep.one_sided(0.1), "none", 2000),
    "two outputs, tensored": (TWO_OUTPUTS, ReadoutErrorDevice(FLIPS), qep.symmetric(0.1), "tensored", 4000),
}


QUICK = ("raw shots", "two outputs, tensored")


@pytest.mark.parametrize("case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES])
def test_pulls(case: str) -> None:
    problem, device, stencil, mitigation, shots = CASES[case]
    # as few calibration shots as it takes for the calibration's own error to matter
    repeats = repeated(problem, device, stencil=stencil, shots=shots, mitigation=mitigation, calibration_shots=shots // 2)
    truth = truth_of(problem, stencil)
    assert_honest(of_weights(repeats, truth))
    assert_honest(of_combinations(repeats, truth, count=4), pooled=False)
    assert_honest(of_loss_and_predictions(repeats, truth), pooled=False)


@pytest.mark.slow  # quickly: one gradient in the next test, the pulls in test_pulls
def test_mitigation_removes_a_readout_error_of_many_standard_deviations() -> None:
    device = ReadoutErrorDevice(FLIPS)
    stencil = qep.symmetric(0.1)
    truth = truth_of(OBSERVABLE, stencil)
    raw = of_weights(repeated(OBSERVABLE, device, stencil=stencil, shots=100_000, seeds=range(3)), truth)
    assert np.abs(raw.pulls).max(axis=1).min() > 5
    assert_honest(of_weights(repeated(OBSERVABLE, device, stencil=stencil, shots=100_000, mitigation="tensored"), truth))


def test_simulated_readout_error_alone_says_the_same() -> None:
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
    stencil, options = qep.symmetric(0.1), {"shots": 100_000, "device": qep.simulator(noise=model, seed=5)}
    truth = truth_of(OBSERVABLE, stencil)
    raw = qep.gradient(OBSERVABLE, stencil=stencil, **options)  # type: ignore[arg-type]
    mitigated = qep.gradient(OBSERVABLE, stencil=stencil, mitigation="tensored", **options)  # type: ignore[arg-type]
    assert np.abs((raw.values - truth.values) / raw.stderr).max() > 5
    assert np.abs((mitigated.values - truth.values) / mitigated.stderr).max() < 4.5


@pytest.mark.slow
def test_pulls_under_simulated_noise() -> None:
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
    stencil = qep.symmetric(0.1)
    repeats = repeated(TWO_OUTPUTS, qep.simulator(noise=model), stencil=stencil, shots=2000, mitigation="tensored")
    assert_honest(of_weights(repeats, truth_of(TWO_OUTPUTS, stencil)))
