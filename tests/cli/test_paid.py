"""Whatever bills shows the price, asks, and writes before it sends, so that the same command resumes and pays nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli
from qep_qiskit.rehearsal.server import serve

SPEC = """seed = 7
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.3}
measurement = {shots = 300, mitigation = "tensored"}
device = {name = "ibm_lagos"}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.toml").write_text(SPEC)
    return tmp_path


@pytest.fixture
def service(monkeypatch):
    """Start a mock service, and point the program at it."""
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")

    def start(**options):
        server = stack.enter_context(serve(noise="none", **options))
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        return server

    with ExitStack() as stack:
        yield start


def qep(*words, answer=None):
    return CliRunner().invoke(cli, list(words), input=answer)


def jobs(server):
    return server.service.ledger()["jobs"]


COMMANDS = {
    "gradient": ("gradient", "g.toml"),
    "compare": ("compare", "g.toml", "--out", "c"),
    "sweep": ("sweep", "g.toml", "--over", "seed=0,1", "--out", "w"),
}


@pytest.mark.parametrize("name", ["gradient", *(pytest.param(n, marks=pytest.mark.slow) for n in ("compare", "sweep"))])
def test_nothing_is_sent_unasked_and_the_same_command_pays_once(name, home, service):
    server, words = service(), COMMANDS[name]
    refused = qep(*words)
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr and "nothing was sent" in refused.stderr
    assert "QPU seconds" in refused.stderr and "ibm_lagos" in refused.stderr
    assert jobs(server) == []
    assert not (home / "w/sweep.json").exists()
    first = qep(*words, "--yes", "--json")
    assert first.exit_code == 0, first.stderr
    assert "2 jobs" in first.stderr or "4 jobs" in first.stderr
    count = len(jobs(server))
    assert count == (4 if name == "sweep" else 2)
    again = qep(*words, "--json")
    assert again.exit_code == 0, again.stderr
    assert len(jobs(server)) == count
    one, other = json.loads(first.stdout), json.loads(again.stdout)
    key = {"gradient": "values", "compare": "settings", "sweep": "rows"}[name]
    assert one[key] == other[key]


def test_the_price_that_is_shown_is_what_is_sent(home, service):
    server = service()
    result = qep("gradient", "g.toml", "--yes", "--json")
    document = json.loads(result.stdout)["jobs"]
    circuits = sum(job["circuits"] for job in document)
    assert f"{len(document)} jobs, {circuits} circuits, {300 * circuits:,} shots in all" in result.stderr
    billed = sum(job["seconds"] for job in jobs(server))
    foreseen = float(result.stderr.split("about ")[1].split(" QPU")[0])
    assert foreseen == pytest.approx(billed, rel=0.5, abs=1.0)


def test_compare_and_gradient_share_a_run(home, service):
    server = service()
    assert qep("gradient", "g.toml", "--yes").exit_code == 0
    count = len(jobs(server))
    budget = qep("compare", "g.toml", "--out", "c", "--json")
    assert budget.exit_code == 0, budget.stderr
    assert len(jobs(server)) == count
    rungs = {rung["name"]: rung for rung in json.loads(budget.stdout)["rungs"]}
    assert rungs["shots"]["values"] and rungs["mitigated"]["values"]


def test_another_spec_is_another_run_and_a_folder_of_one_is_kept(home, service):
    server = service()
    assert qep("gradient", "g.toml", "--yes", "--run", "one").exit_code == 0
    other = qep("gradient", "g.toml", "--yes", "--run", "one", "--seed", "8")
    assert other.exit_code == 2
    assert "another experiment" in other.stderr
    count = len(jobs(server))
    assert qep("gradient", "g.toml", "--yes", "--seed", "8").exit_code == 0
    assert len(jobs(server)) == 2 * count


def test_run_goes_with_a_device_that_bills(home):
    result = qep("gradient", "g.toml", "--set", "device.name=statevector", "--run", "one")
    assert result.exit_code == 2
    assert "--run" in result.stderr


def test_a_training_point_is_refused_and_a_spec_without_data_does_not_train(home, service):
    server = service()
    data = 'data = {source = "xor", samples = 4}\n'
    (home / "t.toml").write_text(SPEC.replace("sample = {x = [0.5], y = [1.0]}\n", data))
    result = qep("sweep", "t.toml", "--over", "seed=0,1", "--yes", "--set", "network.inputs=[0,1]")
    assert result.exit_code == 2
    for words in (("train", "g.toml"), ("train", "g.toml", "--set", "device.name=statevector"), ("train", "g.toml", "--yes")):
        result = qep(*words)
        assert result.exit_code == 2
        assert "[data]" in result.stderr and "qep gradient g.toml" in result.stderr
    assert jobs(server) == []


def test_a_bad_point_of_a_paid_sweep_is_a_row_and_the_rest_is_measured(home, service):
    server = service()
    done = qep("sweep", "g.toml", "--over", "weights.g=[0.0,0.0],[1.0,1.0]", "--set", "weights.h=[0,0]",
               "--set", "sample.x=[0.0]", "--out", "w", "--yes", "--json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert "degenerate" in rows[0]["problem"]
    assert rows[1]["numbers"]["shots"] > 0
    assert len(jobs(server)) == 2


@pytest.mark.parametrize("name", ["gradient", *(pytest.param(n, marks=pytest.mark.slow) for n in ("compare", "sweep"))])
def test_killed_while_its_job_waits_the_same_command_resumes(name, home, service):
    server = service(queue_seconds=1.5)
    words = [sys.executable, "-m", "qep_qiskit.cli", *COMMANDS[name], "--yes"]
    process = subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=-3, stderr=-3)
    end = time.monotonic() + 60
    while len(jobs(server)) < 1 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = qep(*COMMANDS[name], "--yes")
    assert done.exit_code == 0, done.stderr
    tags = [job["tags"][0] for job in jobs(server)]
    assert len(tags) == len(set(tags)) == (4 if name == "sweep" else 2)
