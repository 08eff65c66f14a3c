"""Paths of users: a file of theirs is never lost, a path that cannot be used is one line, and a link is followed."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from specs import ising

from qep_qiskit.cli.main import cli

TRAINING = """
# of the user
seed = 1
network = {kind = "ising", sites = 3, clamp = true, inputs = [0, 1], outputs = [2], edges = [[0, 2], [1, 2]]}
cost = {kind = "squared_error"}
data = {source = "xor", samples = 8}
training = {bounds = {g = [0.3, 2.0]}, epochs = 1, batch_size = 8}
"""
LONG = "n" * 300


def said(*words):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    return done.exit_code, done.stderr.strip()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text("# of the user\n" + ising(3))
    Path("t.toml").write_text(TRAINING)


def contents():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "spec.toml", "--out", ".", "--seed", "8"],
        ["compare", "spec.toml", "--out", ".", "--set", "sample.x=[0.9]"],
        ["compare", Path("..", "{}", "spec.toml"), "--out", ".", "--device", "simulator"],
        ["train", "t.toml", "--run", "."],
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_a_spec_of_the_user_is_not_overwritten(words):
    before = contents()
    code, line = said(*[str(word).format(Path.cwd().name) for word in words])
    assert code == 2 and "\n" not in line and "spec.toml would be overwritten" in line
    assert contents() == before


def test_a_comparison_beside_its_spec_leaves_it(tmp_path):
    assert said("compare", "spec.toml", "--out", ".")[0] == 0
    assert Path("spec.toml").read_text().startswith("# of the user") and Path("report.html").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["gradient", LONG],
        ["compare", LONG],
        ["report", LONG],
        ["runs", "list", LONG],
        ["train", "--resume", LONG],
        ["compare", "spec.toml", "--out", LONG],
        ["train", "t.toml", "--run", LONG],
        ["sweep", "spec.toml", "--over", "seed=1", "--out", LONG],
        ["plan", "spec.toml", "--page", LONG],
        ["plan", "spec.toml", "--plot", LONG],
        ["init", "-o", LONG],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_a_path_that_cannot_be_used_is_wrong_input(words):
    before = contents()
    code, line = said(*words)
    assert code == 2 and "\n" not in line and "File name too long" in line
    assert contents() == before


@pytest.mark.parametrize(
    "words",
    [
        ["circuits", "show", LONG],
        ["gradient", "spec.toml", "--set", "preparation.method=vqe", "--set", f"preparation.ansatz={LONG}"],
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_no_file_can_have_is_an_unknown_circuit(words):
    before = contents()
    code, line = said(*words)
    assert code == 2 and "\n" not in line and "circuits list" in line
    assert contents() == before


@pytest.mark.parametrize("option", ["--page", "--plot"])
@pytest.mark.parametrize(("path", "why"), [("no/x.svg", "does not exist"), ("", "is a folder")])
def test_the_files_of_a_plan_are_checked_before_its_work(option, path, why, monkeypatch):
    monkeypatch.setattr("qep_qiskit.forecasting.planner.answered", None)
    code, line = said("plan", "spec.toml", option, path)
    assert code == 2 and "\n" not in line and f"{option}: " in line and why in line


def test_a_link_is_written_through():
    os.symlink("elsewhere.html", "page.html")
    assert said("plan", "spec.toml", "--set", "measurement.shots=10", "--no-choices", "--page", "page.html")[0] == 0
    assert Path("page.html").is_symlink() and Path("elsewhere.html").is_file()


def test_a_starter_in_a_file_whose_name_is_not_utf8():
    assert said("init", "-o", "na\udcefve.toml")[0] == 0
    assert said("gradient", "na\udcefve.toml", "--no-exact")[0] == 0


def test_a_file_without_permission_is_named(monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    Path("mine.qasm").write_text("")
    monkeypatch.setattr("qep_qiskit.ansatz.qasm.read_openqasm", refused)
    code, line = said("circuits", "show", "mine.qasm")
    assert code == 2 and line == "qep: ansatz: mine.qasm cannot be read: Permission denied; give another file"


def test_a_folder_without_permission_is_named(monkeypatch):
    def refused(*words, **more):
        raise PermissionError(13, "Permission denied", "t/run.lock.part")

    monkeypatch.setattr("qep_qiskit.runs.file.lock.os.link", refused)
    code, line = said("sweep", "spec.toml", "--over", "seed=1", "--out", "t")
    assert code == 2 and line == "qep: t: Permission denied; give another path or permission"


def test_a_training_without_a_service_has_nothing_to_cancel():
    assert said("train", "t.toml", "--run", "t")[0] == 0
    code, line = said("cancel", "t")
    assert code == 2 and "measured on 'statevector', which answers at once, so it has no jobs" in line


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(monkeypatch):
    assert said("train", "t.toml", "--run", "t")[0] == 0

    def refused(*words, **more):
        raise PermissionError(13, "Permission denied", "t/run.db")

    monkeypatch.setattr("qep_qiskit.runs.file.store.RunStore.open", refused)
    assert said("runs", "list", ".") == (0, "t/run.db: Permission denied")
