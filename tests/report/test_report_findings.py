import copy

import numpy as np
import pytest

from qep_qiskit.report import findings


def test_expected_shot_noise_is_the_norm_of_the_error_bars(budget):
    shots = findings.rung(budget, "shots")
    exact = findings.rung(budget, "exact")
    expected = np.linalg.norm(shots["stderr"]) / np.linalg.norm(exact["values"])
    assert findings.shot_noise(budget, shots) == pytest.approx(expected)
    assert findings.shot_noise(budget, findings.rung(budget, "prepared")) is None


def test_chi_square_is_the_mean_of_the_squared_scores(budget):
    mitigated = findings.rung(budget, "mitigated")
    assert findings.reduced_chi_square(mitigated) == pytest.approx(np.mean(np.square(mitigated["z"])))
    assert findings.largest_score(mitigated) == pytest.approx(np.max(np.abs(mitigated["z"])))


def test_the_verdict_quotes_the_budget(budget):
    verdict = findings.verdict(budget)
    mitigated = findings.rung(budget, "mitigated")
    assert verdict.good is True
    assert verdict.text.startswith("The mitigated gradient is within its error bars of the exact one")
    assert f"χ²/K = {np.mean(np.square(mitigated['z'])):.2f}" in verdict.text
    assert f"device noise, {100 * findings.rung(budget, 'device')['added']:.0f} %" in verdict.text
    assert "mitigation lowers the error" in verdict.text


def test_a_biased_gradient_is_called_so(make):
    verdict = findings.verdict(make(missing={"mitigated": "mitigation is 'none'"}))
    assert verdict.good is False
    assert verdict.text.startswith("The raw gradient lies outside its error bars")


def test_mitigation_that_harms_is_not_praised(budget):
    worse = copy.deepcopy(budget)
    findings.rung(worse, "mitigated")["relative_error"] = 0.9
    assert "does not lower" in findings.verdict(worse).text


def test_a_change_within_the_shot_noise_is_not_called_a_success(budget):
    raw, mitigated = findings.rung(budget, "shots"), findings.rung(budget, "mitigated")
    mitigated["relative_error"] = raw["relative_error"] - 0.5 * findings.shot_noise(budget, mitigated)
    assert "less than the shot noise" in findings.verdict(budget).text


def test_indistinguishable_causes_are_named_together(make):
    steps = findings.steps(make(missing={"device": "too large"}))
    assert steps[-1].cause == "device noise and shot noise together"


def test_shot_noise_is_not_blamed_on_a_device_that_was_not_simulated(make):
    budget = make(missing={"device": "the device has no noise"})
    shots = findings.rung(budget, "shots")
    shots["added"] = 1.1 * findings.shot_noise(budget, shots)
    assert findings.steps(budget)[-1].cause == "shot noise"


def test_the_statement_holds_on_every_shape_of_budget(any_budget):
    verdict = findings.verdict(any_budget)
    assert verdict.text.endswith(".")
    assert "None" not in verdict.text and "nan" not in verdict.text


def test_a_zero_gradient_has_no_relative_error(make):
    budget = make(missing=dict.fromkeys(("device", "shots", "mitigated"), "no shots"))
    for rung in budget["rungs"]:
        rung.update(relative_error=None, added=None)
        if rung["values"] is not None:
            rung["values"] = [0.0] * len(budget["names"])
    assert "the exact gradient is zero" in findings.verdict(budget).text
