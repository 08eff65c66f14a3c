"""`qep train` on a device that takes jobs: it asks about the price, resumes after a stop, and other verbs describe the run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.rehearsal.server import serve
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training import PlannedShots
from qep_qiskit.training.from_spec import task_from
from qep_qiskit.training.loop.compared import EXACT

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
kind = "squared_error_observable"
[stencil]
kind = "symmetric"
beta = "auto"
[measurement]
shots = 100
[device]
name = "ibm_lagos"
mode = "session"
[data]
source = "xor"
samples = 4
held_out = 0.0
[training]
epochs = 2
batch_size = 4
learning_rate = 0.1
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "task.toml"
    path.write_text(SPEC)
    return str(path)


@pytest.fixture
def service(monkeypatch):
    """Start a mock service, and point the program at it."""
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    with serve(seed=5, noise="none") as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        yield server.service


def qep(*words):
    result = CliRunner().invoke(cli, list(words))
    return result.exit_code, result.stdout, re.sub(r"qep: \d+ s: .*\n", "", result.stderr)  # lines that say how far it is


def test_the_price_is_confirmed_and_a_stopped_training_resumes(spec, service):
    code, out, err = qep("train", spec, "--run", "run")
    first, note, line = err.strip().splitlines()
    assert "a session is billed from its first job" in note
    assert (code, out) == (2, "") and service.ledger()["jobs"] == []
    assert first.startswith("2 steps: about 2 jobs, 40 circuits, 4,000 shots in all, about ") and first.endswith("on ibm_lagos.")
    assert line == "qep: --yes: missing, and no terminal to ask on; nothing was sent; `qep train --resume run --yes` sends it"
    # a process that gets Ctrl-C while its first job is under way
    program = (
        "import os, signal, sys\nfrom qep_qiskit.runs.jobs import journal\nfrom qep_qiskit.cli.main import cli\n"
        "def wait(self, job, seconds):\n    os.kill(os.getpid(), signal.SIGINT)\n    plain(self, job, seconds)\n"
        "plain, journal.JournalDevice._wait = journal.JournalDevice._wait, wait\n"
        "sys.exit(cli.main(['train', '--resume', 'run', '--yes'], standalone_mode=False))"
    )
    service._queue_seconds = 3.0
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 130, done.stderr
    where = "0 of 2 steps are kept in run; step 1 job 1 is under way on ibm_lagos"
    assert done.stderr.splitlines()[-1] == f"qep: interrupted; {where}; `qep train --resume run` resumes it"
    service._queue_seconds = 0.0
    code, out, _ = qep("status", "run", "--json")
    document = json.loads(out)
    assert code == 3 and document["state"] == "stopped" and document["training"]["steps"] == 0 and len(document["jobs"]) == 1
    code, out, err = qep("train", "--resume", "run", "--json")
    assert (code, err) == (0, "")  # no second question
    summary = json.loads(out)
    assert summary["steps"] == 2 and summary["settings"]["planned"]["stencil"]["beta"] != "auto"
    ledger = service.ledger()
    assert len(ledger["jobs"]) == 2 and all(job["seconds"] > 0 for job in ledger["jobs"])
    code, out, _ = qep("status", "run")
    assert code == 0 and "2 of 2 steps are done, " in out and "QPU seconds billed of about" in out
    code, out, _ = qep("plan", spec, "--json")
    price = json.loads(out)["training"]["price"]["total"]
    assert code == 0 and price["jobs"] == 2 and price["shots"] == 4000
    assert price["qpu_seconds"] == pytest.approx(ledger["seconds"], rel=0.1)
    assert sum(row["qpu_seconds"] for row in summary["history"]) == pytest.approx(ledger["seconds"])
    assert all(row["compared_with"] == EXACT for row in summary["history"])
    assert qep("report", "run")[0] == 0
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "the exact gradient</" in page and "2 on ibm_lagos" in page and "a mock service on this machine" in page
    with RunStore.open(Path("run")) as store:
        sessions = [event.text for event in store.events() if event.text.startswith("session")]
        assert len(sessions) == 4 and "mock service" in store.description["service"]  # closed at the stop, and another at the end


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workers", "2"], "workers: 2 does not go with ibm_lagos, whose jobs go through one run; leave it out"),
        (["--resubmit"], "--resubmit: goes with --resume and a run"),
        (["--set", "measurement.shots="], "shots: missing; ibm_lagos measures, so give the shots of each circuit"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(spec, words, message):
    code, out, err = qep("train", spec, "--run", "run", *words)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1 and not Path("run").exists()


def test_a_failed_job_and_other_verbs(spec, service):
    service.order("failed-job")
    code, _, err = qep("train", spec, "--run", "run", "--yes")
    assert code == 2 and "step 1 job 1) failed" in err and "`qep train --resume run --resubmit` sends it again" in err
    code, _, err = qep("collect", "run")
    assert code == 2 and "run: run is a training; `qep train --resume run` resumes it" in err
    assert qep("train", "--resume", "run", "--resubmit", "--yes")[0] == 0
    assert sorted(job["seconds"] > 0 for job in service.ledger()["jobs"]) == [False, True, True]
    assert qep("cancel", "run")[1] == "No job was under way.\n"


def test_the_plan_of_a_training_is_its_price(spec, service):
    code, out, err = qep("plan", spec)
    assert (code, err) == (0, "") and "2 steps: 2 epochs of 1 batch, 4 samples" in out and "one step" in out
    code, _, err = qep("plan", spec, "--target-error", "5%")
    assert code == 2 and "only for a single gradient" in err and service.ledger()["jobs"] == []


def test_status_of_a_training_that_answers_at_once(spec):
    text = SPEC.replace('"ibm_lagos"\nmode = "session"', '"simulator"')
    Path(spec).write_text(text)
    assert qep("train", spec, "--run", "run")[0] == 0
    code, out, err = qep("status", "run")
    assert (code, err) == (0, "") and out.strip() == "2 of 2 steps are done."


def test_the_training_in_hardware_runs_is_for_a_device():
    spec = load(Path(__file__).parents[2] / "hardware_runs/specs/train-xor.toml")
    assert spec.device().name == "ibm_torino" and spec.training.epochs == 12


@pytest.mark.parametrize(("name", "qubits", "steps"), [("chain-20", 20, 6), ("heavy-hex-50", 50, 20)])
def test_large_trainings_in_hardware_runs(name, qubits, steps):
    spec = load(Path(__file__).parents[2] / f"hardware_runs/specs/train-{name}.toml")
    task, _ = task_from(spec)
    assert task.network.num_qubits == qubits and task.total_steps == steps and len(task.held_out) > 0
    assert spec.device().name == "ibm_fez"


def test_planned_shots_make_no_more_jobs_than_were_confirmed(spec, monkeypatch):
    """A job is billed for seconds, however few its shots, so all circuits of a step share one number of shots."""
    with serve(seed=5, noise="readout") as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        planned = ["--set", "training.optimizer=planned_shots", "--set", "training.epochs=3", "--set", "stencil.beta=0.1"]
        server.service.order("failed-job")
        code, _, err = qep("train", spec, "--run", "run", *planned, "--yes")
        assert code == 2 and err.startswith("3 steps: about 3 jobs")
        code, out, _ = qep("train", "--resume", "run", "--resubmit", "--yes", "--json")
        assert code == 0
        rows = json.loads(out)["history"]
        assert all(0.1 < row["beta"] <= PlannedShots().largest_beta for row in rows)
        assert all(row["split"] is None for row in rows[1:])
        assert all(row["shots_per_circuit"] >= 100 for row in rows)
        billed = [job["seconds"] for job in server.service.ledger()["jobs"] if job["seconds"]]
        assert len(billed) == 3
        with RunStore.open(Path("run")) as store:
            assert sum(billed) == pytest.approx(store.get("estimate", "training")["qpu_seconds"], rel=0.1)
