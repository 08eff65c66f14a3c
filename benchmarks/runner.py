"""Start the processes that measure, and keep what they report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, machine, version
from benchmarks.rows import Results, Row
from benchmarks.task import Task

Say = Callable[[str], None]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "QULACS_NUM_THREADS",
)
PACKAGES = ("qiskit", "qiskit-aer", "numpy", "scipy")

QUICK_REPEATS = 3


def run(tasks: list[Task[Any]], output: Path, *, quick: bool, resume: bool, threads: set[int], say: Say) -> Results:
    """Measure tasks and write the results after every group of rows.

    Parameters
    ----------
    tasks : list of Task
    output : Path
        Rows of other tasks that it holds stay, if they are from this machine.
    quick : bool
        The small sizes only, a few repeats each.
    resume : bool
        Leave out what the output has already, of this machine and these versions.
    threads : set of int
    say : callable
        Gets lines of progress.
    """
    results = opened(output, tasks, say)
    for task in tasks:
        for size in task.quick if quick else task.sizes:
            for count in sorted(threads & set(task.threads)):
                what = f"{task.name}, {size} {task.unit}, {count} thread{'s'[: count > 1]}"
                versions = {method.name: method.version for method in task.at(size)}
                if resume and results.finished(task.name, size, count, versions):
                    say(f"{what}: kept")
                    continue
                rows = _group(task, size, count, _prefixed(say, what), QUICK_REPEATS if quick else None)
                if count == 1 and size in task.memory:
                    rows = [replace(row, peak_mb=_memory(task, row, say)) for row in rows]
                results = results.merged(rows)
                results.save(output)
    return results


def _prefixed(say: Say, what: str) -> Say:
    return lambda text: say(f"{what}: {text}")


def opened(output: Path, tasks: list[Task[Any]], say: Say) -> Results:
    """Return what the output holds, or nothing where it comes from another machine."""
    here, versions = machine(), {name: version(name) for name in sorted(_packages(tasks))}
    results = Results.load(output)
    if results is None:
        return Results(here, versions)
    if results.machine != here:
        say(f"{output.name} was measured on another machine or Python; starting afresh")
        return Results(here, versions)
    return replace(results, versions={**results.versions, **versions})


def _packages(tasks: list[Task[Any]]) -> set[str]:
    return {*PACKAGES, *(method.package for task in tasks for method in task.methods)}


def _group(task: Task[Any], size: int, threads: int, say: Say, most: int | None = None) -> list[Row]:
    """Measure all methods in one process; one that takes the process down with it is left out of the next."""
    failed: dict[str, str] = {}
    while True:
        current = ""
        for event in _events({"task": task.name, "size": size, "threads": threads, "failed": failed, "most": most}):
            if "rows" in event:
                return [Row(**row) for row in event["rows"]]
            if "ended" in event:
                if not current:
                    say(f"the measuring process ended with code {event['ended']} while timing; no rows")
                    return []
                failed[current] = f"took the process down (exit code {event['ended']})"
                say(f"{current} {failed[current]}")
                break
            current = event["method"]
            say(f"checking {current}" if current else "timing all in turns")


def _memory(task: Task[Any], row: Row, say: Say) -> float | None:
    if row.failed:
        return None
    say(f"{task.name}, {row.size} {task.unit}: memory of {row.method}")
    order = {"task": task.name, "size": row.size, "threads": 1, "memory": row.method}
    return next((float(event["peak_mb"]) for event in _events(order) if "peak_mb" in event), None)


def _events(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Start a process, yield what it reports, then its exit code as {"ended": code}."""
    count = str(order["threads"])
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, count), "JAX_PLATFORMS": "cpu", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "benchmarks.child", json.dumps(order)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
        yield {"ended": process.wait()}
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
