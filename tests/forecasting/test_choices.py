"""The choices side by side, against forecasts of their own and simulated gradients; the advice, and when a plan is not ready."""

import json
from dataclasses import replace

import numpy as np
import pytest
import specs
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import percent
from qep_qiskit.seeds import integer

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
OPTIONS = {
    "preparer": qep.VQE(layers=1, tolerance=1e-4),
    "stencil": qep.symmetric(0.3),
    "device": "fake_guadalupe",
    "shots": 2000,
    "mitigation": "tensored",
}


@pytest.fixture(scope="module")
def forecast():
    return qep.forecast(PROBLEM, choices=True, **OPTIONS)


def problem_of(row, forecast):
    """The problem, on the qubits that the transpiler chooses for a row that compares them."""
    if row.factor != "qubits":
        return PROBLEM
    network = replace(NETWORK, layout=forecast.sending.layout.usual.qubits)
    return qep.Problem(network, PROBLEM.weights, x=PROBLEM.x, cost=PROBLEM.cost)


def test_every_row_is_its_own_forecast_at_the_same_total_of_shots(forecast):
    total = forecast.sending.shots
    for row in forecast.choices.rows:
        assert not row.note and row.shots == pytest.approx(total, rel=0.01)
        alone = qep.forecast(problem_of(row, forecast), **row.settings)
        near = 0.2 if "clifford" in row.label else 0.02  # where a descent ends decides which Clifford angles are near
        assert row.relative_error == pytest.approx(alone.relative_error, rel=near), row.label
        assert row.own_error == pytest.approx(np.linalg.norm(alone.bias) / alone.size, rel=near, abs=2e-3)
        assert row.seconds == alone.sending.seconds
        for name, cause in (("finite_beta", "finite_beta"), ("prepared", "prepared"), ("device", "mitigation")):
            share = getattr(alone.causes, cause).share
            assert row.parts[name] == pytest.approx(share, rel=2 * near, abs=2e-3)  # the noise depends on where descents end


def test_a_cost_of_expectations_has_all_stencils():
    """Its first round is kept for the number of phases of one stencil."""
    problem = qep.Problem(NETWORK, PROBLEM.weights, x=[0.5], cost=qep.SquaredError([1.0]))
    rows = qep.forecast(problem, choices=True, stencil=qep.symmetric(0.3), shots=2000, device="simulator").choices.rows
    assert not any(row.note for row in rows) and [row.factor for row in rows].count("stencil") == 2


def test_the_rows_vary_one_factor_and_the_best_has_the_least_error(forecast):
    rows = forecast.choices.rows
    assert [row.factor for row in rows[:4]] == ["given", "layers", "layers", "layers"]
    assert {"beta", "stencil", "mitigation", "qubits"} < {row.factor for row in rows}
    least = min(row.relative_error for row in rows)
    assert forecast.choices.chosen.relative_error <= 1.03 * least < forecast.relative_error
    assert forecast.choices.chosen.changes == forecast.advice.changes != {}


def test_beta_of_a_row_is_nearly_the_best_one(forecast):
    """The search in three predictions against that over the whole range."""
    row = next(row for row in forecast.choices.rows if row.label.startswith("2 layers"))
    auto = qep.forecast(PROBLEM, **{**OPTIONS, "preparer": qep.VQE(layers=2), "stencil": qep.symmetric("auto")})
    assert row.relative_error < 1.05 * auto.relative_error


def errors_of(settings, count):
    exact = qep.exact_gradient(PROBLEM).values
    gradients = [qep.gradient(PROBLEM, **{**settings, "seed": integer(5, "repeat", k)}).values for k in range(count)]
    return np.linalg.norm(np.array(gradients) - exact, axis=1) / np.linalg.norm(exact)


@pytest.mark.parametrize("wanted", ["extrapolated", "trex"])
def test_expected_error_and_its_margin_are_those_of_simulated_gradients(forecast, wanted):
    row = next(row for row in forecast.choices.rows if row.label.startswith(wanted))
    errors = errors_of(row.settings, 24)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(row.relative_error, abs=4 * row.spread / np.sqrt(24))
    assert 0.5 * row.spread < np.std(errors, ddof=1) < 1.6 * row.spread


def test_advice_names_the_choice_its_price_and_the_parts_of_its_error(forecast):
    best, text = forecast.choices.chosen, forecast.advice.text
    assert text.startswith("Two layers; symmetric stencil at β = ") and "QPU time; expect an error of " in text
    assert f"device noise left by {best.settings.mitigation}" in text and " ± " in text
    assert not forecast.ready and len(forecast.advice.reasons) == 2
    reason, remedy = forecast.advice.reasons
    assert "above the default limit of 25 %: prepared states" in reason
    assert "take more layers" in remedy and "preparation.layers = 2" in remedy


def test_a_plan_is_ready_if_its_own_error_does_not_exceed_the_target():
    good = {**OPTIONS, "preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.15)}
    plan = qep.forecast(PROBLEM, **good, target_error=0.2)
    assert plan.ready and not plan.advice.reasons and plan.advice.asked == 0.2
    assert plan.relative_error == pytest.approx(0.2, rel=0.02)
    with pytest.raises(InputError, match="not reached by any number of shots"):
        qep.forecast(PROBLEM, **good, target_error=0.02)


def test_with_a_target_rows_have_the_shots_that_reach_it():
    plan = qep.forecast(PROBLEM, choices=True, **{**OPTIONS, "preparer": qep.VQE(layers=2)}, target_error=0.3)
    reached = [row for row in plan.choices.rows if not row.note]
    assert all(row.relative_error == pytest.approx(0.3, rel=0.02) for row in reached)
    assert plan.choices.chosen.seconds <= 1.03 * min(row.seconds for row in reached)
    assert any(row.own_error > 0.3 for row in plan.choices.rows if row.note)


def test_without_shots_only_biases_are_compared():
    exact = qep.forecast(PROBLEM, choices=True, preparer=qep.VQE(layers=1), stencil=qep.symmetric(0.3))
    assert [row.factor for row in exact.choices.rows] == ["given", "layers", "layers", "layers"]
    assert all(row.parts["shots"] == 0.0 and row.seconds is None for row in exact.choices.rows)


SPEC = specs.ising(4, cost="squared_error_observable", beta=0.3, seed=0)
SPEC += """
[preparation]
method = "vqe"
layers = 1
[measurement]
shots = 2000
mitigation = "tensored"
[device]
name = "fake_guadalupe"
"""


def test_the_page_of_an_unreachable_target_says_why_and_what_would_reach_it(tmp_path):
    spec, picture, page = tmp_path / "spec.toml", tmp_path / "plan.png", tmp_path / "plan.html"
    spec.write_text(SPEC)
    words = ["plan", str(spec), "--target-error", "20%", "--choices", "--plot", str(picture), "--page", str(page)]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1, result.output
    for text in ("Not ready: ", "take more layers", "Advice Two layers", "--set preparation.layers=2", "≥ "):
        assert text in result.stdout
    assert result.stderr.splitlines()[-1].startswith("qep: target_error: 0.2 is not reached by any number of shots")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "The plan is not ready: " in page.read_text(encoding="utf-8")
    answer = CliRunner().invoke(cli, ["plan", str(spec), "--target-error", "20%", "--json", "--no-choices"])
    document = json.loads(answer.stdout)
    assert answer.exit_code == 1 and document["ready"] is False and document["advice"]["asked"] == 0.2
    assert "prepared states" in document["reasons"][0] and document["choices"] is None


def test_the_remedy_names_the_choice_of_least_bias_even_if_it_misses_the_target_too(tmp_path):
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    answer = CliRunner().invoke(cli, ["plan", str(spec), "--target-error", "0.1%", "--json", "--choices"])
    document = json.loads(answer.stdout)
    given, *others = document["choices"]["rows"]
    least = min((row for row in others if row["own_error"] is not None), key=lambda row: row["own_error"])
    assert all(row["note"] for row in others) and least["own_error"] < 0.9 * given["own_error"]
    assert document["reasons"][1].endswith(f"has the smallest own error, {percent(least['own_error'])}")


def test_the_figure_shows_every_row(forecast):
    axes = forecast.plot()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [row.label for row in forecast.choices.rows]
    assert axes is qep.forecast(PROBLEM, **OPTIONS).plot(axes)


def test_many_weights_are_cut_to_those_that_carry_the_gradient(tmp_path):
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    keys = ["--set", "network.sites=16", "--set", "network.outputs=[8]", "--set", "device.name=statevector"]
    keys += ["--set", "measurement.mitigation=none", "--no-choices"]
    short, whole = (CliRunner().invoke(cli, ["plan", str(spec), *keys, *extra]).stdout for extra in ([], ["--all"]))
    assert "… and 7 more weights" in short and "J[7,8]" in short
    assert "more weights" not in whole and len(whole.splitlines()) > len(short.splitlines())
