"""Ctrl-C and SIGTERM end every command within five seconds, in one line that says what is kept, workers included."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qep_qiskit.rehearsal.server import serve

PROGRESS = re.compile(r"qep: \d+ s: ")
"""The progress line of a long command whose stderr is not a terminal."""
NETWORK = (
    'network = {kind = "ising", sites = 4, edges = "chain", inputs = [0, 1], outputs = [3]}\ncost = {kind = "squared_error"}\n'
)
TRAINING = NETWORK + (
    'preparation = {method = "adiabatic", time = 10.0, steps = 200}\nmeasurement = {shots = 200}\n'
    'data = {source = "xor", samples = 40, held_out = 0.0}\ntraining = {epochs = 400, batch_size = 40}\n'
)
GRADIENT = NETWORK + "sample = {x = [0.5, 0.1], y = [1.0]}\n"
SLOW = NETWORK.replace("sites = 4", "sites = 8").replace("[3]", "[7]") + (
    "sample = {x = [0.5, 0.1], y = [1.0]}\nmeasurement = {shots = 2000000}\n"
    'preparation = {method = "adiabatic", time = 20.0, steps = 3000}\ndevice = {name = "simulator", noise = "fake_guadalupe"}\n'
)
DEVICE = GRADIENT + 'measurement = {shots = 200}\ndevice = {name = "ibm_lagos"}\n'


def children_of(pid):
    """The processes that a process began, by Linux's own account."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(facts[1]) == pid and facts[0] != "Z":
            children.append(int(path.parent.name))
    return children


class Command:
    """`qep` in a session of its own, as in a terminal."""

    def __init__(self, folder, *words, **environment):
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qep_qiskit.cli", *words],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def until(self, ready, seconds=90):
        end = time.monotonic() + seconds
        while not ready() and time.monotonic() < end:
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)
        assert ready()

    def stopped(self, number):
        """Send the signal, to the whole group where a terminal would; return the exit code and the errors' lines."""
        workers = children_of(self.process.pid)
        began = time.monotonic()
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        assert time.monotonic() - began < 5.5
        end = time.monotonic() + 3
        while (left := [pid for pid in workers if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
            time.sleep(0.05)
        assert not left
        return self.process.returncode, [line for line in errors.splitlines() if not PROGRESS.match(line)]


def rows(folder):
    path = folder / "sweep.json"
    return len(json.loads(path.read_text())["rows"]) if path.exists() else 0


def steps(folder):
    from qep_qiskit.runs.file.store import RunStore

    if not (folder / "run.db").exists():
        return 0
    with RunStore.open(folder) as store:
        return len(store.steps())


CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
EITHER = pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])


@EITHER
def test_a_training_on_workers_stops_on_an_interrupt(tmp_path, number):
    (tmp_path / "t.toml").write_text(TRAINING)
    command = Command(tmp_path, "train", "t.toml", "--run", "run", "--workers", "2")
    command.until(lambda: steps(tmp_path / "run") >= 1)
    code, lines = command.stopped(number)
    count = steps(tmp_path / "run")
    assert (code, lines) == (
        CODES[number],
        [f"qep: interrupted; {count} of 400 steps are kept in run; `qep train --resume run` resumes it"],
    )


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
@pytest.mark.parametrize("workers", [pytest.param("2", marks=pytest.mark.slow), None])
def test_a_sweep_resumes(tmp_path, number, workers):
    (tmp_path / "s.toml").write_text(GRADIENT + 'preparation = {method = "adiabatic", time = 10.0, steps = 250}\n')
    words = [] if workers is None else ["--workers", workers]
    command = Command(tmp_path, "sweep", "s.toml", "--over", "seed=0..600", "--out", "w", *words)
    command.until(lambda: rows(tmp_path / "w") >= 1)
    code, lines = command.stopped(number)
    assert code == CODES[number] and len(lines) == 1, lines
    finished = rows(tmp_path / "w")
    assert lines[0] == f"qep: interrupted; {finished} of 601 points are kept in w; run the same command to resume"
    assert (tmp_path / "w" / "sweep.csv").read_text().count("\n") == finished + 1
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["sweep.csv", "sweep.json"]


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_comparison_computes_all_rungs(tmp_path, number):
    (tmp_path / "c.toml").write_text(SLOW)
    command = Command(tmp_path, "compare", "c.toml", "--out", "c")
    time.sleep(5.0)
    code, lines = command.stopped(number)
    *rungs, last = lines
    assert code == CODES[number] and len(rungs) <= 7, lines
    if (tmp_path / "c" / "budget.json").exists():
        count = len(json.loads((tmp_path / "c" / "budget.json").read_text())["rungs"])
        assert f"{count} rung" in last and "run the same command to resume" in last
    else:
        assert "nothing was written" in last


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
def test_a_rehearsal_runs_to_the_end(tmp_path, number):
    (tmp_path / "g.toml").write_text(DEVICE)
    command = Command(tmp_path, "rehearse", "g.toml", "--run", "r", "--noise", "none", "--queue", "60")
    command.until(lambda: (tmp_path / "r" / "run.db").exists())
    code, lines = command.stopped(number)
    assert code == CODES[number] and len(lines) == 1
    assert "the unfinished rehearsal is in r; run the same command with another --run to start again" in lines[0]
    again = Command(tmp_path, "rehearse", "g.toml", "--run", "r").process
    assert again.communicate(timeout=60)[1] == "qep: --run: r holds a run already; give another folder\n"
    assert again.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
def test_a_training_on_a_device_keeps_its_job(tmp_path, number):
    (tmp_path / "t.toml").write_text(
        TRAINING.replace('"adiabatic", time = 10.0, steps = 200', '"vqe", layers = 1, tolerance = 1e-2')
        .replace("samples = 40", "samples = 4")
        .replace("batch_size = 40", "batch_size = 4")
        + 'device = {name = "ibm_lagos"}\n'
    )
    with serve(noise="none", queue_seconds=60) as server:
        words = ("train", "t.toml", "--run", "run", "--yes")
        command = Command(tmp_path, *words, QEP_RUNTIME_URL=server.url, QEP_LOOKUP_SECONDS="2")
        command.until(lambda: len(server.service.ledger()["jobs"]) == 1)
        code, lines = command.stopped(number)
        assert code == CODES[number] and "QPU seconds on ibm_lagos" in lines[0]
        assert len(lines) == 2 and "resumes it" in lines[1] and "0 of 400 steps are kept in run" in lines[1]
        assert len(server.service.ledger()["jobs"]) == 1


def test_a_sweep_on_a_device_keeps_its_jobs(tmp_path):
    (tmp_path / "g.toml").write_text(DEVICE)
    with serve(noise="none", queue_seconds=300) as server:
        words = ("sweep", "g.toml", "--over", "stencil.beta=0.1,0.2", "--out", "w", "--yes")
        command = Command(tmp_path, *words, QEP_RUNTIME_URL=server.url, QEP_LOOKUP_SECONDS="2")
        command.until(lambda: server.service.ledger()["jobs"])
        code, lines = command.stopped(signal.SIGINT)
        said = "0 of 2 points are kept in w, all that was sent and fetched is saved in w/runs; run the same command to resume"
        assert (code, lines[1:]) == (130, [f"qep: interrupted; {said}"])


IGNORED = """
import time
from qep_qiskit.cli import interrupts, main
import click
class Deaf:
    def __del__(self):
        print("begun", flush=True)
        time.sleep(3)
@click.command()
def deaf():
    Deaf()
    time.sleep(30)
main.Program.get_command = lambda self, context, name: deaf
main.cli.main(["deaf"])
"""


def test_ctrl_c_that_falls_into_a_destructor_is_heard():
    process = subprocess.Popen([sys.executable, "-c", IGNORED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.count("\n")) == (130, 1) and errors.startswith("qep: interrupted; nothing was written")


def test_a_program_that_calls_a_command_lives_on_after_its_interrupt(tmp_path, monkeypatch):
    from click.testing import CliRunner

    import qep_qiskit.cli.paid  # noqa: F401  # imported now, or it would keep the function that stands in below
    from qep_qiskit.cli.main import cli
    from qep_qiskit.sweeps import sweep

    def press(spec):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweep, "gradient_numbers", press)
    Path("s.toml").write_text(GRADIENT)
    before = [signal.getsignal(number) for number in CODES], sys.unraisablehook
    result = CliRunner().invoke(cli, ["sweep", "s.toml", "--over", "seed=0,1", "--out", "w"], standalone_mode=False)
    assert result.return_value == 143 and "nothing was written" in result.output and not Path("w").exists()
    assert ([signal.getsignal(number) for number in CODES], sys.unraisablehook) == before


COMPILED = """
import sys
import numpy as np
from qep_qiskit.cli import interrupts, main
import click
@click.command()
def stuck():
    with interrupts.saying(lambda: "3 of 9 points are kept"):
        matrix = np.add.outer(np.arange(8000.0), np.arange(8000.0))
        print("begun", flush=True)
        np.linalg.eigh(matrix)
main.Program.get_command = lambda self, context, name: stuck
main.cli.main(["stuck"])
"""


@EITHER
def test_compiled_code_that_does_not_listen_is_ended_too(number):
    process = subprocess.Popen(
        [sys.executable, "-c", COMPILED],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(1.0)
    process.send_signal(number)
    began = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 5.5
    assert (process.returncode, errors) == (CODES[number], "qep: interrupted; 3 of 9 points are kept\n")


def test_an_interrupt_of_the_first_imports_is_one_line(tmp_path):
    (tmp_path / "click.py").write_text("import time\nopen('begun', 'w').close()\ntime.sleep(60)\n")
    command = Command(tmp_path, "--version", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    command.until((tmp_path / "begun").exists)
    code, lines = command.stopped(signal.SIGINT)
    assert (code, lines) == (130, ["qep: interrupted; nothing was written, run the same command to start again"])
