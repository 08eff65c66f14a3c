"""Readout errors that are correlated between qubits: which mitigations remain unbiased, and do the others warn?"""

from __future__ import annotations

import re

import numpy as np
import pytest
from pulls import of_weights, repeated, truth_of
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.measurement.mitigation.readout.correlations import excesses
from qep_qiskit.measurement.mitigation.readout.rates import rates_of
from qep_qiskit.measurement.mitigator import CalibrationSamples
from qep_qiskit.samples import distinct
from qep_qiskit.settings import Settings
from qep_qiskit.verbs.predictions import predictions

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[2, 3])
WEIGHTS = NETWORK.initial_weights(seed=7)
PROBLEM = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0, -0.5]).observable())
STENCIL = qep.symmetric(0.3)
ASSUMING = ("tensored", "m3")


def gradients(method, together, shots, seeds):
    device = ReadoutErrorDevice(((0.02, 0.04),) * 4, together=together)
    return repeated(PROBLEM, device, stencil=STENCIL, shots=shots, mitigation=method, seeds=seeds)


def warned(gradient):
    return [text for text in gradient.diagnostics["warnings"] if "are correlated" in text]


@pytest.mark.parametrize("method", ASSUMING)
def test_a_bias_of_several_error_bars_is_stated(method):
    truth = truth_of(PROBLEM, STENCIL)
    results = gradients(method, 0.04, 20_000, range(20))
    bias = np.abs(of_weights(results, truth).values.mean(axis=0) - truth.values).max()
    assert bias > 2 * results[0].stderr.max()
    for gradient in results:
        (text,) = warned(gradient)
        assert f"but '{method}' takes them as independent" in text and text.endswith("take 'trex'")
        assert "the gradient by up to" in text and "predictions" not in text  # each output is one qubit
        assert float(re.search(r"by up to ([\d.]+)", text)[1]) == pytest.approx(bias, rel=0.6)


@pytest.mark.parametrize("method", ASSUMING)
def test_so_is_the_bias_of_predictions_that_are_correlations(method):
    network = qep.pauli(terms={"a": {"ZZ": -1.0}, "b": {"XI": -1.0, "IX": -1.0}}, outputs=[{"ZZ": 1.0}])
    device = ReadoutErrorDevice(((0.02, 0.04),) * 2, together=0.05)
    with pytest.warns(UserWarning, match=r"qubits 0 and 1 are correlated .* biases the predictions by up to"):
        predictions(network, [1.0, 0.5], [[]], device=device, shots=10_000, mitigation=method)


@pytest.mark.parametrize(("method", "together"), [("trex", 0.04), ("tensored", 0.0), ("m3", 0.0)])
def test_otherwise_the_bars_are_true_and_nothing_is_said(method, together):
    """The limits fail for bars scaled by 0.8 or 1.25."""
    results = gradients(method, together, 4000, range(300))
    repeats = of_weights(results, truth_of(PROBLEM, STENCIL))
    assert np.abs(repeats.means).max() < 0.2
    assert 0.9 <= repeats.pooled <= 1.12
    assert repeats.scaled(0.8).pooled > 1.12 and repeats.scaled(1.25).pooled < 0.9
    assert not any(map(warned, results))


def test_a_bias_that_the_error_bars_hold_is_not_mentioned():
    assert not any(map(warned, gradients("tensored", 0.04, 100, range(20))))


@pytest.mark.parametrize("shots", [50, 300, 3000])
@pytest.mark.parametrize("rate", [0.002, 0.03, 0.1])
def test_chance_is_not_taken_for_a_correlation(rate, shots):
    """Neither one simultaneous flip by chance nor the lack of any is significant."""
    rng, qubits = np.random.default_rng(3), tuple(range(12))
    supports = [[q for q in qubits if q in (i, i + 1) or (q == i + 2 and i % 2)] for i in range(10)]
    for _ in range(100):
        zeros, ones = distinct(rng.random((shots, 12)) < rate), distinct(rng.random((shots, 12)) >= rate)
        calibration = [CalibrationSamples(qubits, zeros, ones)]
        found = excesses(rates_of(calibration), calibration, supports, qubits)
        assert found[1] is None and not found[0].any()


@pytest.mark.parametrize("method", ["tensored", "m3", "trex"])
def test_phases_without_a_nudge_need_no_counts(method):
    """With few shots an error signal may be measured as exactly zero; a training does not measure its nudged phases then."""
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, [2.0, 1.0, 1.0, 0.0, 0.0], x=[1.0], cost=qep.SquaredError([1.0]))
    device = ReadoutErrorDevice(((0.0, 0.0),) * 2)
    [(plan, outcomes)] = run([problem], Settings(stencil=STENCIL, shots=10, device=device, mitigation=method), sparing=True)
    assert set(outcomes.qubits) == {0}
    assert not reduce(plan, outcomes).values.any()
