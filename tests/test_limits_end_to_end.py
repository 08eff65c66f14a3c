"""Mean field, thermal and excited states and classical networks from the spec and the command line, and in comparisons."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
WEIGHTS = [0.9, 0.7, 0.1, -0.2, 0.3, 1.0, 0.8, 1.1]
PROBLEM = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]))
PREPARERS = {
    "mean_field": (qep.MeanField(), []),
    "thermal": (qep.Thermal(0.4), ["--set", "preparation.temperature=0.4"]),
    "exact": (qep.Exact(level=2), ["--set", "preparation.level=2"]),
}


def qep_run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


@pytest.fixture
def spec(small_spec):
    text = small_spec.read_text().replace('name = "simulator"', 'name = "statevector"').replace("shots = 500", "")
    small_spec.write_text(text)
    return small_spec


@pytest.mark.parametrize("method", PREPARERS)
@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_the_command_line_agrees_with_python(spec, method):
    preparer, options = PREPARERS[method]
    done = qep_run("gradient", spec, "--set", f"preparation.method={method}", *options, "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    expected = qep.gradient(PROBLEM, preparer=preparer, stencil=qep.symmetric(0.1), seed=7)
    np.testing.assert_allclose(printed["values"], expected.values, atol=1e-12)
    limit = qep.exact_gradient(PROBLEM, preparer=None if method == "mean_field" else preparer)
    np.testing.assert_allclose(printed["exact"], limit.values, atol=1e-8)


def test_a_classical_network_from_a_spec(spec):
    text = spec.read_text().replace("clamp", "").replace('edges = "chain"', 'edges = "chain"\ntransverse = false')
    spec.write_text(text.replace("g = [1.0, 0.8, 1.1]\n", ""))
    done = qep_run("gradient", spec, "--set", "stencil.beta=3.0", "--set", "sample.y=[-1.0]", "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["names"] == ["J[0,1]", "J[1,2]", "h[0]", "h[1]", "h[2]"] and any(printed["values"])
    assert printed["exact"] == [0.0] * 5


def test_phase_oscillators_from_a_spec(spec):
    spec.write_text(spec.read_text().replace('kind = "ising"', 'kind = "phase_oscillators"'))
    done = qep_run("gradient", spec, "--set", "preparation.method=mean_field", "--json")
    assert done.exit_code == 0, done.output
    network = qep.phase_oscillators(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]))
    expected = qep.gradient(problem, preparer=qep.MeanField(), stencil=qep.symmetric(0.1), seed=7)
    np.testing.assert_allclose(json.loads(done.stdout)["values"], expected.values, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["preparation.method=thermal"],
            "preparation.temperature: missing; give the temperature in units of the Hamiltonian, a number above 0",
        ),
        (["preparation.method=thermal", "preparation.temperature=0"], "preparation.temperature: 0 is not allowed"),
        (["preparation.method=thermal", "preparation.temperature=1.0", "measurement.shots=100"], "no device and no shots"),
        (["preparation.method=mean_field", "preparation.layers=2"], "preparation.layers = 2: unknown key"),
        (["preparation.method=mean_field", "preparation.starts=0"], "preparation.starts: 0 is not allowed"),
        (["preparation.level=-1"], "preparation.level: -1 is not allowed"),
        (["preparation.level=8"], "preparation.level: 8 is not allowed; 3 qubits have the levels 0 to 7"),
    ],
)
def test_wrong_input_gives_one_line(spec, options, line):
    done = qep_run("gradient", spec, *(part for option in options for part in ("--set", option)))
    assert done.exit_code == 2
    assert line in done.stderr and done.stderr.count("\n") == 1


def test_every_budget_shows_the_mean_field(spec, tmp_path):
    done = qep_run("compare", spec, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    names = ["exact", "finite_beta", "prepared", "device", "mitigated_limit", "shots", "mitigated"]
    assert [r["name"] for r in printed["rungs"]] == names
    column = printed["mean_field"]
    exact, classical = qep.exact_gradient(PROBLEM).values, qep.variational_gradient(PROBLEM, qep.MeanField(), seed=7).values
    np.testing.assert_allclose(column["values"], classical, atol=1e-9)
    assert column["relative_error"] == pytest.approx(np.linalg.norm(classical - exact) / np.linalg.norm(exact), rel=1e-6)
    assert column["cosine"] == pytest.approx(classical @ exact / np.linalg.norm(classical) / np.linalg.norm(exact), rel=1e-6)
    assert "mean field" in (tmp_path / "out" / "report.html").read_text()
    output = qep_run("compare", spec, "--out", tmp_path / "out").stdout
    assert "mean field (classical)" in output and "mean field" in output.split("weight")[1].splitlines()[0]


def test_a_mean_field_without_an_answer_says_why():
    network = qep.pauli(terms={"J": {"ZZ": -1, "XX": -1}, "Y": {"YY": 0.3}}, outputs=[{"ZZ": 1}])
    budget = qep.compare(qep.Problem(network, [1.0, 0.7], cost=qep.SquaredError([0.0])))
    assert budget.mean_field is not None and budget.mean_field.values is None
    assert "flat" in str(budget["mean_field"].note)
    assert budget["exact"].values is not None


@pytest.mark.parametrize("method", ["thermal", "exact"])
@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_budgets_of_thermal_and_excited_states_are_compared_with_their_own_limit(method):
    preparer = PREPARERS[method][0]
    budget = qep.compare(PROBLEM, preparer=preparer, stencil=qep.symmetric(0.01))
    np.testing.assert_allclose(budget["exact"].values, qep.exact_gradient(PROBLEM, preparer=preparer).values, atol=1e-9)
    assert budget["prepared"].relative_error is not None and budget["prepared"].relative_error < 0.01
