import copy

import numpy as np
import pytest

from qep_qiskit.budget import Budget
from qep_qiskit.estimates import percent
from qep_qiskit.report import findings


def of(budget, name):
    return next(rung for rung in budget["rungs"] if rung["name"] == name)


def shot_noise(budget, name):
    whole = Budget.of(budget)
    return whole.shot_noise(whole[name])


def conclusion(budget):
    return findings.conclusion(Budget.of(budget))


def test_expected_shot_noise_is_the_norm_of_the_error_bars(budget):
    expected = np.linalg.norm(of(budget, "shots")["stderr"]) / np.linalg.norm(of(budget, "exact")["values"])
    assert shot_noise(budget, "shots") == pytest.approx(expected)
    assert shot_noise(budget, "prepared") is None


def test_chi_square_is_the_mean_of_the_squared_scores(budget):
    mitigated, z = Budget.of(budget)["mitigated"], of(budget, "mitigated")["z"]
    assert mitigated.chi_square == pytest.approx(np.mean(np.square(z)))
    assert mitigated.largest_z == pytest.approx(np.max(np.abs(z)))


def test_the_verdict_quotes_the_budget(budget):
    text, good, detail = conclusion(budget)
    assert good is True
    assert text.startswith(
        f"The mitigated gradient is {100 * of(budget, 'mitigated')['relative_error']:.1f} % from the exact one, within"
    )
    assert f"χ²/K, the mean of z², is {np.mean(np.square(of(budget, 'mitigated')['z'])):.2f}" in detail
    assert f"device noise, which adds {100 * of(budget, 'device')['added']:.0f} %" in text
    assert "Mitigation lowers the error from" in text


def test_a_biased_gradient_is_called_so(make):
    text, good, _ = conclusion(make(missing={"mitigated": "mitigation is 'none'"}))
    assert good is False
    assert text.startswith("The raw gradient is ") and "more than its error bars allow" in text


def test_error_bars_as_long_as_the_gradient_are_not_called_good(budget):
    mitigated = of(budget, "mitigated")
    mitigated["stderr"] = [20 * error for error in mitigated["stderr"]]
    mitigated["z"] = [z / 20 for z in mitigated["z"]]
    assert shot_noise(budget, "mitigated") > findings.USEFUL
    text, good, _ = conclusion(budget)
    assert good is None and "take more shots" in text


def test_mitigation_that_harms_is_not_praised(budget):
    worse = copy.deepcopy(budget)
    of(worse, "mitigated")["relative_error"] = 0.9
    assert "does not lower" in conclusion(worse).text


def test_a_change_within_the_shot_noise_is_not_called_a_success(budget):
    of(budget, "mitigated")["relative_error"] = of(budget, "shots")["relative_error"] - 0.5 * shot_noise(budget, "mitigated")
    assert "less than the shot noise" in conclusion(budget).text


def test_what_mitigation_does_without_shot_noise_is_told_apart_from_its_price(budget):
    of(budget, "mitigated")["relative_error"] = of(budget, "shots")["relative_error"] - 0.5 * shot_noise(budget, "mitigated")
    limit = {**of(budget, "device"), "name": "mitigated_limit", "relative_error": 0.04}
    budget["rungs"].insert(4, limit)
    device, ratio = of(budget, "device")["relative_error"], shot_noise(budget, "mitigated") / shot_noise(budget, "shots")
    text = findings.mitigation_effect(Budget.of(budget))
    assert f"from {percent(device)} to 4.0 %" in text
    assert f"{percent(ratio - 1)} longer" in text and f"{ratio**2:.2f} times as many shots" in text
    assert "Mitigation lowers the error" in conclusion(budget).text, "the effect is known apart from the shots"


def test_an_effect_that_no_printed_digit_shows_is_not_called_one(budget):
    limit = {**of(budget, "device"), "name": "mitigated_limit", "relative_error": of(budget, "device")["relative_error"] * 0.9999}
    budget["rungs"].insert(4, limit)
    text = findings.mitigation_effect(Budget.of(budget))
    assert f"mitigation leaves the error at {percent(limit['relative_error'])}." in text


def test_rounding_is_no_cause_of_error(make):
    budget = make(missing=dict.fromkeys(("device", "shots", "mitigated"), "no shots"))
    for name in ("finite_beta", "prepared"):
        of(budget, name)["added"] = of(budget, name)["relative_error"] = 3e-15
    text = conclusion(budget).text
    assert text == "The gradient of the prepared states equals the exact one."


def test_indistinguishable_causes_are_named_together(make):
    added = findings.contributions(Budget.of(make(missing={"device": "too large"})))
    assert added[-1].cause == "device noise and shot noise together"


def test_the_cause_of_a_rung_that_a_budget_lacks_is_named_with_the_next(make):
    budget = make(missing={"finite_beta": "not computed", "device": "not computed"})
    budget["rungs"] = [rung for rung in budget["rungs"] if rung["values"] is not None]
    causes = [contribution.cause for contribution in findings.contributions(Budget.of(budget))]
    assert causes == ["the finite β and the preparation together", "device noise and shot noise together"]


def test_shot_noise_is_not_blamed_on_a_device_that_was_not_simulated(make):
    budget = make(missing={"device": "the device has no noise"})
    of(budget, "shots")["added"] = 1.1 * shot_noise(budget, "shots")
    assert findings.contributions(Budget.of(budget))[-1].cause == "shot noise"


def test_the_statement_holds_on_every_shape_of_budget(any_budget):
    text = conclusion(any_budget).text
    assert text.endswith(".")
    assert "None" not in text and "nan" not in text


def test_a_zero_gradient_has_no_relative_error(make):
    budget = make(missing=dict.fromkeys(("device", "shots", "mitigated"), "no shots"))
    for rung in budget["rungs"]:
        rung.update(relative_error=None, added=None)
        if rung["values"] is not None:
            rung["values"] = [0.0] * len(budget["names"])
    assert "the exact gradient is zero" in conclusion(budget).text
