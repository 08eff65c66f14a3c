"""Run the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.runner import run
from benchmarks.shots import draw
from benchmarks.tables import headline_table, short_table, write_tables
from benchmarks.tasks import TASKS
from benchmarks.tasks.per_weight import PER_WEIGHT

FOLDER = Path(__file__).resolve().parent


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure this project beside other packages.")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes only, into quick.json; leaves README.md and docs/ alone"
    )
    parser.add_argument("--only", metavar="TASK[,TASK]", type=_tasks, default=list(TASKS), help=f"of {', '.join(TASKS)}")
    parser.add_argument("--resume", action="store_true", help="keep finished rows of this machine and these versions")
    parser.add_argument("--threads", metavar="N[,N]", type=_numbers, help="numbers of threads (1,2; with --quick 1)")
    parser.add_argument("--output", type=Path, help="where the rows go (results.json beside this file)")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables of the output again")
    return parser.parse_args(arguments)


def _tasks(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown task {unknown[0]!r}; allowed: {', '.join(TASKS)}")
    return names


def _numbers(text: str) -> set[int]:
    numbers = {int(part) for part in text.split(",")}
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers of at least 1")
    return numbers


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the rows and the tables; return the exit code."""
    options = parsed(arguments)
    threads = options.threads or ({1} if options.quick else {1, 2})
    output = options.output or FOLDER / ("quick.json" if options.quick else "results.json")
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:6.0f} s] {text}", file=sys.stderr, flush=True)

    tasks = [] if options.tables else [TASKS[name] for name in options.only]
    try:
        results = run(tasks, output, quick=options.quick, resume=options.resume, threads=threads, say=say)
    except KeyboardInterrupt:
        say(f"stopped; what is finished is in {output.name}. Go on with the same command and --resume")
        return 130
    if PER_WEIGHT.name in options.only and not (options.quick or options.tables):
        say("drawing shots.png")
        draw(FOLDER / "shots.png")
    pages = {FOLDER.parent / "README.md": headline_table, FOLDER.parent / "docs/benchmarks.md": short_table}
    paths = write_tables(results, output.with_suffix(".md"), {} if options.quick or options.output else pages)
    say("wrote " + ", ".join(path.name for path in [output, *paths]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
