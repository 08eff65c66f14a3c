"""The distance of the circuits' gradient from the exact one: its value, its reference, and what is said where it is not known."""

import json

import numpy as np
import pytest
import specs
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.forecasting import noise_free
from qep_qiskit.forecasting.noise_free import NoiseFreeError, noise_free_error
from qep_qiskit.reference import selection
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
WEIGHTS = NETWORK.initial_weights(seed=7)
RAMP = qep.Adiabatic(time=1.0, steps=2)
STENCIL = qep.symmetric(0.2)


@pytest.fixture(autouse=True)
def nothing_known():
    noise_free._LATEST.clear()
    selection._LATEST.clear()


def problem_of(observable: bool) -> qep.Problem:
    cost = qep.SquaredError([1.0])
    return qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=cost.observable() if observable else cost)


def first_of(problem: qep.Problem, **options: object):
    return plan(problem, Settings(**{"preparer": RAMP, "stencil": STENCIL, "device": qep.aer(), "shots": 100, **options}))


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("observable", [True, False])
@pytest.mark.parametrize("stencil", [STENCIL, qep.extrapolated(0.1)])
def test_it_is_the_distance_of_two_noise_free_gradients(observable, stencil):
    problem = problem_of(observable)
    error = noise_free_error(first_of(problem, stencil=stencil))
    values, truth = (qep.gradient(problem, preparer=each, stencil=stencil).values for each in (RAMP, qep.Exact()))
    assert error.share == pytest.approx(np.linalg.norm(values - truth) / np.linalg.norm(truth), rel=1e-6)
    assert error.share > 0.1 and error.beta == stencil.beta
    assert str(error).startswith(
        f"noise-free gradient of these circuits: {100 * error.share:.0f} % from the exact one at the same β"
    )


def test_an_adapted_beta_is_the_same_in_both():
    first = first_of(problem_of(True), stencil=qep.symmetric())
    assert noise_free_error(first).beta == first.stencil.beta


def test_many_qubits_are_compared_with_matrix_product_states(monkeypatch):
    first = first_of(problem_of(True))
    dense = noise_free_error(first)
    monkeypatch.setattr(selection, "DENSE_QUBITS", 3)
    noise_free._LATEST.clear()
    selection._LATEST.clear()
    tensor = noise_free_error(first)
    assert tensor.share == pytest.approx(dense.share, rel=1e-4)
    assert "matrix product states, bond dimension 24" in str(tensor) and "ground states" in str(dense)


def test_a_deep_ramp_on_many_qubits_is_not_known():
    network = qep.ising(sites=30, edges="complete", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    error = noise_free_error(first_of(problem))
    assert error.share is None and "depends on 30 qubits" in error.reason


def test_the_same_question_is_answered_once(monkeypatch):
    first = first_of(problem_of(True))
    answer = noise_free_error(first)
    monkeypatch.setattr(noise_free, "_computed", None)
    assert noise_free_error(first_of(problem_of(True), shots=50)) is answer


SPEC = specs.ising(3, cost="squared_error_observable", seed=0)
SPEC += """
[preparation]
method = "adiabatic"
time = 1.0
steps = 2
[measurement]
shots = 200
[device]
name = "ibm_brisbane"
"""


def test_a_plan_says_it(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    words = ["plan", str(path), "--device", "fake_brisbane", "--json", "--no-choices"]
    planned = CliRunner().invoke(cli, words, catch_exceptions=False)
    error = json.loads(planned.stdout)["noise_free_error"]
    assert error["share"] > 0.05 and error["reference"] == "ground states"


@pytest.mark.slow
def test_plan_and_submit_say_it_before_the_price(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    runner = CliRunner()
    home = str(tmp_path / "run")
    answer = runner.invoke(cli, ["rehearse", str(path), "--run", home, "--noise", "none", "--json"], catch_exceptions=False)
    document = json.loads(answer.stdout)
    share = document["noise_free_error"]["share"]
    assert document["state"] == "done" and share > 0.05
    shown = runner.invoke(cli, ["rehearse", str(path), "--run", home + "-2", "--noise", "none"], catch_exceptions=False).stdout
    sentence = "oise-free gradient of these circuits: "
    assert shown.count(sentence) == 2
    assert shown.rindex(sentence) < shown.index("shots in all")
    planned = runner.invoke(cli, ["plan", str(path), "--device", "fake_brisbane", "--json"], catch_exceptions=False)
    assert json.loads(planned.stdout)["noise_free_error"] == json.loads(
        json.dumps(NoiseFreeError(share, 0.2, "ground states").to_dict())
    )
