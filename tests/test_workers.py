"""Pools: order, refusals, and a worker that dies."""

import os
import signal

import pytest

import qep_qiskit as qep
from qep_qiskit.workers import Serial, mapped, pool


def add(shared, item):
    return shared + item


def die_once(folder, item):
    """Kill the worker's process the first time this item is seen."""
    flag = folder / str(item)
    if item == 3 and not flag.exists():
        flag.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def test_serial_is_in_order():
    assert list(Serial().results(add, 10, [3, 1])) == [(0, 13), (1, 11)]
    with pool() as chosen:
        assert mapped(chosen, add, 1, [1, 2]) == [2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "at least 1"),
        ({"workers": True}, "at least 1"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "do not go together"),
        ({"scheduler": "somewhere"}, "tcp://127.0.0.1:8786"),
    ],
)
def test_bad_pools_are_one_line(options, message):
    with pytest.raises(qep.InputError, match=message), pool(**options):
        pass


@pytest.mark.slow
def test_a_lost_worker_costs_only_time(tmp_path):
    with pool(2) as chosen:
        assert mapped(chosen, die_once, tmp_path, range(8)) == [k * k for k in range(8)]
    assert (tmp_path / "3").exists()
