"""`qep train`: from a spec to a run, resumed after a stop; and the input that it refuses."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import points
import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli

SPEC = """
seed = 3
[network]
kind = "ising"
sites = 4
edges = [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
inputs = [0, 1]
outputs = [3]
clamp = true
[cost]
kind = "squared_error"
[measurement]
shots = 60
[data]
source = "xor"
samples = 12
held_out = 0.5
[training]
epochs = 3
batch_size = 2
learning_rate = 0.1
compare_every = 4
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "task.toml"
    path.write_text(SPEC)
    return str(path)


def called(*words):
    result = CliRunner().invoke(cli, ["train", *words])
    return result.exit_code, result.stdout, result.stderr


def numbers(text):
    document = json.loads(text)
    document.pop("run")
    for row in document["history"]:
        row.pop("seconds")
    return document


def test_a_run_from_a_spec(spec):
    code, out, err = called(spec, "--run", "run", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["run"] == "run" and document["steps"] == 9 and len(document["epochs"]) == 3 and document["shots"] > 0
    assert set(document["weights"]) == {"J[0,2]", "J[0,3]", "J[1,2]", "J[1,3]", "J[2,3]", "h[2]", "h[3]", "g[2]", "g[3]"}
    assert document["mean_cosine"] is not None and document["epochs"][-1]["validation_accuracy"] is not None
    assert (Path("run") / "spec.toml").read_text().count("[training]") == 1
    code, out, _ = called("--resume", "run")
    assert code == 0 and "held-out accuracy" in out and "Steps 9" in out
    report = CliRunner().invoke(cli, ["report", "run", "--json"])
    assert json.loads(report.stdout) == {"run": "run", "state": "done", "page": "run/report.html"}
    assert "Confusion matrix" in Path("run/report.html").read_text(encoding="utf-8")


def test_a_killed_and_resumed_training_is_the_same(spec):
    whole = numbers(called(spec, "--run", "whole", "--json")[1])
    command = [sys.executable, points.HERE, "step 4: kept", "qep_qiskit.cli", "train"]
    done = subprocess.run([*command, spec, "--run", "killed"], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    os.remove(spec)  # the run stands alone
    code, out, _ = called("--resume", "killed", "--json")
    assert code == 0 and numbers(out) == whole


def test_interrupts_say_how_to_resume(spec):
    code = (
        "import os, signal, sys\nfrom qep_qiskit.runs import turning_points\nfrom qep_qiskit.cli.main import cli\n"
        "def reached(name):\n    if name == 'step 2: kept': os.kill(os.getpid(), signal.SIGINT)\n"
        f"turning_points.observer = reached\nsys.exit(cli.main(['train', {spec!r}, '--run', 'run'], standalone_mode=False))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr == "qep: interrupted; 2 of 9 steps are kept in run; `qep train --resume run` resumes it\n"
    assert called("--resume", "run")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "SPEC: missing; give a spec, or --resume and a run"),
        (["--resume", "nothing"], "run: no run is called 'nothing'"),
        (["SPEC", "--resume", "run"], "--resume: resumes a run as it was begun; leave out SPEC"),
        (["SPEC", "--set", "training.epoch=3"], "training.epoch = 3: unknown key; [training] takes"),
        (["SPEC", "--set", "training.optimizer=adm"], 'training.optimizer: "adm" is not allowed; give one of "sgd"'),
        (["SPEC", "--set", "training.bounds={ J = [1.0] }"], "training.bounds.J: [1.0] is not allowed"),
        (["SPEC", "--set", "training.soft_cutoff={ J = [1.0] }"], "training.soft_cutoff.J: [1.0] is not allowed"),
        (["SPEC", "--set", "data.source=mons"], 'data.source: "mons" is not allowed; give one of'),
        (["SPEC", "--set", "data.source=digits"], "network.inputs: 2 inputs for the 64 features of digits; give as many"),
        (["SPEC", "--set", "data.source=none.csv"], "data.source: none.csv: no such file"),
        (["SPEC", "--set", "data.held_out=1.0"], "data.held_out: 1.0 is not allowed; give the share of the samples"),
        (
            ["SPEC", "--set", "network.outputs=[2, 3]", "--set", "data.source=blobs"],
            "network.outputs: 2 outputs for 3 classes; give 3",
        ),
    ],
)
def test_bad_input_is_refused(spec, words, message):
    code, out, err = called(*[spec if word == "SPEC" else word for word in words])
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert not Path("run").exists()


def test_a_spec_without_data_trains_on_its_sample(spec):
    text = SPEC.split("[measurement]")[0] + "[sample]\nx = [0.5, -0.5]\ny = [0.3]\n[training]\nepochs = 20\nlearning_rate = 0.1\n"
    Path(spec).write_text(text)
    code, out, _ = called(spec, "--run", "run", "--json")
    document = json.loads(out)
    assert code == 0 and document["history"][-1]["loss"] < 0.1 * document["history"][0]["loss"]
    assert numbers(called("--resume", "run", "--json")[1])["weights"] == document["weights"]


@pytest.mark.parametrize("name", ["two words", "it's", "a;b"])
def test_the_commands_that_messages_name_can_be_typed_as_they_stand(spec, name):
    code, out, err = called(spec, "--run", name, "--set", "training.epochs=1")
    assert code == 0, err
    words = shlex.split(out.rpartition("`qep ")[2].partition("`")[0])
    assert words == ["report", name]
