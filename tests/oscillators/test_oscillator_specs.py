"""Oscillator networks in a spec and on the command line: what Python gives, and one line for what is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load

SPEC = """
seed = 3
[network]
kind = "oscillators"
sites = 3
edges = "chain"
masses = [1.0, 2.0, 0.5]
inputs = [0]
outputs = [2]
biases = true
[weights]
k = [0.6, 0.8]
b = 0.1
[cost]
kind = "squared_error_observable"
[sample]
x = [0.5]
y = [1.0]
[stencil]
beta = 0.05
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "springs.toml"
    path.write_text(SPEC)
    return path


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_network_is_the_one_of_python(spec):
    problem = load(spec).problem()
    network = qep.oscillators(sites=3, masses=[1.0, 2.0, 0.5], inputs=[0], outputs=[2], biases=True)
    random = network.initial_weights(seed=3)
    weights = random | {"k[0,1]": 0.6, "k[1,2]": 0.8} | {f"b[{i}]": 0.1 for i in range(3)}
    other = qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]).observable())
    np.testing.assert_array_equal(problem.hamiltonian_row, other.hamiltonian_row)
    np.testing.assert_array_equal(qep.exact_gradient(problem).values, qep.exact_gradient(other).values)


def test_gradient_prints_values_and_exact_ones(spec):
    done = run("gradient", spec, "--json")
    assert done.exit_code == 0, done.stderr
    data = json.loads(done.stdout)
    problem = load(spec).problem()
    np.testing.assert_array_equal(data["exact"], qep.exact_gradient(problem).values)
    np.testing.assert_array_equal(data["values"], qep.gradient(problem, stencil=qep.symmetric(0.05)).values)
    assert data["stderr"] is None and data["names"][0] == "k[0,1]"
    assert run("gradient", spec).exit_code == 0


def test_compare_writes_a_page(spec, tmp_path):
    done = run("compare", spec, "--json", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    budget = json.loads(done.stdout)
    rungs = {rung["name"]: rung for rung in budget["rungs"]}
    assert budget["mean_field"]["note"] == "a closed form has no spins"
    assert 0 < rungs["prepared"]["relative_error"] < 0.01
    assert (tmp_path / "out" / "report.html").exists()


def test_an_operator_of_positions_is_a_cost(spec):
    change = ["cost.kind=observable", 'cost.operator={"r[0] r[2]" = 1.0, "p[1]^2" = 0.5}', "sample.y="]
    done = run("gradient", spec, "--json", *(word for c in change for word in ("--set", c)))
    assert done.exit_code == 0, done.stderr
    problem = load(spec).problem()
    operator = qep.ObservableCost({"r[0] r[2]": 1.0, "p[1]^2": 0.5})
    direct = qep.exact_gradient(qep.Problem(problem.network, problem.weights, problem.x, cost=operator))
    assert json.loads(done.stdout)["exact"] == direct.values.tolist()


def test_on_qubits_it_takes_shots_and_circuits(spec, tmp_path):
    change = ["network.levels=4", "network.encoding=gray", "network.sites=2", "network.masses=1.0", "network.outputs=[1]",
              "weights.k=0.5", "measurement.shots=500", "device.name=simulator", "preparation.method=vqe"]  # fmt: skip
    words = [word for c in change for word in ("--set", c)]
    done = run("gradient", spec, "--json", *words)
    assert done.exit_code == 0, done.stderr
    data = json.loads(done.stdout)
    assert len(data["stderr"]) == 5
    assert data["diagnostics"]["truncation"]["levels"] == 4
    assert data["provenance"]["network"]["encoding"] == "gray"
    done = run("compare", spec, "--json", "--out", tmp_path / "out", *words)
    assert done.exit_code == 0, done.stderr
    rungs = {rung["name"]: rung for rung in json.loads(done.stdout)["rungs"]}
    assert rungs["shots"]["stderr"] is not None and rungs["prepared"]["added"] < 1e-2


BAD = [
    (["network.masses=-1"], ["network.masses", "-1", "positive"]),
    (["network.masses=[1.0]"], ["network.masses", "expected 3"]),
    (["network.masses=heavy"], ["network.masses", '"heavy"', "above 0"]),
    (["network.clamp=true"], ["network.clamp", "unknown key", "oscillators"]),
    (["network.sites=0"], ["network.sites", "0", "from 1"]),
    (["network.outputs=[5]"], ["network.outputs", "5", "0 to 2"]),
    (["network.biases=1"], ["network.biases", "true or false"]),
    (["network.levels=3"], ["network.levels", "3", "power of two"]),
    (["network.levels=4.5"], ["network.levels", "4.5", "power of two"]),
    (["network.encoding=grey"], ["network.encoding", '"grey"', '"gray"']),
    (["weights.a=-1.0"], ["weights", "normal mode on sites", "squared frequency"]),
    (["measurement.shots=100"], ["measurement.shots", "100", "closed form"]),
    (["preparation.method=vqe"], ["preparation.method", "vqe", "closed form"]),
    (["cost.kind=observable", 'cost.operator={"r[9]" = 1.0}', "sample.y="], ["cost.operator", "r[9]", "0 to 2"]),
    (["stencil.beta=auto"], ["stencil.beta", "a network in closed form has none", '"adaptive"']),
    (["cost.kind=observable", "cost.operator={ZZI = 1.0}", "sample.y="], ["cost.operator", "closed form", "r[0]"]),
]


@pytest.mark.parametrize(("changes", "named"), BAD, ids=lambda value: value[0] if value[0].count("=") else "")
@pytest.mark.parametrize("verb", ["gradient", "compare"])
def test_errors_are_one_line(spec, verb, changes, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(verb, spec, *(word for change in changes for word in ("--set", change)))
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    for word in named:
        assert word in done.stderr


@pytest.mark.parametrize("extra", [[], ["network.levels=4", "measurement.shots=200"]], ids=["closed form", "qubits"])
def test_training_works_as_for_spins(spec, tmp_path, monkeypatch, extra):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("f,y\n1.0,0.3\n-2.0,-0.6\n0.5,0.15\n2.0,0.6\n")
    words = ["network.sites=2", "network.masses=1.0", "network.outputs=[1]", "weights.k=0.5", "cost.kind=squared_error",
             "data.source=data.csv", "data.held_out=0.0", "data.task=regression", "training.epochs=3",
             "sample.x=", "sample.y="]  # fmt: skip
    done = run("train", spec, "--json", *(word for c in [*words, *extra] for word in ("--set", c)))
    assert done.exit_code == 0, done.stderr
    history = json.loads(done.stdout)["history"]
    assert history[-1]["loss"] < history[0]["loss"] or extra
    assert (history[-1]["loss_stderr"] is not None) == bool(extra)
