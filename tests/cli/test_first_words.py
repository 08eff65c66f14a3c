"""A newcomer's first commands: an unknown verb, a spec of the other kind, long names in a pipe, a second import."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import VERBS, cli

TRAINING = """
seed = 1
network = {kind = "ising", sites = 3, clamp = true, inputs = [0, 1], outputs = [2], edges = [[0, 2], [1, 2]]}
cost = {kind = "squared_error"}
data = {source = "xor", samples = 8}
training = {bounds = {g = [0.3, 2.0]}, epochs = 2, batch_size = 4}
"""


def said(*words):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr.strip()


@pytest.fixture
def training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.toml").write_text(TRAINING)
    return Path("t.toml")


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["gradiant"], "gradient"),
        (["comapre", "x.toml"], "compare"),
        (["trian", "--seed", "3"], "train"),
        (["runs", "lits"], "list"),
        (["runs", "imprt", "x.json"], "import"),
        (["circuits", "exprt"], "export"),
    ],
)
def test_an_unknown_verb_suggests_the_nearest(words, nearest):
    code, out, line = said(*words)
    assert code == 2 and not out and "\n" not in line
    assert f"did you mean '{nearest}'?" in line


def test_a_word_unlike_any_verb_lists_all_verbs():
    code, _, line = said("zzz")
    assert code == 2 and all(verb in line for verb in VERBS)


@pytest.mark.parametrize("verb", ["gradient", "compare"])
def test_a_training_spec_is_referred_to_qep_train(training, verb):
    code, _, line = said(verb, training)
    assert code == 2 and "\n" not in line and "use `qep train t.toml`" in line
    assert {path.name for path in Path.cwd().iterdir()} == {"t.toml"}


def test_a_spec_with_data_and_a_sample_serves_both(training):
    training.write_text(TRAINING + "sample = {x = [0.5, -0.5], y = [1.0]}\n")
    assert said("gradient", training, "--json")[0] == 0
    assert said("train", training, "--run", "r", "--json")[0] == 0


def test_names_in_a_pipe_are_whole(training):
    folder = Path("a-run-with-a-name-of-many-letters", *["and-more-of-them"] * 8)
    assert said("train", training, "--run", folder)[0] == 0
    listed = subprocess.run(
        [sys.executable, "-m", "qep_qiskit.cli", "runs", "list", "."],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "40", "PATH": "", "PYTHONUTF8": "1"},
    ).stdout
    assert any(line.split()[0] == str(folder) for line in listed.splitlines())
    assert len(listed.splitlines()) == 2


def test_a_training_is_shown_with_its_loss(training):
    assert said("train", training, "--run", "r", "--set", "training.epochs=30")[0] == 0
    code, out, _ = said("runs", "show", "r")
    assert code == 0 and "training loss" in out and "held-out loss" in out
    rows = [line.split() for line in out.splitlines() if line.split()[:1] in (["1"], ["2"], ["30"])]
    assert len(rows) == 3 and all(float(row[1]) > 0 for row in rows)
    assert len(out.splitlines()) < 30


def test_a_training_from_python_is_shown_with_its_loss(tmp_path):
    network = qep.ising(sites=2, inputs=[0], outputs=[1])
    result = qep.train(network, [[0.5], [-0.5], [0.1]], [0.3, -0.3, 0.1], epochs=1, batch_size=2, run=tmp_path / "r")
    code, out, _ = said("runs", "show", tmp_path / "r")
    assert code == 0 and f"{result.epochs[0]['train_loss']:.4g}" in out


def test_a_second_import_names_the_verb_that_resumes(training):
    assert said("train", training, "--run", "r")[0] == 0
    assert said("runs", "export", "r", "-o", "r.json")[0] == 0
    assert said("runs", "import", "r.json", "--run", "copy")[0] == 0
    code, _, line = said("runs", "import", "r.json", "--run", "copy")
    assert code == 2 and "`qep train --resume copy`" in line and "collect" not in line
    assert said("train", "--resume", "copy", "--json")[0] == 0  # as the line says
    assert "read-only" not in said("runs", "import", "--help")[1]


def test_a_second_import_of_a_training_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = qep.ising(sites=2, inputs=[0], outputs=[1])
    qep.train(network, [[0.5]], [0.3], epochs=1, run="r")
    assert said("runs", "export", "r", "-o", "r.json")[0] == 0
    code, _, line = said("runs", "import", "r.json", "--run", "r")
    assert code == 2 and "qep.train with the same arguments and run='r'" in line


def test_completion_is_mentioned_and_works():
    assert "_QEP_COMPLETE=bash_source qep" in said("--help")[1]
    done = subprocess.run(
        [sys.executable, "-m", "qep_qiskit.cli"],
        capture_output=True,
        text=True,
        env={"_QEP_COMPLETE": "bash_complete", "COMP_WORDS": "qep grad", "COMP_CWORD": "1", "PATH": ""},
        check=False,
    )
    assert "gradient" in done.stdout


def test_no_account_is_one_line_that_says_how_to_save_one(small_spec, monkeypatch, tmp_path):
    for name in ("QISKIT_IBM_TOKEN", "QEP_RUNTIME_URL", "QISKIT_IBM_CHANNEL", "QISKIT_IBM_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setattr("qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE", str(tmp_path / "none.json"))
    monkeypatch.chdir(tmp_path)
    for words in (["submit", small_spec, "--yes"], ["plan", small_spec]):
        code, _, line = said(*words, "--set", "device.name=ibm_torino")
        assert code in (1, 2) and "\n" not in line
        assert "save_account(" in line and "cannot be reached" not in line


def test_numbers_of_help_are_the_verbs():
    text = said("--help")[1]
    assert all(f"  {verb}" in text for verb in VERBS)
    assert np.all([said(verb, "--help")[0] == 0 for verb in VERBS])
