"""One step of a run in a process of its own, which may be killed at a named point: step.py RUN JOBS [SPEC]."""

import sys
from pathlib import Path

from remote import FolderDevice

from qep_qiskit.experiment import load
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle


def main() -> int:
    run, jobs = Path(sys.argv[1]), Path(sys.argv[2])
    if (run / "run.db").exists():
        store = RunStore.open(run, write=True)
    else:
        spec = load(sys.argv[3])
        store = RunStore.create(run, spec.to_toml(), description={"id": "qep-test", "device": "ibm_folder"})
    with store:
        gradient = Lifecycle(store, load(run / "spec.toml"), FolderDevice(jobs)).advance()
    return 3 if gradient is None else 0


if __name__ == "__main__":
    sys.exit(main())
