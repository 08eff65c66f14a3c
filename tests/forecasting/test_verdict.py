"""Verdicts on mitigations, against forecasts of each and simulated gradients."""

import copy
import json
import pickle

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.plan import show
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.choices import Choices, Measure, verdicts
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
RNG = np.random.default_rng(2)
WEIGHTS = np.concatenate([RNG.uniform(-0.5, 0.5, 7), RNG.uniform(1.0, 2.0, 4)])
PROBLEM = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]).observable())
OPTIONS = {"preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.3), "device": "fake_torino"}


def forecast(shots, **options):
    return qep.forecast(PROBLEM, choices=True, shots=shots, **{**OPTIONS, **options})


@pytest.fixture(scope="module")
def many():
    return forecast(300_000)


def test_with_many_shots_the_bias_decides(many):
    by_word = {verdict.mitigation: verdict for verdict in many.verdicts}
    assert {"clifford", "trex", "tensored", "zne", "zne:1,3"} == set(by_word)
    assert by_word["clifford"].helps and many.verdicts[0].mitigation == "clifford"
    device, plain = by_word["clifford"].parts["device"]
    assert device < plain / 5
    assert str(many.verdicts[0]).startswith("clifford helps here: an error of ")


def test_with_few_shots_extrapolation_does_not_help():
    by_word = {verdict.mitigation: verdict for verdict in forecast(1000).verdicts}
    assert by_word["zne"].effect == -1 and "zne does not help here" in str(by_word["zne"])


def test_the_numbers_are_those_of_simulated_gradients(many):
    best = many.verdicts[0]
    row = next(row for row in many.choices.rows if row.factor == "mitigation" and row.label == best.mitigation)
    exact = qep.exact_gradient(PROBLEM).values
    errors = [
        np.linalg.norm(qep.gradient(PROBLEM, **{**row.settings, "seed": seed}).values - exact) / np.linalg.norm(exact)
        for seed in range(12)
    ]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(best.error, abs=4 * row.spread / np.sqrt(12))


def test_of_a_target_the_price_decides():
    def row(word, shots, seconds):
        return Measure("mitigation", word, relative_error=0.1, shots=shots, seconds=seconds, settings=Settings(mitigation=word))

    rows = (row("none", 1000, 10.0), row("trex", 990, 9.9), row("clifford", 500, 5.0), row("zne", 3000, 30.0))
    assert [(v.mitigation, v.effect) for v in verdicts(Choices(rows, 0))] == [("clifford", 1), ("trex", 0), ("zne", -1)]
    assert "5 s of QPU time instead of 10 s for the target error" in str(verdicts(Choices(rows, 0))[0])
    missed = Measure("mitigation", "no mitigation", own_error=0.2, note="does not reach the target error")
    [only] = verdicts(Choices((missed, row("clifford", 500, 5.0)), 0))
    assert only.helps and "the target is not reached without mitigation" in str(only)


def test_equal_percentages_are_written_once():
    def row(word, error):
        parts = {"device": 0.01, "shots": 0.1}
        return Measure("mitigation", word, relative_error=error, parts=parts, settings=Settings(mitigation=word))

    [verdict] = verdicts(Choices((row("none", 0.114), row("trex", 0.113)), 0))
    assert str(verdict).startswith("trex makes no difference here: an error of 11 % with and without it (")


def test_a_bias_that_noise_hides_is_named():
    def row(word, error, device, shots):
        return Measure(
            "mitigation", word, relative_error=error, parts={"device": device, "shots": shots}, settings=Settings(mitigation=word)
        )

    rows = (row("none", 0.21, 0.17, 0.11), row("clifford", 0.25, 0.03, 0.12), row("zne", 0.3, 0.03, 0.3))
    clifford, zne = verdicts(Choices(rows, 0))
    assert clifford.cancels and "noise cancels part of another bias: choose β again" in str(clifford)
    assert not zne.cancels and "bias" not in str(zne)


def test_the_page_and_the_document_show_them(many):
    import click

    from qep_qiskit.cli.output import console

    @click.command()
    def shown():
        show(console(), many, many.noise_free_error())

    page = CliRunner().invoke(shown).output
    assert "Mitigation clifford helps here" in " ".join(page.split())
    assert many.to_dict()["verdicts"][0]["helps"] is True


@pytest.mark.parametrize("device", ["statevector", "fake_guadalupe"])
def test_of_a_zero_gradient_no_error_is_a_share(device):
    """An operator without any effect: plans, choices and verdicts have no shares, and say why."""
    problem = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.ObservableCost({"IIII": 1.0}))
    options = {"device": device, "stencil": qep.symmetric(0.3), "choices": True}
    forecast = qep.forecast(problem, shots=100, **options)
    json.dumps(forecast.to_dict(), allow_nan=False)
    assert all(share is None for row in forecast.choices.rows for share in row.parts.values())
    assert forecast.verdicts == () and not forecast.ready and forecast.advice.reasons[0].startswith("the exact gradient is zero")
    with pytest.raises(InputError, match="the exact gradient is zero"):
        qep.forecast(problem, target_error=0.1, **options)


def test_a_forecast_on_a_device_is_equal_to_its_copies(many):
    assert copy.deepcopy(many) == many and pickle.loads(pickle.dumps(many)) == many


def test_causes_without_effect_are_not_named():
    forecast = qep.forecast(PROBLEM, device="fake_torino", stencil=qep.symmetric(1.0), preparer=qep.Exact(), target_error=None)
    assert not forecast.ready and "prepared states" not in forecast.advice.reasons[0]


def test_the_transpilers_qubits_are_a_change_of_the_spec(many):
    rows = [row for row in many.choices.rows if row.factor == "qubits"]
    assert rows and all(row.changes["network.qubits"] == list(many.sending.layout.usual.qubits) for row in rows)


@pytest.mark.parametrize("oscillating", [True, False])
def test_without_circuits_there_is_nothing_to_forecast(oscillating):
    network = qep.oscillators(sites=3, edges="chain", inputs=[0], outputs=[2]) if oscillating else NETWORK
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.4], cost=qep.SquaredError([0.5]))
    with pytest.raises(InputError, match=r"no circuits, so there is nothing to forecast; take qep gradient"):
        qep.forecast(problem, preparer=qep.Exact() if oscillating else qep.Thermal(0.5))
