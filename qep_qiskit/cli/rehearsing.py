"""The steps of a rehearsal: the commands that a user would type until the run is finished."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from qep_qiskit.cli.endings import DONE, INTERRUPTED, NOT_FINISHED, TERMINATED, WRONG_INPUT
from qep_qiskit.cli.main import cli
from qep_qiskit.progress import showing
from qep_qiskit.rehearsal.service import Service
from qep_qiskit.runs.file.records import ENDED_BADLY
from qep_qiskit.runs.file.store import RunStore

PATIENCE_SECONDS, PAUSE_SECONDS, MOST_FAILURES = 120.0, 0.5, 6


@dataclass(frozen=True)
class PlayedCommand:
    """A command that was run, with its exit code, its complete output, and the last line on stderr as its message."""

    command: str
    code: int
    seconds: float
    output: str
    message: str


def play(words: list[str], home: Path, service: Service) -> Iterator[PlayedCommand]:
    """Yield the steps of a run. The last step is its report, or a step that failed for good.

    Parameters
    ----------
    words : list of str
        SPEC and its options, for `qep plan` and `qep submit`.
    home : Path
        The run's folder.
    service : Service
        The service for the commands; once it has refused a job it always refuses it.
    """
    step = run(["plan", *words])
    yield step
    if step.code == WRONG_INPUT:
        return
    submit = ["submit", *words, "--run", str(home), "--yes"]
    step = run(submit)
    yield step
    failures, end = 0, time.monotonic() + PATIENCE_SECONDS
    reported = False
    while step.code != DONE and failures < MOST_FAILURES and time.monotonic() < end:
        if step.code != NOT_FINISHED:
            failures += 1
            if service.refused or (step.code == WRONG_INPUT and not _ended_badly(home)):
                return
        if not reported and (home / "run.db").is_file():
            reported = True
            yield run(["status", str(home)])
        time.sleep(PAUSE_SECONDS)
        if _simulated(service):
            end = time.monotonic() + PATIENCE_SECONDS
        before = step
        step = run(_next(submit, home))
        if (step.code, step.message) != (NOT_FINISHED, before.message) or before.code != NOT_FINISHED:
            yield step
    if step.code != DONE:
        yield step
        return
    if not reported:
        yield run(["status", str(home)])
    yield run(["report", str(home)])


def play_training(words: list[str], home: Path, service: Service) -> Iterator[PlayedCommand]:
    """Yield the steps of a training, as :func:`play` does for a gradient."""
    step = run(["plan", *words])
    yield step
    if step.code != DONE:
        return
    train, failures = ["train", *words, "--run", str(home), "--yes"], 0
    step = run(train)
    yield step
    while step.code != DONE and failures < MOST_FAILURES:
        if service.refused or (step.code == WRONG_INPUT and not _ended_badly(home)):
            return
        failures += 1
        if (home / "run.db").is_file():
            train = ["train", "--resume", str(home), "--yes", *(["--resubmit"] if _ended_badly(home) else [])]
        step = run(train)
        yield step
    if step.code == DONE:
        yield run(["status", str(home)])
        yield run(["report", str(home)])


def _simulated(service: Service) -> bool:
    """Wait while the service simulates a job, show its progress, and return whether there was one."""
    if service.running() is None:
        return False
    with showing(lines=True) as report:
        while (running := service.running()) is not None:
            report(*running)
            time.sleep(PAUSE_SECONDS)
    return True


def _next(submit: list[str], home: Path) -> list[str]:
    if not (home / "run.db").is_file():
        return submit
    return ["collect", str(home), "--yes", *(["--resubmit"] if _ended_badly(home) else [])]


def _ended_badly(home: Path) -> bool:
    """Return whether the run has failed jobs that must be replaced by other jobs."""
    if not (home / "run.db").is_file():
        return False
    with RunStore.open(home) as store:
        return any(job.state in ENDED_BADLY for job in store.jobs())


def run(words: list[str]) -> PlayedCommand:
    """Run one command in this process, and capture its output."""
    started = time.monotonic()
    out, err = io.StringIO(), io.StringIO()
    with showing(lines=True) as report:
        report(f"qep {' '.join(words[:2])}", None)
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main(words, standalone_mode=False)
    if code in (INTERRUPTED, TERMINATED):
        raise KeyboardInterrupt
    errors = err.getvalue()
    message = errors.strip().splitlines()[-1] if errors.strip() else ""
    quoted = " ".join(f"'{word}'" if " " in word or word.endswith("=") else word for word in words)
    return PlayedCommand(f"qep {quoted}", int(code), round(time.monotonic() - started, 2), errors + out.getvalue(), message)
