"""A process that measures one task at one size: all methods in turns, or the memory of one of them."""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import Row
from benchmarks.task import Call, Method, Task
from benchmarks.timing import ONCE, clocked, take_turns

Report = Callable[[str], None]
PILOT = 2.0
"""A first run may be slow only because it is the first: up to that many seconds a second one says how long it takes."""


@dataclass(frozen=True)
class Contender:
    """A method that gave the right answer, or a row that says why it did not."""

    row: Row
    call: Call | None = None
    first: float = 0.0


def measure(
    task: Task[Any],
    size: int,
    threads: int,
    *,
    failed: Mapping[str, str] | None = None,
    report: Report = lambda _: None,
    most: int | None = None,
) -> list[Row]:
    """Return a row for each method: first all are checked, then those that are right are timed in turns.

    Parameters
    ----------
    task : Task
    size, threads : int
    failed : mapping
        Name of a method → why it is not to be run.
    report : callable
        Called with the name of the method that is checked, and with "" when the timing starts.
    most : int, optional
        Repeats at the most.
    """
    case = task.case(size)
    contenders: dict[str, Contender] = {}
    methods = {method.name: method for method in task.at(size)}
    reference: list[Any] = []
    for name, method in methods.items():
        row = Row(task.name, size, threads, name, method.version, ours=method.ours, qiskit=method.qiskit, note=method.note)
        if failed and name in failed:
            contenders[name] = Contender(replace(row, failed=failed[name]))
            continue
        report(name)
        contenders[name] = _checked(task, case, method, row, reference)
    report("")
    calls: dict[str, Call] = {}
    pilots: dict[str, float] = {}
    for name, entry in contenders.items():
        if entry.call is not None and entry.first <= ONCE:
            calls[name] = entry.call
            pilots[name] = clocked(entry.call) if entry.first < PILOT else entry.first
            if task.times_setup:
                calls[_setup(name)] = partial(methods[name].setup, case)
                pilots[_setup(name)] = max(pilots[name], clocked(calls[_setup(name)]))
    seconds = take_turns(calls, pilots, most=most)
    return [_timed(entry, seconds) for entry in contenders.values()]


def _setup(name: str) -> str:
    return name + ", set-up"


def _checked(task: Task[Any], case: Any, method: Method[Any], row: Row, reference: list[Any]) -> Contender:
    """Run a method once; the first answer becomes the reference."""
    try:
        for module in method.modules:
            importlib.import_module(module)
        start = time.perf_counter()
        call = method.setup(case)
        between = time.perf_counter()
        answer = call()
        first = time.perf_counter() - between
        if not reference and not method.ours:
            return Contender(replace(row, failed="not checked: ours has no answer to compare with"))
        error = task.error(case, answer, reference[0] if reference else answer)
        row = replace(row, setup_seconds=between - start, error=error, details=dict(task.details(case, answer)))
    except Exception as problem:
        lines = str(problem).strip().splitlines() or [""]
        return Contender(replace(row, failed=f"{type(problem).__name__}: {lines[0][:160]}"))
    if not reference:
        reference.append(answer)
    if math.isfinite(task.tolerance) and not error <= task.tolerance:
        return Contender(replace(row, failed=f"wrong by {error:.1e} (at most {task.tolerance:.0e} is allowed)"))
    return Contender(row, call, first)


def _timed(entry: Contender, seconds: Mapping[str, list[float]]) -> Row:
    row = entry.row
    if entry.call is None:
        return row
    times = seconds.get(row.method) or [entry.first]
    setup = seconds.get(_setup(row.method))
    return replace(row, seconds=median(times), repeats=len(times), setup_seconds=median(setup) if setup else row.setup_seconds)


def peak_mb(task: Task[Any], size: int, name: str) -> float:
    """Return how far one run of a method raises this process's peak memory above that after the imports."""
    method = next(method for method in task.at(size) if method.name == name)
    case = task.case(size)
    for module in method.modules:
        importlib.import_module(module)
    small = task.case(task.quick[0])
    method.setup(small)()
    before = _peak()
    method.setup(case)()
    return (_peak() - before) / 2**20


def _peak() -> float:
    """The largest resident set so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def main() -> None:
    """Read the order from the command line as JSON; write lines of JSON to what was standard output."""
    from benchmarks.tasks import TASKS

    order = json.loads(sys.argv[1])
    events = os.fdopen(os.dup(1), "w", buffering=1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what packages print is not for us
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-order["threads"] :])
    task = TASKS[order["task"]]

    def say(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    if order.get("memory"):
        say(peak_mb=peak_mb(task, order["size"], order["memory"]))
        return
    measurement = measure(
        task,
        order["size"],
        order["threads"],
        failed=order["failed"],
        report=lambda name: say(method=name),
        most=order.get("most"),
    )
    say(rows=[asdict(row) for row in measurement])


if __name__ == "__main__":
    main()
