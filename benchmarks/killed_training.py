"""A training killed by SIGKILL at random moments: ``python -m benchmarks.killed_training [--spec SPEC] [--kills N]``.

The training runs once without interruption and once more with N kills, each on a mock service with all noise of its device.
Each process of the second run is killed at a random moment, and the next one resumes. The moments are spread over all steps: each
is a number of kept steps, in ascending order, and a random time after that, up to the mean time of a step and a start. The script
prints the moments, and fails unless the two runs have the same steps and bit for bit the same weights, and every job was sent and
billed once.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.rehearsal.server import serve
from qep_qiskit.runs.file.store import RunStore

SPEC = Path(__file__).resolve().parent.parent / "hardware_runs" / "specs" / "train-chain-20.toml"
SEED = 5
START = 10.0
"""The seconds that a process needs before its first step."""


def main() -> None:
    """Run the training twice and compare the runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--noise", default="full")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="killed-training-"))
    command = [str(options.spec), *(word for pair in options.set for word in ("--set", pair))]
    whole = trained(folder / "whole", command, options.noise, [])
    rng, steps = np.random.default_rng(options.seed), len(whole["steps"])
    seconds = rng.uniform(0.0, START + whole["seconds"] / steps, options.kills)
    moments = [(number * steps // options.kills, float(after)) for number, after in enumerate(seconds)]
    killed = trained(folder / "killed", command, options.noise, moments)
    for number, ((_, after), (kept, jobs)) in enumerate(zip(moments, killed["kills"], strict=False), 1):
        print(f"kill {number:2d} with {kept} of {steps} steps kept, {after:.1f} s later, and {jobs} jobs sent")
    for name, each in (("whole", whole), ("killed", killed)):
        print(f"{name}: {each['seconds']:.0f} s, {len(each['jobs'])} jobs, {each['billed']:.1f} QPU seconds billed")
    print(f"weights {'the same bit for bit' if whole['weights'] == killed['weights'] else 'DIFFER'}")
    check(whole, killed)


def check(whole: Mapping[str, Any], killed: Mapping[str, Any]) -> None:
    """Raise AssertionError unless nothing was lost, and nothing was sent or paid twice."""
    assert killed["weights"] == whole["weights"]
    assert killed["steps"] == whole["steps"]
    assert len(killed["jobs"]) == len(whole["jobs"])
    assert killed["billed"] == whole["billed"]
    for run in (whole, killed):
        assert set(Counter(tag for tag, _ in run["jobs"]).values()) == {1}, "a job was sent twice"
        assert {job for _, job in run["jobs"]} == set(run["stored"]), "a job on the service is not in the run"


def trained(run: Path, command: Sequence[str], noise: str, moments: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """Train in processes of which each is killed at one of the moments, and the last one at none; return what is left.

    Parameters
    ----------
    run : path
    command : sequence of str
        The spec, and options of ``qep train``.
    noise : str
        The noise of the mock service.
    moments : sequence of (int, float)
        The number of kept steps, and the seconds after that, at which each process is killed.
    """
    kills: list[tuple[int, int]] = []
    log = run.with_suffix(".log")
    began = time.monotonic()
    with serve(seed=SEED, noise=noise) as server, log.open("w") as output:
        environment = {**os.environ, "QEP_RUNTIME_URL": server.url, "QEP_LOOKUP_SECONDS": "3", "OMP_NUM_THREADS": "1"}
        while True:
            words = ["--resume", str(run)] if (run / "run.db").exists() else [*command, "--run", str(run)]
            line = [sys.executable, "-m", "qep_qiskit.cli", "train", *words, "--yes"]
            process = subprocess.Popen(line, env=environment, stdout=output, stderr=subprocess.STDOUT)
            if len(kills) < len(moments) and killed_at(process, run, *moments[len(kills)]):
                kills.append((steps_of(run), len(server.service.ledger()["jobs"])))
                continue
            assert process.wait() == 0, log.read_text()
            ledger = server.service.ledger()
            break
    with RunStore.open(run) as store:
        steps, last = store.steps(), store.checkpoint("last")
        assert last is not None
        for step in steps:
            step["record"].pop("seconds")
        return {
            "seconds": time.monotonic() - began,
            "kills": kills,
            "steps": steps,
            "weights": last.arrays["weights"].tobytes(),
            "stored": [job.job_id for job in store.jobs()],
            "jobs": [(tuple(sorted(job["tags"])), job["id"]) for job in ledger["jobs"]],
            "billed": sum(job["seconds"] for job in ledger["jobs"]),
        }


def killed_at(process: subprocess.Popen[bytes], run: Path, steps: int, seconds: float) -> bool:
    """Kill a process some seconds after its run has this number of steps; return False if it ends before."""
    while steps_of(run) < steps:
        if process.poll() is not None:
            return False
        time.sleep(0.2)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def steps_of(run: Path) -> int:
    """Return the number of steps that a run has kept."""
    if not (run / "run.db").exists():
        return 0
    with RunStore.open(run) as store:
        return len(store.steps())


if __name__ == "__main__":
    main()
