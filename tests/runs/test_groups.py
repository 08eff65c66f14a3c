"""The batch of a run, its process ended at each point where one is opened: the run is finished, and no job is sent twice."""

from dataclasses import dataclass, field

import pytest
from remote import SMALL, FolderDevice

from qep_qiskit.experiment import load
from qep_qiskit.runs import turning_points
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle


@dataclass
class BatchDevice(FolderDevice):
    """Keeps the batches that were opened; what is sent goes into the one that was opened or joined last."""

    mode: str = "batch"
    opened: list = field(default_factory=list)
    closed: list = field(default_factory=list)
    used: list = field(default_factory=list)

    def open_group(self):
        self.opened.append(f"batch{len(self.opened)}")
        self.current = self.opened[-1]
        return self.current

    def join_group(self, group_id):
        self.current = group_id
        return group_id not in self.closed

    def close_group(self, group_id):
        self.closed.append(group_id)

    def submit(self, pubs, *, shots, tag):
        self.used.append(self.current)
        return super().submit(pubs, shots=shots, tag=tag)


class Ended(BaseException):
    """The end of a process."""


@pytest.mark.parametrize(
    ("point", "opened"),
    [
        ("submit group: before opening", 1),
        ("submit group: opened, id not written", 2),
        ("submit group: id written", 1),
        ("submit data: sent, id not written", 1),
        ("collect: gradient written", 1),
    ],
)
def test_a_terminated_run_resumes(tmp_path, monkeypatch, point, opened):
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.05")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "small.toml").write_text(SMALL)
    spec, device = load(tmp_path / "small.toml"), BatchDevice(tmp_path / "jobs")
    RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "qep-test", "device": "ibm_folder"}).close()

    def end(name):
        if name == point:
            raise Ended

    monkeypatch.setattr(turning_points, "observer", end)
    with RunStore.open(tmp_path / "run", write=True) as store, pytest.raises(Ended):
        Lifecycle(store, spec, device).advance()
    monkeypatch.setattr(turning_points, "observer", turning_points.ignore)
    with RunStore.open(tmp_path / "run", write=True) as store:
        assert Lifecycle(store, spec, device).advance() is not None
        assert len(store.gradients()) == 1
    assert len(device.opened) == opened
    assert len(device._jobs()) == 2 and set(device.used) == {device.opened[-1]}
    assert device.closed == [device.opened[-1]]
