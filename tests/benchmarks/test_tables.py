"""The harness of benchmarks/: ratios, tables and what is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import child
from benchmarks.rows import Results, Row
from benchmarks.tables import END, START, between, full_tables, headline_table, short_table
from benchmarks.task import Method, Task
from benchmarks.tasks import TASKS

ROOT = Path(__file__).parents[2]
MACHINE = {"cpu": "a processor", "cores": 2, "memory_gb": 4.0, "system": "a system", "python": "3.11"}


def rows():
    first = Row("gradient", 12, 1, "ours", "1", seconds=0.01, repeats=5, ours=True, ratio=1.0)
    plain = replace(first, method="plain", seconds=0.08, ours=False, qiskit=True, ratio=8.0, peak_mb=120.0)
    quick = replace(first, method="quick", seconds=0.02, ours=False, ratio=2.0)
    broken = replace(first, method="broken", seconds=None, ours=False, ratio=None, failed="wrong by 1e-1")
    return [first, plain, quick, broken]


def results():
    return Results(MACHINE, {"numpy": "2"}).merged(rows())


def test_the_short_table_names_ours_plain_qiskit_and_the_fastest_rival():
    lines = short_table(results()).splitlines()
    assert lines[2] == "| gradient | 12 | 10 ms | 80 ms | 8× | quick | 20 ms | 2× |"
    assert "a processor" in lines[-1]


def test_the_headlines_are_the_largest_sizes_of_some_tasks():
    larger = [replace(row, size=16) for row in rows()]
    lines = headline_table(results().merged([*rows(), *larger, replace(rows()[0], task="batch")])).splitlines()
    assert lines[2] == "| exact gradient of an Ising network, all weights | 16 | 10 ms | 80 ms, 8× | 20 ms, 2× |"
    assert lines[3] == ""


def test_large_ratios_are_written_out():
    capped = replace(rows()[1], task="vqe-2", seconds=60.0, ratio=1234.5, details={"lower bound": True})
    lines = headline_table(results().merged([replace(rows()[0], task="vqe-2"), capped])).splitlines()
    assert "≥ 60 s, ≥ 6,000×" in lines[3]


def test_a_batch_names_its_qubits_and_needs_no_plain_qiskit():
    batch = [replace(row, task="batch-states-2", size=64, qiskit=False) for row in rows()]
    lines = headline_table(results().merged(batch)).splitlines()
    assert lines[3] == "| such gradients of a batch of 64 samples | 8 | 10 ms | – | 20 ms, 2× |"


@pytest.mark.parametrize(("page", "made"), [("README.md", headline_table), ("docs/benchmarks.md", short_table)])
def test_pages_hold_the_tables_of_the_kept_results(page, made):
    results_on_file = Results.load(ROOT / "benchmarks/results.json")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"{START}\n{made(results_on_file)}\n{END}" in text


def test_the_full_tables_hold_failures_and_memory():
    text = full_tables(results())
    assert "wrong by 1e-1" in text
    assert "| failed |" in text
    assert "| 120 |" in text


def test_a_table_goes_between_its_marks_only():
    page = f"before\n{START}\nold\n{END}\nafter\n"
    assert between(page, "new") == f"before\n{START}\nnew\n{END}\nafter\n"
    assert between("no marks", "new") == "no marks"


def test_results_are_kept_and_replaced_by_group(tmp_path):
    path = tmp_path / "results.json"
    results().save(path)
    loaded = Results.load(path)
    assert loaded is not None
    assert [row.method for row in loaded.rows] == ["ours", "plain", "quick", "broken"]
    again = loaded.merged([replace(rows()[0], seconds=0.5)])
    assert [(row.method, row.seconds) for row in again.rows] == [("ours", 0.5)]


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_task_measures_ours_first_and_names_its_methods_once(task: Task):
    assert task.methods[0].ours
    names = [method.name for method in task.methods]
    assert len(names) == len(set(names))
    assert set(task.quick)
    assert all(task.at(size) for size in task.sizes)


def test_methods_are_fitted_by_size():
    method = Method("m", "numpy", lambda case: lambda: np.zeros(1), largest=12)
    assert method.fits(12)
    assert not method.fits(13)
    assert callable(child.main)
