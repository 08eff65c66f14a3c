"""A training on the mock service with the real client: three qubits (or 20), two steps of two samples, one held out."""

import os
from pathlib import Path

import numpy as np
from life import billed
from points import kill_at

import qep_qiskit as qep
from qep_qiskit.runs.file.store import RunStore

X, Y = np.array([[-1.0], [-0.4], [0.5], [1.0]]), np.array([-1.0, -1.0, 1.0, 1.0])
HELD_OUT = (np.array([[0.7]]), np.array([1.0]))
CHOSEN = {"batch_size": 2, "epochs": 1, "learning_rate": 0.1, "seed": 3, "stencil": qep.symmetric(0.3), "shots": 300}
JOBS = ("step 1 job 1", "step 1 job 2", "step 2 job 1", "step 2 job 2", "step 2 job 3")
"""A free phase with its calibration and the nudged phases in each step; what the network answers after the last one."""


LARGE = {"preparer": qep.VQE(layers=1, simulation="light_cones", tolerance=1e-2), "shots": 100}


def fit(folder: Path, *, url: str, kill: str = "", mode: str = "job", sites: int = 3, **overrides):
    """Start or resume the training in a folder. Networks of more than three sites are prepared by light cones."""
    os.environ |= {"QEP_RUNTIME_URL": url, "QEP_LOOKUP_SECONDS": "3", "OMP_NUM_THREADS": "1"}
    kill_at(kill)
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[2])
    options = {**CHOSEN, "mitigation": "tensored", "validation": HELD_OUT, **(LARGE if sites > 3 else {}), **overrides}
    device = qep.ibm("ibm_lagos" if sites <= 7 else "ibm_torino", mode=mode)
    return qep.train(network, X, Y, device=device, run=folder, **options)


def told(folder: Path):
    """Everything of a run that does not depend on the clock."""
    with RunStore.open(folder) as store:
        steps = store.steps()
        for step in steps:
            step["record"].pop("seconds")
        weights = store.checkpoint("last").arrays["weights"]
        return weights.tobytes(), steps, store.get("state", "run")


def assert_paid_once(folder: Path, ledger: dict, spare: int = 0):
    """Every job of the run was billed once, and no other."""
    bills = billed(ledger)
    assert set(bills.values()) == {1}, ledger
    with RunStore.open(folder) as store:
        jobs = store.jobs()
        assert sorted(job.purpose for job in jobs) == sorted(JOBS)
        assert {job.job_id for job in jobs} == {job["id"] for job in ledger["jobs"] if job["seconds"]}
        assert {job.state for job in jobs} == {"done"}
    assert len(ledger["jobs"]) == len(JOBS) + spare
