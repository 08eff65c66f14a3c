"""A sweep's folder: whose rows they are, one writer, rows that stay, and points that are bad."""

import csv
import json
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import DeviceError
from qep_qiskit.sweeps import Row, axis_of, opened, sweep

SPEC = """
seed = 3
network = {kind = "ising", sites = 3, edges = "chain", inputs = [0], outputs = [2]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
"""
TRAINING = """
network = {kind = "ising", sites = 4, clamp = true, inputs = [0, 1], outputs = [3], edges = [[0,2],[0,3],[1,2],[1,3],[2,3]]}
cost = {kind = "squared_error"}
data = {source = "d.csv", held_out = 0.0}
training = {bounds = {g = [0.3, 2.0]}, epochs = 1, batch_size = 4}
"""
DATA = "a,b,y\n1,1,1\n-1,1,0\n1,-1,0\n-1,-1,1\n"
QASM = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a_0;
input float[64] a_1;
qubit[3] q;
ry(a_0) q[0];
ry(a_1) q[2];
cx q[0], q[1];
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(SPEC)
    (tmp_path / "t.toml").write_text(TRAINING)
    (tmp_path / "d.csv").write_text(DATA)
    (tmp_path / "a.qasm").write_text(QASM)
    return tmp_path


def swept(*words):
    result = CliRunner().invoke(cli, ["sweep", *words], standalone_mode=False)
    return result.return_value or 0, result.output


def table(folder):
    return json.loads((folder / "sweep.json").read_text())


def half_done(folder):
    """Take the second half of a finished sweep's rows away, as if it had been stopped."""
    whole = table(folder)
    whole["rows"] = whole["rows"][: len(whole["rows"]) // 2]
    (folder / "sweep.json").write_text(json.dumps({**whole, "complete": False}))


CHANGES = {
    "a cell of a CSV file": ("d.csv", DATA.replace("-1,-1,1", "-1,-1.5,1"), ["t.toml", "--over", "seed=0,1"]),
    "a gate of a circuit": (
        "a.qasm",
        QASM.replace("ry(a_1)", "rx(a_1)"),
        ["s.toml", "--over", "seed=0,1", "--set", "preparation.method=vqe", "--set", "preparation.ansatz=a.qasm"],
    ),
    "a file that only one point needs": (
        "a.qasm",
        QASM + "h q[1];\n",
        ["s.toml", "--set", "preparation.method=vqe", "--over", "preparation.ansatz=real_amplitudes,a.qasm"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_file_that_changed_is_named_and_nothing_is_mixed(here, case):
    name, text, words = CHANGES[case]
    before = (here / name).read_text()
    code, output = swept(*words, "--out", "w")
    assert code == 0, output
    half_done(here / "w")
    (here / name).write_text(text)
    code, output = swept(*words, "--out", "w")
    assert code == 2 and f"the file {name} changed since it began" in output and output.count("\n") == 1
    assert len(table(here / "w")["rows"]) == 1
    (here / name).write_text(before)
    assert swept(*words, "--out", "w")[0] == 0
    assert table(here / "w")["complete"]


def test_other_versions_are_named(here):
    swept("s.toml", "--over", "seed=0,1", "--out", "w")
    whole = table(here / "w")
    whole["versions"]["numpy"] = "1.0"
    (here / "w" / "sweep.json").write_text(json.dumps(whole))
    code, output = swept("s.toml", "--over", "seed=0,1", "--out", "w")
    assert code == 2 and "its version of numpy is 1.0, not" in output


def test_a_sweep_of_an_older_version_resumes(here):
    swept("s.toml", "--over", "seed=0,1", "--out", "w")
    half_done(here / "w")
    older = {key: value for key, value in table(here / "w").items() if key not in ("files", "versions")}
    (here / "w" / "sweep.json").write_text(json.dumps(older))
    assert swept("s.toml", "--over", "seed=0,1", "--out", "w")[0] == 0
    assert table(here / "w")["complete"] and "versions" in table(here / "w")


def test_a_second_process_learns_of_the_first(here):
    axes = [axis_of("seed=0,1")]
    with opened(here / "w", "text", axes, {}) as sweep:
        sweep.add(Row(0, {"seed": 0}, {"loss": 1.0}))
        code, output = swept("s.toml", "--over", "seed=0,1", "--out", "w")
        assert code == 3 and "has been writing since" in output and output.count("\n") == 1
    with opened(here / "w", "text", axes, {}) as again:
        assert [row.number for row in again.rows] == [0]


def test_no_save_makes_a_file_shorter(here):
    axes, row = [axis_of("seed=0..9")], Row(3, {"seed": 3}, {"loss": float("nan")})
    with opened(here / "w", "text", axes, {}) as slow:
        slow.add(row)
        with opened(here / "other", "text", axes, {}) as quick:  # another machine, which saw no lock
            quick.rows = [Row(k, {"seed": k}, {"loss": 1.0}) for k in range(10)]
            quick.save()
        (here / "other" / "sweep.json").replace(here / "w" / "sweep.json")
        slow.add(Row(4, {"seed": 4}, {"loss": 2.0}))
        slow.save()
        assert [row["number"] for row in table(here / "w")["rows"]] == list(range(10)) and table(here / "w")["complete"]
        (here / "w" / "sweep.json").write_text(json.dumps({**table(here / "w"), "spec": "another"}))
        with pytest.raises(qep.InputError, match="was given to another sweep"):
            slow.save()
        assert table(here / "w")["spec"] == "another"


def test_a_folder_in_which_nothing_was_kept_is_not_left_behind(here):
    with pytest.raises(RuntimeError), opened(here / "a" / "b", "text", [axis_of("seed=0,1")], {}):
        raise RuntimeError
    assert not (here / "a").exists()


BAD = {
    "a graph that leaves a site out": (["--over", 'network.edges="chain",[[0,1]],"ring"'], [1]),
    "a site out of range": (["--over", "network.outputs=[1],[7],[2]"], [1]),
    "inputs that do not fit": (["--over", "sample.x=[0.5],[0.1,0.2]"], [1]),
    "the first": (["--over", "network.edges=[[0,1]],chain"], [0]),
    "two axes": (["--over", "network.edges=[[0,1]],chain", "--over", "seed=0,1"], [0, 1]),
    "a file that is missing": (
        ["--set", "preparation.method=vqe", "--over", "preparation.ansatz=real_amplitudes,none.qasm"],
        [1],
    ),
}


@pytest.mark.parametrize("checked", [200, 0])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_point_is_a_row_that_says_why_and_the_rest_runs(here, case, checked, monkeypatch):
    monkeypatch.setattr(sweep, "CHECKED", checked)
    words, bad = BAD[case]
    code, output = swept("s.toml", *words, "--out", "w")
    assert code == 0, output
    rows = table(here / "w")["rows"]
    assert [row["number"] for row in rows if row["problem"]] == bad
    assert all(row["numbers"]["loss"] > 0 for row in rows if row["number"] not in bad)
    assert "no numbers at " in output
    with open(here / "w" / "sweep.csv", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [k for k, line in enumerate(lines) if line["problem"]] == bad and len(lines) == len(rows)


def test_a_sweep_whose_points_are_all_bad_is_refused_and_writes_nothing(here):
    code, output = swept("s.toml", "--over", "seed=0,1", "--set", "network.edges=[[0,1]]", "--out", "w")
    assert code == 2 and output.startswith("qep: --over seed=0: ") and "disconnected" in output and not (here / "w").exists()


@pytest.mark.parametrize("error", [DeviceError("the service is away"), ZeroDivisionError("by zero"), MemoryError()])
def test_a_point_that_failed_for_now_is_reported_and_measured_again(here, error, monkeypatch):
    measure = sweep.gradient_numbers

    def fails(spec):
        if spec.seed == 1:
            raise error
        return measure(spec)

    monkeypatch.setattr(sweep, "gradient_numbers", fails)
    code, output = swept("s.toml", "--over", "seed=0..2", "--out", "w")
    assert code == 0 and "no numbers at seed=1" in output
    assert [bool(row["problem"]) for row in table(here / "w")["rows"]] == [False, True, False]
    monkeypatch.setattr(sweep, "gradient_numbers", measure)
    assert swept("s.toml", "--over", "seed=0..2", "--out", "w")[0] == 0
    assert not any(row["problem"] for row in table(here / "w")["rows"])


def test_a_stopped_process_and_another_lose_no_row(here):
    command = [sys.executable, "-m", "qep_qiskit.cli", "sweep", "s.toml", "--over", "seed=0..400", "--out", "w"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not (here / "w" / "sweep.json").exists() and time.monotonic() < end:
            time.sleep(0.02)
        first.send_signal(signal.SIGSTOP)
        before = len(table(here / "w")["rows"])
        code, output = swept("s.toml", "--over", "seed=0..400", "--out", "w")
        assert code == 3 and "has been writing since" in output
        first.send_signal(signal.SIGCONT)
    finally:
        first.kill()
        first.wait()
    assert 0 < before <= len(table(here / "w")["rows"])
    with opened(here / "w", *_same(here)) as sweep:
        assert len(sweep.rows) >= before


def _same(here):
    whole = table(here / "w")
    return whole["spec"], [axis_of("seed=0..400")], whole["files"]
