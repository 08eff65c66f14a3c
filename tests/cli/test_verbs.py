"""The output and files of the verbs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.settings import Settings


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def run_json(*words):
    return json.loads(run(*words, "--json"), parse_constant=no_constant)


def test_gradient_json(small_spec):
    data = run_json("gradient", small_spec)
    assert {"names", "values", "stderr", "loss", "loss_stderr", "predictions", "diagnostics", "provenance"} <= set(data)
    assert data["names"] == ["J[0,1]", "J[1,2]", "h[0]", "h[1]", "h[2]", "g[0]", "g[1]", "g[2]"]
    assert len(data["values"]) == len(data["stderr"]) == len(data["exact"]) == 8
    assert len(data["predictions"]) == 1
    assert data["diagnostics"]["gap"] > 0
    assert [set(p) >= {"beta", "energy", "residual"} for p in data["diagnostics"]["phases"]] == [True] * 3


def test_gradient_is_the_one_of_python(small_spec):
    data = run_json("gradient", small_spec)
    spec = load(small_spec)
    direct = qep.gradient(spec.problem(), **spec.settings())
    np.testing.assert_array_equal(data["values"], direct.values)
    np.testing.assert_array_equal(data["stderr"], direct.stderr)
    np.testing.assert_allclose(data["exact"], qep.exact_gradient(spec.problem()).values)


def test_exact_expectations_have_no_error_bar(small_spec):
    data = run_json("gradient", small_spec, "--set", "measurement.shots=", "--set", "device.name=statevector")
    assert data["stderr"] is None
    assert data["loss_stderr"] is None
    np.testing.assert_allclose(data["values"], data["exact"], atol=0.02)


def test_the_bias_of_the_loss_by_shot_noise_is_reported(small_spec):
    few = ("--set", "measurement.shots=50", "--set", "sample.y=[0.3]", "--no-exact")
    data = run_json("gradient", small_spec, *few)
    assert data["loss_bias"] == pytest.approx(data["predictions_stderr"][0] ** 2)
    assert f"(of which shot noise adds {data['loss_bias']:.2g} on average)" in run("gradient", small_spec, *few)
    assert "shot noise adds" not in run("gradient", small_spec, "--set", "measurement.shots=1000000", "--no-exact")


def test_seed_repeats_and_changes(small_spec):
    first, again, other = (run_json("gradient", small_spec, "--seed", s, "--no-exact") for s in (1, 1, 2))
    assert first["values"] == again["values"]
    assert first["values"] != other["values"]
    assert first["exact"] is None


def test_set_reaches_the_network(small_spec):
    data = run_json("gradient", small_spec, "--set", "network.edges=ring", "--set", "weights.J=[0.9, 0.7, 0.2]")
    assert "J[0,2]" in data["names"]


def test_gradient_table(small_spec):
    text = run("gradient", small_spec)
    for part in ("weight", "±", "exact", "J[0,1]", "Loss", "Predictions", "Gap", "β = -0.1"):
        assert part in text
    exact = run("gradient", small_spec, "--set", "measurement.shots=")
    assert "±" not in exact.replace("gradient ± error", "")


def test_gradient_with_inputs(small_spec):
    data = run_json("gradient", small_spec, "--inputs")
    without = run_json("gradient", small_spec)
    assert "input_values" not in without and data["values"] == without["values"]
    problem, settings = load(small_spec).problem(), load(small_spec).settings()
    direct = qep.gradient(problem, inputs=True, **settings)
    np.testing.assert_array_equal(data["input_values"], direct.input_values)
    np.testing.assert_array_equal(data["input_stderr"], direct.input_stderr)
    np.testing.assert_allclose(data["exact_input_values"], qep.exact_gradient(problem, inputs=True).input_values)
    text = run("gradient", small_spec, "--inputs")
    assert "Gradient with respect to the inputs" in text and "x[0]" in text


def test_compare_writes_four_files(small_spec, tmp_path):
    out = tmp_path / "deep" / "er"
    text = run("compare", small_spec, "--out", out)
    assert text.splitlines()[-1] == str(out / "report.html")
    assert sorted(p.name for p in out.iterdir()) == ["budget.json", "budget.png", "report.html", "spec.toml"]
    budget = json.loads((out / "budget.json").read_text(), parse_constant=no_constant)
    names = [rung["name"] for rung in budget["rungs"]]
    assert names[0] == "exact"
    assert "shots" in names
    assert load(out / "spec.toml").tables == load(small_spec).tables
    assert (out / "budget.png").read_bytes()[:4] == b"\x89PNG"
    page = (out / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")


def test_compare_json_and_default_folder(small_spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = run_json("compare", small_spec, "--set", "stencil.beta=0.2")
    assert {"names", "rungs", "diagnostics", "provenance", "settings", "files"} <= set(data)
    folder = Path("hardware_runs/small")
    assert data["files"]["folder"] == str(folder)
    assert "beta = 0.2" in (folder / "spec.toml").read_text()
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_interrupted_compare_keeps_its_rungs(small_spec, tmp_path, monkeypatch):
    from qep_qiskit.comparison import Climb

    whole = Climb.rungs

    def cut(climb):
        for number, rung in enumerate(whole(climb)):
            yield rung
            if number == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(Climb, "rungs", cut)
    result = CliRunner().invoke(cli, ["compare", str(small_spec), "--out", str(tmp_path / "out")])
    assert result.exit_code == 130
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert "2 rungs" in lines[0]
    assert str(tmp_path / "out" / "budget.json") in lines[0]
    budget = json.loads((tmp_path / "out" / "budget.json").read_text())
    assert [rung["name"] for rung in budget["rungs"]] == ["exact", "finite_beta"]
    monkeypatch.setattr(Climb, "rungs", whole)
    again = CliRunner().invoke(cli, ["compare", str(small_spec), "--out", str(tmp_path / "out"), "--json"])
    assert again.exit_code == 0 and "Resuming: 2 of 7 rungs are kept" in again.stderr
    resumed = json.loads(again.stdout)
    assert resumed["rungs"][:2] == budget["rungs"] and len(resumed["rungs"]) == 7


LONG_SPEC = """
[network]
kind = "ising"
sites = 12
inputs = [0]
outputs = [11]
[cost]
kind = "squared_error"
[sample]
x = [0.5]
y = [1.0]
[preparation]
method = "vqe"
layers = 12
starts = 1000
"""


STENCIL = """
[stencil]
kind = "symmetric"
beta = 0.1
"""


@pytest.mark.slow
@pytest.mark.parametrize(("stencil", "rungs"), [(STENCIL, ["exact", "finite_beta"]), ("", ["exact"])], ids=["given", "adaptive"])
def test_control_c_of_a_real_program(tmp_path, stencil, rungs):
    (tmp_path / "long.toml").write_text(LONG_SPEC + stencil)
    words = [sys.executable, "-m", "qep_qiskit.cli", "compare", "long.toml"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    time.sleep(12)
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    lines = [line for line in stderr.splitlines() if not re.match(r"qep: \d+ s: ", line)]
    assert len(lines) <= 1 + len(rungs), stderr
    assert f"{len(rungs)} rung{'s' * (len(rungs) > 1)} of 7 kept" in lines[-1]
    assert stdout == ""
    budget = json.loads((tmp_path / "hardware_runs" / "long" / "budget.json").read_text())
    assert [rung["name"] for rung in budget["rungs"]] == rungs


def test_an_interrupted_comparison_keeps_its_rungs_without_computing(monkeypatch):
    """Preparing a state takes too long after Ctrl-C, so the rungs must be kept without one."""
    from qep_qiskit import comparison

    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([1.0]))
    climb = comparison.Climb(problem, Settings(preparer=qep.VQE(layers=1)))
    assert next(climb.rungs()).name == "exact"
    monkeypatch.setattr(comparison, "plan", lambda *args, **options: pytest.fail("a state is prepared"))
    budget = climb.budget()
    assert [rung.name for rung in budget.rungs] == ["exact"]
    assert budget.settings["stencil"] == {"kind": "symmetric", "beta": None, "chosen": "adaptive"}


def test_devices():
    devices = run_json("devices")["devices"]
    names = {device["name"]: device["qubits"] for device in devices}
    assert {"statevector", "simulator", "aer", "fake_guadalupe"} <= set(names)
    assert names["fake_guadalupe"] == 16
    assert "fake_guadalupe" in run("devices")


def test_kinds():
    kinds = {kind["name"]: kind for kind in run_json("kinds", "preparation")["kinds"]}
    assert {"exact", "vqe", "thermal"} <= set(kinds)
    assert kinds["thermal"]["keys"][0]["name"] == "temperature" and kinds["thermal"]["keys"][0]["required"]
    layers = next(key for key in kinds["vqe"]["keys"] if key["name"] == "layers")
    assert layers == {
        "name": "layers",
        "required": False,
        "default": 3,
        "allowed": "the number of layers, a whole number from 1 to 1000",
    }
    assert "the number of layers" in run("kinds", "preparation")
    failed = CliRunner().invoke(cli, ["kinds", "preparations"])
    assert (failed.exit_code, failed.stderr.count("\n")) == (2, 1) and "did you mean 'preparation'" in failed.stderr


def test_circuits(tmp_path):
    entries = run_json("circuits", "list")["circuits"]
    chain = next(entry for entry in entries if entry["name"] == "ising_chain_4")
    assert chain["qubits"] == 4
    result = run_json("circuits", "show", "ising_chain_4")
    assert result["parameters"] == chain["parameters"]
    assert result["qasm"].count("input float") == chain["parameters"]
    assert "theta_000" in run("circuits", "show", "ising_chain_4")
    assert "ising_chain_4" in run("circuits", "list")
    target = tmp_path / "copy.qasm"
    assert run("circuits", "export", "ising_chain_4", target).strip() == str(target)
    assert run_json("circuits", "show", target)["depth"] == result["depth"]
    again = CliRunner().invoke(cli, ["circuits", "export", "ising_chain_4", str(target)])
    assert again.exit_code == 2
    assert len(again.stderr.splitlines()) == 1
    run("circuits", "export", "ising_chain_4", target, "--overwrite")


def test_circuit_of_a_spec(small_spec, tmp_path):
    result = CliRunner().invoke(cli, ["circuits", "export", str(small_spec), str(tmp_path / "a.qasm")])
    assert result.exit_code == 2
    assert "preparation.method" in result.stderr
    small_spec.write_text(small_spec.read_text() + '\n[preparation]\nmethod = "vqe"\nlayers = 2\n')
    data = run_json("circuits", "export", small_spec, tmp_path / "a.qasm")
    assert data["parameters"] == 2 * (2 + 3 + 3)
    assert (tmp_path / "a.qasm").exists()


def test_doctor():
    data = run_json("doctor")
    assert data["ok"] is True
    assert data["versions"]["qiskit"]
    assert [check["ok"] for check in data["checks"]] == [True] * 3
    assert "All checks passed" in run("doctor")
