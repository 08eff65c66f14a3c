"""Warnings that a comparison with the gradient of true states answers, and remedies that do not fit a row of the choices."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.errors import TooLargeError
from qep_qiskit.forecasting.causes import Levels
from qep_qiskit.forecasting.planner import _unanswered
from qep_qiskit.forecasting.study import Study
from qep_qiskit.preparation.shortfall import LARGEST, shortfall_warnings
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.noise.aer_model import Unsuited

SHORTFALL, BIAS, OTHER = shortfall_warnings(2 * LARGEST)[0], "the bias of β = 0.3 is 12 %", "not converged"
FOUND = Diagnostics(beta_bias={"warning": BIAS}, warnings=(SHORTFALL, BIAS, OTHER))


def test_a_plan_warns_of_states_and_beta_only_without_a_sure_reference():
    one = np.ones(1)
    assert _unanswered(FOUND, Levels(exact=one, nudged=one, prepared=one)) == [OTHER]
    assert _unanswered(FOUND, Levels(prepared=one)) == [SHORTFALL, BIAS, OTHER]
    doubtful = Levels(exact=one, nudged=one, prepared=one, doubts=("the reference is metastable",))
    assert _unanswered(FOUND, doubtful) == [SHORTFALL, BIAS, OTHER]


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_comparison_does_not_ask_for_the_comparison_that_it_has_made():
    network = qep.ising(sites=15, edges="chain", inputs=[0], outputs=[7])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    options = {"preparer": qep.VQE(layers=1, simulation="light_cones", starts=1), "stencil": qep.symmetric(0.3)}
    gradient = qep.gradient(problem, **options)
    assert any("not an eigenstate near the outputs" in text for text in gradient.diagnostics.warnings)
    budget = qep.compare(problem, **options)
    assert not any("not an eigenstate near the outputs" in text for text in budget.diagnostics.warnings)


def test_a_row_too_large_to_predict_gives_no_remedy_for_exact_expectations(monkeypatch):
    def fails(*_):
        try:
            raise Unsuited("noise in a light cone of 39 wires")
        except Unsuited as reason:
            raise TooLargeError("shots: exact expectations do not fit; give shots") from reason

    monkeypatch.setattr(Study, "_predicted", fails)
    monkeypatch.setattr(Study, "_target", None, raising=False)
    monkeypatch.setattr(Study, "_changes", lambda *_: {})
    row = Study.__new__(Study)._row("mitigation", "zne", Settings())
    assert row.note == "cannot be predicted exactly with noise in a light cone of 39 wires"
