"""The harness of benchmarks/: turns, checks before timing, and what a resumed run leaves alone."""

import math
import os

import numpy as np
import pytest

from benchmarks import runner, timing
from benchmarks.__main__ import parsed
from benchmarks.child import measure, peak_mb
from benchmarks.machine import machine
from benchmarks.rows import Results, Row, with_ratios
from benchmarks.task import Method, Task
from benchmarks.timing import ONCE, calls_a_turn, clocked, repeats_for, rounds, take_turns


@pytest.fixture(autouse=True)
def many_objects(monkeypatch):
    """Collecting the garbage of a whole suite takes longer than what is timed here."""
    monkeypatch.setattr(timing.gc, "collect", lambda: 0)


@pytest.fixture
def hasty(monkeypatch):
    """Five short turns for everyone."""
    monkeypatch.setattr(timing, "STRETCH", 1e-4)
    monkeypatch.setattr(timing, "BUDGET", 0.0)


def broken(case):
    raise ImportError("no such package\nand more")


def toy(*methods, **options):
    """A task with a right answer of ones."""
    ours = Method("ours", "numpy", lambda case: lambda: np.ones(case), ours=True)
    return Task("toy", "a toy", lambda size: size, (ours, *methods), sizes=(2, 3), quick=(2,), tolerance=1e-6, **options)


RIGHT = Method("right", "scipy", lambda case: lambda: np.ones(case) + 1e-9)
WRONG = Method("wrong", "scipy", lambda case: lambda: np.ones(case) + 1e-3)
BROKEN = Method("broken", "scipy", broken)


def test_turns_rotate_and_leave_out_finished_methods():
    assert rounds({"a": 3, "b": 1, "c": 3}) == [["a", "b", "c"], ["c", "a"], ["c", "a"]]
    assert rounds({}) == []


def test_turns_alternate():
    called = []
    calls = {name: lambda name=name: called.append(name) for name in "ab"}
    seconds = take_turns(calls, dict.fromkeys("ab", 2.0))  # as if each took two seconds: three turns of one call
    assert called == ["a", "b", "b", "a", "a", "b"]
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


@pytest.mark.parametrize(("seconds", "times"), [(1e-6, 25), (0.5, 10), (0.99, 5), (2.0, 3), (2 * ONCE, 1)])
def test_quick_methods_are_repeated_more(seconds, times):
    assert repeats_for(seconds) == times


def test_a_turn_of_a_quick_method_is_many_calls():
    count = []
    assert calls_a_turn(1e-3) == 100
    assert calls_a_turn(5.0) == 1
    assert clocked(lambda: count.append(1), 7) > 0
    assert len(count) == 7


def test_all_are_checked_before_they_are_timed(hasty):
    rows = {row.method: row for row in measure(toy(RIGHT, WRONG, BROKEN), 3, 1, failed={})}
    assert rows["right"].error == pytest.approx(1e-9, rel=1e-3)
    assert rows["right"].seconds > 0
    assert rows["right"].repeats == 5
    assert rows["wrong"].failed.startswith("wrong by 1.0e-03")
    assert rows["broken"].failed == "ImportError: no such package"
    assert rows["wrong"].seconds is rows["broken"].seconds is None


def test_an_answer_that_cannot_be_compared_fails_alone(hasty):
    shapeless = Method("shapeless", "scipy", lambda case: lambda: np.ones(case + 1))
    rows = {row.method: row for row in measure(toy(shapeless, RIGHT), 3, 1)}
    assert rows["shapeless"].failed.startswith("ValueError")
    assert rows["right"].seconds > 0


def test_nobody_is_timed_unchecked(hasty):
    ours = Method("ours", "numpy", broken, ours=True)
    task = Task("toy", "a toy", lambda size: size, (ours, RIGHT), sizes=(2,), quick=(2,), tolerance=1e-6)
    assert [bool(row.failed) for row in measure(task, 2, 1)] == [True, True]


def test_a_method_that_took_the_process_down_is_left_out(hasty):
    rows = measure(toy(RIGHT), 2, 1, failed={"right": "took the process down (exit code -11)"})
    assert rows[1].failed == "took the process down (exit code -11)"


def test_set_up_is_timed_apart(hasty):
    rows = with_ratios(measure(toy(RIGHT, times_setup=True), 2, 1))
    assert rows[1].ratio == pytest.approx(rows[1].seconds / rows[0].seconds)
    both = [row.seconds + row.setup_seconds for row in rows]
    assert rows[1].ratio_with_setup == pytest.approx(both[1] / both[0])


def test_peak_memory_is_that_of_the_case():
    def allocate(case):
        return lambda: np.ones(case * 2**17)  # MiB

    task = Task("toy", "", lambda size: size, (Method("m", "numpy", allocate, ours=True),), (200,), (1,), math.inf)
    assert 150 < peak_mb(task, 200, "m") < 250


def test_ratios_are_within_a_group():
    rows = [
        Row("t", 2, 1, "ours", "1", seconds=2.0, ours=True),
        Row("t", 2, 1, "ours too", "1", seconds=3.0, ours=True),
        Row("t", 2, 1, "rival", "1", seconds=10.0),
        Row("t", 2, 2, "rival", "1", seconds=10.0),
        Row("t", 2, 1, "failed", "1", failed="wrong"),
    ]
    assert [row.ratio for row in with_ratios(rows)] == [1.0, 1.5, 5.0, None, None]


@pytest.fixture
def groups(monkeypatch, hasty):
    """Stand in for the measuring process, with fixed answers."""
    done = []

    def measured(task, size, threads, say, most=None):
        done.append((size, threads))
        return measure(task, size, threads)

    monkeypatch.setattr(runner, "_group", measured)
    return done


def start(output, *methods, **options):
    options_ = {"quick": False, "resume": False, "threads": {1}, "say": lambda text: None, **options}
    return runner.run([toy(*methods)], output, **options_)


def test_a_resumed_run_measures_what_is_missing(tmp_path, groups):
    output = tmp_path / "results.json"
    start(output, RIGHT, quick=True)
    start(output, RIGHT, resume=True)
    assert groups == [(2, 1), (3, 1)]
    start(output, RIGHT, WRONG, resume=True)  # a new method: its group is measured again
    assert groups[2:] == [(2, 1), (3, 1)]
    start(output, RIGHT, WRONG)
    assert groups[4:] == [(2, 1), (3, 1)]


def test_a_resumed_run_measures_other_versions_again(tmp_path, groups, monkeypatch):
    output = tmp_path / "results.json"
    start(output, RIGHT, quick=True)
    monkeypatch.setattr("benchmarks.task.version", lambda package: "another")
    start(output, RIGHT, quick=True, resume=True)
    assert groups == [(2, 1), (2, 1)]


def test_rows_of_another_machine_are_dropped(tmp_path, groups):
    output, lines = tmp_path / "results.json", []
    elsewhere = Results({**machine(), "cpu": "another"}, {}, [Row("other", 1, 1, "m", "1")])
    elsewhere.save(output)
    results = start(output, RIGHT, quick=True, resume=True, say=lines.append)
    assert {row.task for row in results.rows} == {"toy"}
    assert "another machine" in lines[0]


def test_an_interruption_keeps_finished_groups(tmp_path, groups, monkeypatch):
    output, measured = tmp_path / "results.json", runner._group

    def interrupted(task, size, threads, say, most=None):
        if size == 3:
            raise KeyboardInterrupt
        return measured(task, size, threads, say)

    monkeypatch.setattr(runner, "_group", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(output, RIGHT)
    results = Results.load(output)
    assert results is not None
    assert {row.size for row in results.rows} == {2}


def test_a_process_that_dies_leaves_its_method_out_of_the_next(monkeypatch):
    orders = []

    def events(order):
        orders.append(dict(order["failed"]))
        yield {"method": "ours"}
        if "right" in order["failed"]:
            yield {"method": ""}
            yield {"rows": []}
        else:
            yield {"method": "right"}
            yield {"ended": -11}

    monkeypatch.setattr(runner, "_events", events)
    assert runner._group(toy(RIGHT), 2, 1, lambda text: None) == []
    assert orders == [{}, {"right": "took the process down (exit code -11)"}]


def test_the_machine_is_not_named():
    assert os.uname().nodename not in str(machine().values())
    assert machine()["cores"] >= 1


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--threads", "0"], ["--threads", "many"]])
def test_bad_options_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        parsed(arguments)
    assert refused.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_our_rows_through_another_package_are_measured_again_when_our_code_changes():
    ours = Method("ours", "numpy", lambda case: lambda: None, ours=True)
    assert ours.version.split(", ")[0] == Method("theirs", "numpy", lambda case: lambda: None).version
    assert ours.version.split(", ")[1].startswith("0.1.0+")
