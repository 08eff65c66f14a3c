"""A dask scheduler, and what else may be at its address: an answer or one line within ten seconds, and rows that are kept."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.workers import PoolLostError, mapped, pool, scheduler

SPEC = """
seed = 3
network = {kind = "ising", sites = 2, inputs = [0], outputs = [1]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
"""


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@contextlib.contextmanager
def listening(speak):
    """Listen on a port, and do with each connection what `speak` does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        ended = threading.Event()

        def serve():
            lines = []
            while not ended.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    line, _ = server.accept()
                    lines.append(line)
                    speak(line)
            for line in lines:
                line.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def http():
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return contextlib.nullcontext(f"tcp://127.0.0.1:{server.getsockname()[1]}")


ELSE = {
    "a web server": (http, "does not answer as a dask scheduler"),
    "a proxy's text": (
        lambda: listening(lambda c: c.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")),
        "answers 'HTTP/1.1 503",
    ),
    "a mail server": (lambda: listening(lambda c: c.sendall(b"220 mail ready\r\n")), "answers '220 mail ready"),
    "a word and silence": (lambda: listening(lambda c: c.sendall(b"hello")), "does not answer as a dask scheduler"),
    "binary noise": (lambda: listening(lambda c: c.sendall(b"\xff" * 64)), "which a dask scheduler does not"),
    "a closed door": (lambda: listening(lambda c: c.close()), "closes the connection"),
    "silence": (lambda: listening(lambda c: None), "does not answer as a dask scheduler"),
    "nothing": (nothing, "cannot be reached"),
}


@pytest.mark.parametrize("case", ELSE)
def test_an_address_without_a_scheduler_is_refused_within_ten_seconds(case, monkeypatch):
    monkeypatch.setattr(scheduler, "GREETING_SECONDS", 0.5)
    there, message = ELSE[case]
    began = time.monotonic()
    with there() as address, pytest.raises(qep.InputError, match="^scheduler: tcp://") as caught, pool(scheduler=address):
        pass
    assert message in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 200
    assert time.monotonic() - began < 10


def test_a_frame_that_looks_right_and_nothing_after_it(monkeypatch):
    monkeypatch.setattr(scheduler, "ANSWER_SECONDS", 1.5)
    frame = (16).to_bytes(8, "little") + (1).to_bytes(8, "little")
    with (
        listening(lambda c: c.sendall(frame)) as address,
        pytest.raises(qep.InputError, match="does not answer as a dask scheduler"),
        pool(scheduler=address),
    ):
        pass


class Cluster:
    """A scheduler and a worker, each a process that can be killed."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.address, self.folder = f"tcp://127.0.0.1:{port}", folder
        self.scheduler = self._started("distributed.cli.dask_scheduler", "--port", str(port), "--dashboard-address", ":0")

    def _started(self, module, *words):
        command = [sys.executable, "-m", module, "--host", "127.0.0.1", *words]
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def worker(self):
        return self._started("distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")


@pytest.fixture
def cluster(tmp_path):
    local = Cluster(tmp_path)
    processes = [local.scheduler]
    begin = local.worker
    local.worker = lambda: processes.append(begin()) or processes[-1]
    host, port = local.address.removeprefix("tcp://").split(":")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            break
        time.sleep(0.1)
    yield local
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def square(shared, item):
    return shared * item * item


def slow(folder, item):
    (folder / f"began{item}").write_text(str(os.getpid()))
    time.sleep(0.0 if item == 0 else 60.0)
    return item


def test_a_scheduler_without_workers_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(scheduler, "WORKERLESS_SECONDS", 1.0)
    lines = []
    with (
        pytest.raises(qep.InputError, match=r"has no workers; start some by `dask worker tcp://127"),
        pool(scheduler=cluster.address, say=lines.append),
    ):
        pass
    assert len(lines) == 1 and "has no workers yet; waiting" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_finished_results_are_kept_when_the_rest_is_lost(cluster, monkeypatch, tmp_path, victim):
    monkeypatch.setattr(scheduler, "WORKERLESS_SECONDS", 30.0)
    worker, lines = cluster.worker(), []
    with pool(scheduler=cluster.address, say=lines.append) as processes:
        assert mapped(processes, square, 2, [1, 2, 3]) == [2, 8, 18]
        monkeypatch.setattr(scheduler, "WORKERLESS_SECONDS", 1.0)
        tasks = processes.results(slow, tmp_path, [0, 1])
        assert next(tasks) == (0, 0)
        while not (tmp_path / "began1").exists():
            time.sleep(0.05)
        os.killpg((cluster.scheduler if victim == "scheduler" else worker).pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(PoolLostError, match="went away" if victim == "scheduler" else "has no workers; start some"):
            next(tasks)
        assert time.monotonic() - began < 10
        assert victim == "scheduler" or "has no workers left; waiting" in lines[-1]


@pytest.mark.slow
def test_a_sweep_keeps_its_rows_when_the_scheduler_is_killed(cluster, tmp_path):
    cluster.worker()
    (tmp_path / "s.toml").write_text(SPEC)
    command = [sys.executable, "-m", "qep_qiskit.cli", "sweep", "s.toml", "--over", "seed=0..4000", "--out", "out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--scheduler", cluster.address], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )

    def rows():
        path = tmp_path / "out" / "sweep.json"
        return len(json.loads(path.read_text())["rows"]) if path.exists() else 0

    end = time.monotonic() + 90
    while rows() < 5 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    os.killpg(cluster.scheduler.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=15)
    lines = [line for line in errors.splitlines() if "waiting" not in line and " s: " not in line]
    assert process.returncode == 1 and len(lines) == 1 and "went away" in lines[0] and "points are kept in out" in lines[0]
    assert rows() >= 5


@pytest.mark.slow
def test_a_training_on_a_scheduler_is_the_one_without(cluster):
    cluster.worker()
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    options = {"epochs": 2, "batch_size": 2, "preparer": qep.Thermal(1.0)}
    here, there = (
        np.asarray(qep.train(network, [[0.5], [-0.5]], [0.3, -0.3], **options, **extra).weights)
        for extra in ({}, {"scheduler": cluster.address})
    )
    np.testing.assert_allclose(here, there, atol=1e-12)
