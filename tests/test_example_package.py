"""examples/plugin, installed as a user installs it: its device and preparer are named in a spec like our own."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import qep_qiskit as qep
from qep_qiskit.experiment.loading import validated

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


def install(source, site):
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", str(site), str(source)], check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source")
    install(folder / "source", folder / "site")
    return folder / "site"


CALLS = """
import json, sys
from click.testing import CliRunner
from qep_qiskit.cli.main import cli
answers = [CliRunner().invoke(cli, words) for words in json.loads(sys.argv[1])]
print(json.dumps([[answer.exit_code, answer.stdout, answer.stderr] for answer in answers]))
"""


def called_in_turn(site, *calls):
    """Return exit code, output and errors of several calls in one process."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(qep.__file__).parents[1])])}
    command = [sys.executable, "-c", CALLS, json.dumps([[str(word) for word in words] for words in calls])]
    return json.loads(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)


def sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def answers(site):
    """The answers to all calls of the program, in one process."""
    spec = PLUGIN / "spec.toml"
    tables = tomllib.loads(spec.read_text())
    tables["preparation"] = {"method": "vqe", "layers": 1}
    cloud = site / "cloud.toml"
    cloud.write_text(tomli_w.dumps(tables))
    words = ("gradient", spec, "--json")
    calls = {
        "as it is": words,
        "noiseless": (*words, *sets("device.strength=0")),
        "shots": (*words, *sets("measurement.shots=500")),
        "shots again": (*words, *sets("measurement.shots=500")),
        "plan": ("plan", cloud, "--device", "cloud", *sets("preparation.method=vqe", "measurement.shots=1000")),
        **{setting: ("gradient", spec, *sets(setting)) for setting in ERRORS},
    }
    return dict(zip(calls, called_in_turn(site, *calls.values()), strict=True))


def test_a_spec_names_its_device_and_preparer(answers):
    code, answer, errors = answers["as it is"]
    assert code == 0, errors
    document, ideal = json.loads(answer), json.loads(answers["noiseless"][1])
    tables = tomllib.loads((PLUGIN / "spec.toml").read_text())
    exact = qep.gradient(validated({**tables, "preparation": {}, "device": {}}).problem(), stencil=qep.symmetric(0.1))
    np.testing.assert_allclose(ideal["values"], exact.values, atol=1e-3)
    np.testing.assert_allclose(document["predictions"], 0.95 * np.array(ideal["predictions"]), atol=1e-9)
    assert document["provenance"]["device"]["name"] == "depolarised"


def test_shots_have_an_error_bar_and_depend_on_the_seed_alone(answers):
    one, other = (json.loads(answers[name][1]) for name in ("shots", "shots again"))
    assert one["values"] == other["values"] and all(error > 0 for error in one["stderr"])


ERRORS = {
    "device.name=depolarized": '"statevector", "cloud", "depolarised"; did you mean \'depolarised\'?',
    "preparation.method=imaginary": '"thermal", "vqe", "imaginary_time"; did you mean \'imaginary_time\'?',
    "device.strenght=0.1": 'device.strenght = 0.1: unknown key; [device] with name = "depolarised" takes name, strength',
    "device.strength=strong": 'device.strength: "strong" is not allowed; give a number',
    "device.strength=2": "device.strength: 2.0 is not allowed; give a number from 0 to 1",
    "preparation.duration=-1": "preparation.duration: -1 is not allowed; give the imaginary time, a number above 0",
}


@pytest.mark.parametrize("setting", ERRORS)
def test_errors_are_one_line(answers, setting):
    code, _, errors = answers[setting]
    assert (code, errors.count("\n")) == (2, 1)
    assert ERRORS[setting] in errors


def test_a_plan_has_the_price_of_the_packages_backend(answers):
    code, output, errors = answers["plan"]
    assert code == 0, errors
    text = " ".join(output.split())
    assert "(0.3 credits per circuit + 0.00035 credits per shot)" in text and "QPU time about" not in text


def test_the_name_serves_in_python_and_listing_imports_nothing_of_the_package(site):
    code = """
import sys
from qep_qiskit.kinds import DEVICES, PREPARERS
assert "depolarised" in list(DEVICES) and "imaginary_time" in list(PREPARERS)
assert not any(name.startswith("qep_example_plugin") for name in sys.modules)
import qep_qiskit as qep
problem = qep.Problem(qep.ising(sites=2, outputs=[1]), [1.0, 0.2, 0.1, 1.0, 1.0], cost=qep.SquaredError([1.0]))
assert qep.gradient(problem, device="depolarised").provenance["device"]["name"] == "depolarised"
assert qep.device_named("depolarised", strength=0.5, seed=3).seed == 3
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(qep.__file__).parents[1])])}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)


def entry(site, package, group, name, target):
    """Write what an installed package without files of its own leaves: its entry point."""
    folder = site / f"{package}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")


BAD = {
    ("qep_qiskit.devices", "broken", "no_such_module:Device"): [
        "device.name=broken",
        '"broken" of the package bad-broken fails (ModuleNotFoundError',
    ],
    ("qep_qiskit.preparers", "exact", "math:cos"): ["preparation.method=exact", "bad-exact", "qep_qiskit", "ambiguous"],
    ("qep_qiskit.devices", "torino", "math:cos"): ["device.name=torino", "bad-torino", "ambiguous"],
}


@pytest.mark.parametrize("what", [*list(BAD)[:2], pytest.param(list(BAD)[2], marks=pytest.mark.slow)], ids=" ".join)
def test_a_bad_package_is_one_line_that_names_it(tmp_path, what):
    group, name, target = what
    entry(tmp_path, f"bad-{name}", group, name, target)
    setting, *words = BAD[what]
    usual = ("device.name=statevector", "device.strength=", "preparation.method=vqe", "preparation.duration=")
    [(code, _, errors)] = called_in_turn(tmp_path, ("gradient", PLUGIN / "spec.toml", *sets(*usual, setting)))
    assert (code, errors.count("\n")) == (2, 1), errors
    assert all(word in errors for word in words), errors
