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


def called(site, *words):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(qep.__file__).parents[1])])}
    command = [sys.executable, "-m", "qep_qiskit.cli", *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


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


def test_a_spec_names_its_device_and_preparer(site):
    words = ("gradient", PLUGIN / "spec.toml", "--json")
    (code, answer, errors), (_, noiseless, _) = called_in_turn(site, words, (*words, *sets("device.strength=0")))
    assert code == 0, errors
    document, ideal = json.loads(answer), json.loads(noiseless)
    tables = tomllib.loads((PLUGIN / "spec.toml").read_text())
    exact = qep.gradient(validated({**tables, "preparation": {}, "device": {}}).problem(), stencil=qep.symmetric(0.1))
    np.testing.assert_allclose(ideal["values"], exact.values, atol=1e-3)
    np.testing.assert_allclose(document["predictions"], 0.95 * np.array(ideal["predictions"]), atol=1e-9)
    assert document["provenance"]["device"]["name"] == "depolarised"


def test_shots_have_an_error_bar_and_depend_on_the_seed_alone(site):
    words = ("gradient", PLUGIN / "spec.toml", "--json", *sets("measurement.shots=500"))
    one, other = (json.loads(answer) for _, answer, _ in called_in_turn(site, words, words))
    assert one["values"] == other["values"] and all(error > 0 for error in one["stderr"])


@pytest.fixture(scope="module")
def refusals(site):
    """The answers to the wrong settings of ERRORS."""
    words = ("gradient", PLUGIN / "spec.toml")
    answers = called_in_turn(site, *((*words, *sets(setting)) for setting in ERRORS))
    return dict(zip(ERRORS, answers, strict=True))


ERRORS = {
    "device.name=depolarized": '"statevector", "cloud", "depolarised"; did you mean \'depolarised\'?',
    "preparation.method=imaginary": '"thermal", "vqe", "imaginary_time"; did you mean \'imaginary_time\'?',
    "device.strenght=0.1": 'device.strenght = 0.1: unknown key; [device] with name = "depolarised" takes name, strength',
    "device.strength=strong": 'device.strength: "strong" is not allowed; give a number',
    "device.strength=2": "device.strength: 2.0 is not allowed; give a number from 0 to 1",
    "preparation.duration=-1": "preparation.duration: -1 is not allowed; give the imaginary time, a number above 0",
}


@pytest.mark.parametrize("setting", ERRORS)
def test_errors_are_one_line(refusals, setting):
    code, _, errors = refusals[setting]
    assert (code, errors.count("\n")) == (2, 1)
    assert ERRORS[setting] in errors


def test_a_plan_has_the_price_of_the_packages_backend(site):
    settings = sets("preparation.method=vqe", "measurement.shots=1000")
    tables = tomllib.loads((PLUGIN / "spec.toml").read_text())
    tables["preparation"] = {"method": "vqe", "layers": 1}
    spec = site / "cloud.toml"
    spec.write_text(tomli_w.dumps(tables))
    run = called(site, "plan", spec, "--device", "cloud", *settings)
    assert run.returncode == 0, run.stderr
    text = " ".join(run.stdout.split())
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


@pytest.mark.parametrize(
    ("group", "name", "target", "setting", "words"),
    [
        (
            "qep_qiskit.devices",
            "broken",
            "no_such_module:Device",
            "device.name=broken",
            ['"broken" of the package bad-plugin fails (ModuleNotFoundError'],
        ),
        ("qep_qiskit.preparers", "exact", "math:cos", "preparation.method=exact", ["bad-plugin", "qep_qiskit", "ambiguous"]),
        ("qep_qiskit.devices", "torino", "math:cos", "device.name=torino", ["bad-plugin", "ambiguous"]),
    ],
)
def test_a_bad_package_is_one_line_that_names_it(tmp_path, group, name, target, setting, words):
    entry(tmp_path, "bad-plugin", group, name, target)
    run = called(
        tmp_path,
        "gradient",
        PLUGIN / "spec.toml",
        *sets("device.name=statevector", "device.strength=", "preparation.method=vqe", "preparation.duration=", setting),
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    for word in words:
        assert word in run.stderr
