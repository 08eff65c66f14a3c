"""m3 with few shots on many qubits: its bias is said at run time, with the number."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.verbs.predictions import predictions

sys.path.insert(0, str(Path(__file__).parents[1] / "statistics"))
from readout_device import ReadoutErrorDevice

pytest.importorskip("mthree")


def measured(sites, shots, flips, mitigation="m3", cost=None):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    weights = np.r_[np.full(sites - 1, 1.0), np.full(sites, 0.5), np.full(sites, 0.4)]
    problem = qep.Problem(network, weights, x=[0.5], cost=cost or qep.SquaredError([-1.0]).observable())
    device = ReadoutErrorDevice((flips,) * sites)
    options = {"device": device, "shots": shots, "mitigation": mitigation, "calibration_shots": 20_000, "seed": 1}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gradient = qep.gradient(problem, stencil=qep.symmetric(0.2), **options)
    return problem, options, gradient, [str(w.message) for w in caught if "mitigation" in str(w.message)]


@pytest.mark.parametrize("cost", [None, qep.SquaredError([-1.0])], ids=["observable", "expectation"])
def test_many_qubits_and_few_shots_are_warned_of_with_the_number(cost):
    problem, options, gradient, warnings = measured(13, 400, (0.06, 0.14), cost=cost)
    assert warnings and any("mitigation" in w for w in gradient.diagnostics["warnings"])
    assert (
        "'m3' is biased with few shots" in warnings[0]
        and "(400 shots saw" in warnings[0]
        and "take 'tensored'" in warnings[0]
        and "predictions by up to" in warnings[0]
    )
    exact = qep.gradient(problem, stencil=qep.symmetric(0.2)).predictions
    number = float(warnings[0].split("predictions by up to ")[1].split(" ")[0])
    bias = abs(gradient.predictions[0] - exact[0])
    assert bias > gradient.predictions_stderr[0] / 2 and number == pytest.approx(bias, rel=0.7)
    with pytest.warns(NudgeWarning, match="'m3' is biased with few shots"):
        predictions(problem.network, problem.weights, [problem.x], **options)


@pytest.mark.parametrize(
    ("sites", "shots", "mitigation"), [(2, 300, "m3"), (3, 1000, "m3"), (4, 4000, "m3"), (12, 500, "tensored")]
)
def test_nothing_is_said_where_there_is_no_bias(sites, shots, mitigation):
    assert not measured(sites, shots, (0.04, 0.1), mitigation)[3]
    assert not measured(sites, shots, (0.001, 0.002), mitigation)[3]
