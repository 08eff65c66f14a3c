"""Plans beyond state vectors: references with an uncertainty, doubts about them, and no reference at all."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting import truths
from qep_qiskit.reference import selection, value

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
OPTIONS = {"preparer": qep.VQE(layers=1), "stencil": qep.symmetric(0.3), "device": "fake_torino", "shots": 2000}


def problem_of(sites: int) -> qep.Problem:
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    return qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())


@pytest.fixture
def tensors(monkeypatch):
    monkeypatch.setattr(selection, "DENSE_QUBITS", 3)
    selection._LATEST.clear()


def test_the_uncertainty_of_the_reference_is_part_of_every_cause_and_of_the_margin(tensors):
    problem = problem_of(5)
    forecast = qep.forecast(problem, **OPTIONS)
    dense = qep.exact_gradient(problem).values
    assert forecast.levels.method.startswith("matrix product states")
    assert np.abs(forecast.exact - dense).max() < 1e-4 * np.abs(dense).max()
    causes, expected = forecast.causes, forecast.accuracy
    assert 0 < causes.prepared.share_uncertainty < causes.finite_beta.share_uncertainty < 0.01
    assert expected.margin > expected.spread and expected.uncertainty > 0
    assert " ± " in str(causes.finite_beta)
    assert forecast.noise_free_error().reference.startswith("matrix product states")


def test_a_doubt_about_the_reference_is_a_warning_and_not_ready(tensors, monkeypatch):
    monkeypatch.setattr(value.Reference, "above", lambda self, energy, allowance=0.0: "the reference is metastable")
    forecast = qep.forecast(problem_of(4), **OPTIONS, target_error=0.9)
    assert "the reference is metastable" in forecast.warnings
    assert not forecast.ready and forecast.advice.reasons == ("the reference is metastable",)


def test_without_a_reference_bars_are_predicted_and_nothing_is_advised(monkeypatch):
    def missing(*args, **options):
        raise InputError("mps: the network is too large")

    whole = qep.forecast(problem_of(4), **OPTIONS)
    monkeypatch.setattr(truths, "DENSE_QUBITS", 3)
    monkeypatch.setattr(truths, "reference_gradient", missing)
    forecast = qep.forecast(problem_of(4), choices=True, **OPTIONS)
    np.testing.assert_allclose(forecast.values, whole.values, atol=1e-3)
    np.testing.assert_allclose(forecast.stderr, whole.stderr, rtol=1e-2)
    assert forecast.exact is None and forecast.causes.finite_beta is None and forecast.causes.device is not None
    assert not forecast.ready and "too large" in forecast.advice.reasons[1] and forecast.choices is None
    assert forecast.advice.text.startswith("Nothing is advised: the error bars are predicted")
    with pytest.raises(InputError, match='beta: "auto" needs the exact gradient'):
        qep.forecast(problem_of(4), **{**OPTIONS, "stencil": qep.symmetric("auto")})
