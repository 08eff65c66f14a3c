"""The file of a run: its schema, several readers and one writer, steps and checkpoints."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

from qep_qiskit.errors import InputError
from qep_qiskit.foreign import circuits
from qep_qiskit.runs.file.folders import dated_folder, leave_unused
from qep_qiskit.runs.file.lock import RunBusyError
from qep_qiskit.runs.file.records import Checkpoint
from qep_qiskit.runs.file.store import RunStore

GOLDEN = sorted((Path(__file__).parent / "golden").iterdir())


def test_circuits_of_a_newer_qiskit_are_not_called_damaged(tmp_path, monkeypatch):
    shutil.copytree(GOLDEN[0], tmp_path / "run")
    monkeypatch.setattr(circuits, "NEWEST", circuits.WRITTEN - 1)
    message = r"run.db: circuit 0-0 was written by a newer Qiskit \(QPY 17; .* up to 16\); upgrade qiskit$"
    with RunStore.open(tmp_path / "run") as store, pytest.raises(InputError, match=message):
        store.circuit("0-0")


def test_circuits_are_written_for_the_oldest_supported_qiskit(made_run):
    with RunStore.open(made_run, write=True) as store:
        store.add_circuit("new", QuantumCircuit(2), {})
        data = store.rows("circuits")[-1]["qpy"]
    assert data[6] == circuits.WRITTEN
    newer = data[:7] + bytes([99]) + data[8:]  # the same, written by Qiskit 99
    assert circuits.read_circuit(newer).num_qubits == circuits.read_circuits({"new": newer})["new"].num_qubits == 2


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(store):
    results = [[row["tag"], row["pub"], row["shape"], row["bits"], row["data"]] for row in store.rows("results")]
    return {
        "values": store.gradients()[0]["values"],
        "stderr": store.gradients()[0]["stderr"],
        "results": sorted([*row[:4], hashlib.sha256(row[4]).hexdigest()] for row in results),
        "documents": {
            f"{row['kind']} {row['key']}": hashlib.sha256(row["value"].encode()).hexdigest() for row in store.rows("documents")
        },
        "jobs": [[job.tag, job.state, job.job_id, job.created] for job in store.jobs()],
        "circuits": [[row["key"], row["about"]] for row in store.rows("circuits")],
        "events": len(store.events()),
    }


@pytest.mark.parametrize("write", [False, True], ids=["reader", "writer"])
@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_a_file_of_the_first_schema_opens_and_holds_what_it_held(tmp_path, golden, write):
    shutil.copytree(golden, tmp_path / "run")
    before = digest(tmp_path / "run/run.db")
    with RunStore.open(tmp_path / "run", write=write) as store:
        assert contents(store) == json.loads((golden / "expected.json").read_text())
        assert all(store.circuit(key).num_qubits == 2 for key in store.circuits())
        assert store.result(store.jobs()[0].tag)[0].num_bits == 2
        if write:
            store.note("opened")
    assert (digest(tmp_path / "run/run.db") == before) is not write
    if write:
        with RunStore.open(tmp_path / "run") as store:
            assert store.events()[-1].text == "opened"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.db", "spec.toml", "expected.json"}


def test_a_file_of_a_newer_version_is_refused(made_run):
    from qep_qiskit.runs.file.database import Database

    data = Database(made_run / "run.db", write=True)
    with data.transaction():
        data.put("meta", key="schema", value="99")
    data.close()
    with pytest.raises(InputError, match="newer version"):
        RunStore.open(made_run)


def test_a_file_from_before_the_first_release_is_refused_in_one_line(made_run):
    (made_run / "run.db").unlink()
    with closing(sqlite3.connect(made_run / "run.db")) as data, data:
        data.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        data.execute("CREATE TABLE jobs (tag TEXT PRIMARY KEY)")
        data.execute("INSERT INTO meta VALUES ('schema', '1')")
    data.close()
    for write in (False, True):
        with pytest.raises(InputError, match="made before the first release") as caught:
            RunStore.open(made_run, write=write)
        assert "\n" not in str(caught.value) and "damaged" not in str(caught.value)
    assert sorted(path.name for path in made_run.iterdir()) == ["run.db", "spec.toml"]


@pytest.fixture
def made_run(tmp_path):
    with RunStore.create(tmp_path / "run", "seed = 1\n", description={"id": "a", "device": "b"}) as store:
        store.put("plan", "0", {"shots": 100})
    return tmp_path / "run"


def test_a_run_is_made_once(made_run):
    with pytest.raises(InputError, match="there is a run already"):
        RunStore.create(made_run, "", description={})
    assert sorted(path.name for path in made_run.iterdir()) == ["run.db", "spec.toml"]


def test_readers_see_each_whole_write_while_another_writes(made_run):
    with RunStore.open(made_run, write=True) as writer, RunStore.open(made_run) as one, RunStore.open(made_run) as two:
        writer.put("plan", "1", {"shots": 7})
        assert one.get("plan", "1") == two.get("plan", "1") == {"shots": 7}
        with pytest.raises(RunBusyError, match=f"process {os.getpid()} on .* has been writing since"):
            RunStore.open(made_run, write=True)
        with pytest.raises(RuntimeError, match="reading only"):
            one.put("plan", "1", {})
        with one.snapshot():
            assert len(one.all("plan")) == 2


WRITER = """
import sys, time
from qep_qiskit.runs.file.store import RunStore
from pathlib import Path
store = RunStore.open(Path(sys.argv[1]), write=True)
data = store._data
data.connection.execute("PRAGMA cache_size = 1")
print("open", flush=True)
with data.transaction():
    for number in range(200):
        data.put("documents", kind="plan", key=str(number), value="x" * 3000)
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_writer_killed_half_way_leaves_the_run_as_it_was(made_run):
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(made_run)], stdout=subprocess.PIPE, text=True)
    assert [child.stdout.readline().strip() for _ in range(2)] == ["open", "half"]
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert (made_run / "run.db-journal").exists()
    with RunStore.open(made_run) as reader:
        assert reader.all("plan") == {"0": {"shots": 100}}
    with RunStore.open(made_run, write=True) as store:
        assert store.all("plan") == {"0": {"shots": 100}}
        assert f"took over the lock of process {child.pid}" in store.events()[-1].text


def test_a_lock_of_a_reused_process_number_is_taken_over(made_run):
    import socket

    holder = {"host": socket.gethostname(), "pid": os.getpid(), "born": 1, "since": "2026-01-01"}
    (made_run / "run.lock").write_text(json.dumps(holder))
    with RunStore.open(made_run, write=True) as store:
        assert "took over" in store.events()[-1].text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells the state of a process")
def test_a_lock_of_a_process_that_nobody_has_waited_for_is_taken_over(made_run):
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(made_run)], stdout=subprocess.PIPE, text=True)
    assert [child.stdout.readline().strip() for _ in range(2)] == ["open", "half"]
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its number stays taken
    with RunStore.open(made_run, write=True) as store:
        assert f"took over the lock of process {child.pid}" in store.events()[-1].text
    child.wait()
    child.stdout.close()


def test_a_lock_of_another_machine_is_respected(made_run):
    (made_run / "run.lock").write_text(json.dumps({"host": "elsewhere", "pid": 1, "since": "2026-01-01"}))
    with pytest.raises(RunBusyError, match="process 1 on elsewhere"):
        RunStore.open(made_run, write=True)
    with RunStore.open(made_run) as reader:
        assert reader.get("plan", "0") == {"shots": 100}


def test_many_take_the_lock_of_a_dead_process_at_once_and_one_gets_it(made_run):
    import socket
    from concurrent.futures import ThreadPoolExecutor

    from qep_qiskit.runs.file.lock import WriteLock

    for _ in range(100):
        holder = {"host": socket.gethostname(), "pid": 2**22 - 3, "since": "2026-01-01"}
        (made_run / "run.lock").write_text(json.dumps(holder))
        locks = [WriteLock(made_run) for _ in range(8)]

        def taken(lock):
            try:
                lock.acquire()
            except RunBusyError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(taken, locks)) == 1
        for lock in locks:
            lock.release()
        assert not list(made_run.glob("run.lock*"))


def test_steps_and_their_checkpoint_are_kept_together(made_run):
    weights = np.linspace(0, 1, 5)
    with RunStore.open(made_run, write=True) as store:
        for number in range(4):
            point = Checkpoint("last", {"weights": weights * number, "m": np.array([number])}, {"step": number})
            store.add_step(number, {"loss": 1.0 / (number + 1)}, checkpoint=point)
        store.put_checkpoint(Checkpoint("best", {"weights": weights}))
    with RunStore.open(made_run, write=True) as store:
        assert [step["number"] for step in store.steps()] == [0, 1, 2, 3]
        last = store.checkpoint()
        np.testing.assert_array_equal(last.arrays["weights"], weights * 3)
        assert last.about == {"step": 3} and store.checkpoint("worst") is None
        store.add_step(2, {"loss": 0.1})
        assert [step["loss"] for step in store.steps()] == [1.0, 0.5, 0.1]
        with pytest.raises(ValueError, match="arrays of numbers"):
            store.add_step(3, {"loss": 0.0}, checkpoint=Checkpoint("last", {"x": np.array([object()])}))
        assert len(store.steps()) == 3
    with RunStore.open(made_run) as store:
        assert store.checkpoint("best").arrays["weights"].shape == (5,)


def test_ten_thousand_steps_open_quickly(made_run):
    from qep_qiskit.runs.file.database import Database

    data = Database(made_run / "run.db", write=True)
    with data.transaction():
        for number in range(10_000):
            data.put("steps", number=number, time="", value=json.dumps({"loss": 0.5, "shots": number}))
    data.close()
    start = time.perf_counter()
    with RunStore.open(made_run) as store:
        assert len(store.steps()) == 10_000
    assert time.perf_counter() - start < 5.0


def test_deleted_rows_are_overwritten(made_run):
    with RunStore.open(made_run, write=True) as store:
        store.put("plan", "0", {"mark": "stalestalestale" * 300})
        store.put("plan", "0", {"mark": "fresh"})
    assert b"stalestale" not in (made_run / "run.db").read_bytes()
    with closing(sqlite3.connect(made_run / "run.db")) as data:
        assert data.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_folders_named_after_the_time_are_new_even_within_one_second(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as several:  # parallel trainings choose their folders before they write to them
        folders = list(several.map(dated_folder, ["scan"] * 8))
    assert len(set(folders)) == 8
    assert all(folder.name.startswith("scan-") for folder in folders)
    (folders[0] / "used").touch()
    leave_unused()
    assert [path.name for path in Path("hardware_runs").iterdir()] == [folders[0].name]


def test_a_file_in_place_of_the_folder_of_runs_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hardware_runs").touch()
    with pytest.raises(InputError, match="hardware_runs: the folder cannot be made"):
        dated_folder("scan")
