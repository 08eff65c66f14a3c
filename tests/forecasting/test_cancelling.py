"""Causes that cancel on one sample: they do not decide which measure is best, and the advice names them."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.forecasting.advice import caution
from qep_qiskit.forecasting.causes import opposed
from qep_qiskit.forecasting.choices import Choices, Measure
from qep_qiskit.forecasting.study import Study

BETA, STATES = ("finite_beta", "prepared")


def row(label, error, finite_beta, prepared, device=0.02, shots=0.09, *, opposed=(), **others):
    parts = {"finite_beta": finite_beta, "prepared": prepared, "device": device, "shots": shots}
    return Measure("layers", label, relative_error=error, parts=parts, opposed=opposed, **others)


ONE = row("1 layer, β = 0.27", 0.17, 0.15, 0.16, opposed=(BETA, STATES), seconds=10.0, two_qubit_gates=106)
TWO = row("2 layers, β = 0.19", 0.19, 0.08, 0.005, 0.06, 0.13, seconds=20.0, two_qubit_gates=212)


def study(target=None):
    bare = Study.__new__(Study)
    bare._target = target
    return bare


def test_the_most_opposite_biases_are_named():
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert opposed({"finite_beta": one, "prepared": other, "device": None}) == ()
    biases = {"finite_beta": one, "prepared": other - 2 * one, "device": -0.5 * one}
    assert opposed(biases) == ("finite_beta", "prepared")


def test_a_row_that_lives_from_cancelling_causes_is_known_by_its_parts():
    assert ONE.cancels and ONE.cautious_error == ONE.separate_error == pytest.approx(np.linalg.norm([0.15, 0.16, 0.02, 0.09]))
    assert not TWO.cancels and TWO.cautious_error == TWO.relative_error
    unknown = row("", 0.17, 0.15, None, opposed=(BETA, STATES))
    assert unknown.separate_error is None and not unknown.cancels and unknown.cautious_error == 0.17
    assert ONE.to_dict()["cautious_error"] == ONE.cautious_error and "cancel" not in TWO.cancellation


def test_the_best_row_does_not_live_from_cancelling_causes():
    assert study()._best([ONE, TWO]) is TWO
    assert study(0.2)._best([ONE, TWO]) is TWO, "though the other one reaches the target for half of the price"
    assert study(0.175)._best([ONE, TWO]) is ONE, "the only one that reaches the target"


def test_the_advice_names_causes_that_cancel():
    text = caution(TWO, Choices((ONE, TWO), 1))
    assert text.startswith("Not advised, in spite of 17 %: 1 layer, β = 0.27; on this sample finite β and prepared states cancel")
    assert "if they did not, the error would be 24 %" in text
    assert caution(ONE, Choices((ONE,), 0)).startswith("Careful: on this sample finite β and prepared states cancel in part")
    assert caution(TWO, Choices((TWO,), 0)) == ""


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_opposite_biases_of_a_forecast_add_up_to_less_than_their_parts():
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    forecast = qep.forecast(problem, choices=True, preparer=qep.VQE(layers=1), stencil=qep.symmetric(0.3))
    for found in forecast.choices.rows:
        sizes = [found.parts[name] for name in ("finite_beta", "prepared", "device", "shots")]
        assert found.separate_error == pytest.approx(np.linalg.norm(sizes))
        assert found.opposed or found.relative_error >= found.separate_error * (1 - 1e-9)
    least = min(found.cautious_error for found in forecast.choices.rows)
    assert forecast.choices.chosen.cautious_error <= 1.03 * least
