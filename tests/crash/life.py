"""A run against the mock service with the real client, from its spec to its gradient, whatever happens on the way."""

import os
import time
from pathlib import Path

import numpy as np
import specs
from points import kill_at

from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.experiment import load
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle

SPEC = specs.ising(2, cost="KIND")
SPEC += """
[preparation]
method = "exact"
[measurement]
shots = 500
mitigation = "tensored"
[device]
name = "ibm_lagos"
"""
COSTS = ("squared_error", "squared_error_observable")


def write_spec(folder: Path, cost: str = COSTS[0], mode: str = "job") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spec.toml"
    path.write_text(SPEC.replace("KIND", cost) + f'mode = "{mode}"\n')
    return path


def open_run(run: Path, spec_path: Path) -> Lifecycle:
    spec = load(spec_path)
    if (run / "run.db").exists():
        store = RunStore.open(run, write=True)
    else:
        store = RunStore.create(run, spec.to_toml(), description={"id": f"qep-{run.name}", "device": "ibm_lagos"})
    return Lifecycle(store, spec, spec.device())


def go_on(run: Path, spec_path: Path, *, url: str, kill: str = "", seconds: float = 300.0, resubmit: bool = True) -> list[str]:
    """Call advance until the gradient is there, as cron would; return the lines in which it failed meanwhile."""
    os.environ |= {"QEP_RUNTIME_URL": url, "QEP_LOOKUP_SECONDS": "3", "OMP_NUM_THREADS": "1"}
    kill_at(kill)
    failures: list[str] = []
    end = time.monotonic() + seconds
    while True:
        life = open_run(run, spec_path)
        with life.store:
            try:
                while life.advance() is None:
                    assert time.monotonic() < end, "the run does not end"
                    time.sleep(0.1)
                return failures
            except (DeviceError, InputError) as error:
                failures.append(str(error))
                assert len(failures) < 5, failures
                if "--resubmit" in str(error) and resubmit:
                    life.resubmit()


def counts(run: Path) -> dict[str, list[np.ndarray]]:
    """Return the shots of every job, by its round and purpose."""
    with RunStore.open(run) as store:
        return {f"{job.round} {job.purpose}": [bits.array for bits in store.result(job.tag)] for job in store.jobs()}


def assert_same_counts(one: Path, other: Path) -> None:
    ours, theirs = counts(one), counts(other)
    assert set(ours) == set(theirs)
    for key, arrays in ours.items():
        for array, same in zip(arrays, theirs[key], strict=True):
            np.testing.assert_array_equal(array, same)


def billed(ledger: dict) -> dict[str, int]:
    """Return how many jobs were billed for each tag."""
    counts: dict[str, int] = {}
    for job in ledger["jobs"]:
        for tag in job["tags"]:
            counts[tag] = counts.get(tag, 0) + (job["seconds"] > 0)
    return counts
