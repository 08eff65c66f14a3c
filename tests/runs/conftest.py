import shutil

import pytest
from remote import SMALL, FolderDevice

from qep_qiskit.experiment import load
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs import journal
from qep_qiskit.runs.lifecycle import Lifecycle


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A small run from its spec to its gradient, with a training step and a checkpoint added."""
    import numpy as np

    from qep_qiskit.runs.file.records import Checkpoint

    home = tmp_path_factory.mktemp("finished")
    (home / "jobs").mkdir()
    (home / "small.toml").write_text(SMALL)
    spec = load(home / "small.toml")
    identity = {"id": "qep-small", "kind": "gradient", "device": "ibm_folder"}
    with RunStore.create(home / "run", spec.to_toml(), description=identity) as store:
        assert Lifecycle(store, spec, FolderDevice(home / "jobs")).advance() is not None
        for number in range(3):
            point = Checkpoint("last", {"weights": np.arange(4.0) * number}, {"step": number})
            store.add_step(number, {"loss": 0.5**number}, checkpoint=point)
    return home / "run"


@pytest.fixture
def run(tmp_path, finished):
    """A copy of it, to be written to."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def impatient(monkeypatch):
    """Waits for jobs of a hundredth of a second."""
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.05")
    monkeypatch.setattr(journal, "LISTEN_SECONDS", 0.01)
    monkeypatch.setattr(journal, "WAIT_SECONDS", 0.02)
