"""Pools: order, refusals, workers that die, and processes that end with their parent."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.workers import PoolLostError, Serial, mapped, pool


def add(shared, item):
    return shared + item


def die_once(folder, item):
    """Kill the worker's process the first time this item is seen."""
    flag = folder / str(item)
    if item == 3 and not flag.exists():
        flag.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def process_of(shared, item):
    print("what a task prints does not come between the answers")
    return os.getpid()


def refuse(shared, item):
    raise qep.InputError(f"item {item}: is not allowed")


def die(shared, item):
    os.kill(os.getpid(), signal.SIGKILL)


def untravelled(shared, item):
    return threading.Lock()


def wait(shared, item):
    time.sleep(60)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone_soon(pids, seconds=5.0):
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def test_serial_is_in_order():
    assert list(Serial().results(add, 10, [3, 1])) == [(0, 13), (1, 11)]
    with pool() as processes:
        assert mapped(processes, add, 1, [1, 2]) == [2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "at least 1"),
        ({"workers": True}, "at least 1"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "do not go together"),
        ({"scheduler": "somewhere"}, "tcp://127.0.0.1:8786"),
        ({"scheduler": "tcp://127.0.0.1:99999"}, "is not an address"),
    ],
)
def test_bad_pools_give_one_line(options, message):
    with pytest.raises(qep.InputError, match=message), pool(**options):
        pass


def test_a_lost_worker_costs_only_time(tmp_path):
    with pool(2) as processes:
        assert mapped(processes, die_once, tmp_path, range(8)) == [k * k for k in range(8)]
    assert (tmp_path / "3").exists()


def test_workers_are_kept_between_batches_and_end_with_the_pool(capfd):
    with pool(2) as processes:
        first = set(mapped(processes, process_of, None, range(6)))
        assert set(mapped(processes, process_of, None, range(6))) <= first and os.getpid() not in first
        assert all(alive(pid) for pid in first)
    assert gone_soon(first)
    assert "what a task prints" in capfd.readouterr().err


def test_functions_of_the_main_script_and_large_arrays_travel():
    weight = np.arange(300_000.0)
    with pool(2) as processes:
        products = mapped(processes, lambda shared, k: shared * k, weight, [1, 2, 3])
    assert all(np.array_equal(array, weight * k) for array, k in zip(products, [1, 2, 3], strict=True))


def test_errors_of_tasks_come_back_as_they_are():
    with pool(1) as processes:
        with pytest.raises(qep.InputError, match=r"^item 5: is not allowed$"):
            mapped(processes, refuse, None, [5])
        assert mapped(processes, add, 1, [1]) == [2]
        with pytest.raises(RuntimeError, match="could not travel"):
            mapped(processes, untravelled, None, [1])


def test_a_task_that_ends_every_worker_is_given_up():
    with pool(2) as processes:
        with pytest.raises(PoolLostError, match=r"ended its worker 4 times; .* use fewer workers"):
            mapped(processes, die, None, [1])
        assert mapped(processes, add, 1, [1]) == [2]


def test_abandoned_workers_end_in_the_middle_of_their_tasks():
    with pool(2) as processes:
        pids = set(mapped(processes, process_of, None, range(6)))
        tasks = processes.results(wait, None, [1, 2])
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                next(tasks)
        finally:
            signal.signal(signal.SIGALRM, before)
        tasks.close()
        assert gone_soon(pids, 2.0)
        assert mapped(processes, add, 1, [1]) == [2]


SCRIPT = """
import os, sys, time
from qep_qiskit.workers import pool
def task(folder, item):
    open(os.path.join(folder, f"pid{os.getpid()}"), "w").close()
    time.sleep(60)
with pool(2) as chosen:
    list(chosen.results(task, sys.argv[1], [1, 2]))
"""
UNGUARDED = """
import qep_qiskit as qep
network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
options = {"epochs": 1, "batch_size": 2, "cost": lambda y: qep.SquaredError(y)}
print(len(qep.train(network, [[.5], [-.5]], [.3, -.3], workers=2, **options).history))
"""


def started(tmp_path, *words, text=SCRIPT):
    script = tmp_path / "script.py"
    script.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(script), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def pids_in(folder, count):
    end = time.monotonic() + 60
    while len(pids := [int(path.name[3:]) for path in folder.glob("pid*")]) < count and time.monotonic() < end:
        time.sleep(0.05)
    return pids


def test_a_script_needs_no_guard(tmp_path):
    out, errors = started(tmp_path, text=UNGUARDED).communicate(timeout=60)
    assert out == "1\n" and errors == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_however_it_ends(tmp_path, number):
    process = started(tmp_path, str(tmp_path))
    pids = pids_in(tmp_path, 2)
    assert len(pids) == 2
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert gone_soon(pids) and errors == ""


def test_ctrl_c_in_the_terminal_reaches_the_parent_alone(tmp_path):
    process = started(tmp_path, str(tmp_path))
    pids = pids_in(tmp_path, 2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert gone_soon(pids)
    assert errors.count("Traceback") == 1 and errors.rstrip().endswith("KeyboardInterrupt")
