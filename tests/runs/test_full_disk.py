"""The disk is full at any write: nothing that was paid for is lost, and the run resumes when there is room."""

import errno
import itertools
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from remote import SMALL, FolderDevice

from qep_qiskit.experiment import load
from qep_qiskit.runs.file import database
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle

HERE = Path(__file__).parent
SHOTS = 6000
"""Enough that the results themselves are what does not fit."""


class ReadOnce(FolderDevice):
    """Gives a result once; then it is gone."""

    def result(self, job_id, *, timeout=1.0):
        mark = self.folder / f"{job_id}.read"
        assert not mark.exists(), "a result was read twice: the first reading is lost"
        mark.touch()
        return super().result(job_id, timeout=timeout)


def made(home):
    (home / "jobs").mkdir()
    (home / "spec.toml").write_text(SMALL.replace("shots = 400", f"shots = {SHOTS}"))
    spec = load(home / "spec.toml")
    RunStore.create(home / "run", spec.to_toml(), description={"id": "qep-test", "device": "ibm_folder"}).close()
    return spec


def advanced(home, spec):
    with RunStore.open(home / "run", write=True) as store:
        return Lifecycle(store, spec, ReadOnce(home / "jobs")).advance()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    home = tmp_path_factory.mktemp("reference")
    values = advanced(home, made(home)).values.tolist()
    return values, (home / "run/run.db").stat().st_size // 4096


def filled_and_resumed(home, monkeypatch, reference, pages):
    """Let the file grow by this many pages at a time until the work fits."""
    spec, stops, limit = made(home), 0, 0
    whole = database.connect

    def limited(path, *, write):
        connection = whole(path, write=write)
        if write:
            connection.execute(f"PRAGMA max_page_count = {limit}")
        return connection

    monkeypatch.setattr(database, "connect", limited)
    for attempt in itertools.count():
        limit = (home / "run/run.db").stat().st_size // 4096 + (attempt + 1) * pages
        try:
            gradient = advanced(home, spec)
        except OSError as error:
            assert error.errno == errno.ENOSPC and "nothing that was sent is lost" in error.strerror
            assert str(home / "run") in error.strerror
            stops += 1
            continue
        break
    assert gradient.values.tolist() == reference[0]
    assert len(list((home / "jobs").glob("*.json"))) == 2
    with RunStore.open(home / "run") as store:
        assert len(store.gradients()) == 1
    return stops


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.05")


def test_a_disk_that_fills_repeatedly_loses_nothing(tmp_path, monkeypatch, reference):
    assert filled_and_resumed(tmp_path, monkeypatch, reference, 2) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("pages", [1, *range(3, 40)])
def test_a_disk_full_at_any_page_loses_nothing(tmp_path, monkeypatch, reference, pages):
    filled_and_resumed(tmp_path, monkeypatch, reference, pages)


def limited_child(home, size):
    """Run a step in a process that may write no file beyond this size: journals, locks and the jobs' own files included."""
    words = [sys.executable, str(HERE / "step.py"), str(home / "run"), str(home / "jobs"), str(home / "spec.toml")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QEP_LOOKUP_SECONDS": "0.05"}

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(words, env=environment, capture_output=True, text=True, preexec_fn=limit if size else None)


@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 40_000, 56_000, 72_000, 90_000, 110_000, 140_000])
def test_no_file_may_grow(tmp_path, reference, size):
    made(tmp_path)
    first = limited_child(tmp_path, size)
    if first.returncode:
        assert "Errno 28" in first.stderr or "Errno 27" in first.stderr, first.stderr
    assert not (tmp_path / "run/run.lock").exists()
    assert limited_child(tmp_path, 0).returncode == 0
    with RunStore.open(tmp_path / "run") as store:
        assert store.gradients()[0]["values"] == reference[0]
    assert len(list((tmp_path / "jobs").glob("*.json"))) == 2
