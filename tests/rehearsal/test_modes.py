"""Batches and sessions, by the real client against the mock service: opened once, joined after a crash, closed at the end."""

import pytest

from qep_qiskit.devices.ibm.device import MODES, SESSION_NOTE, ibm
from qep_qiskit.devices.remote import GroupingDevice, cautions_of
from qep_qiskit.errors import InputError
from qep_qiskit.experiment.loading import validated
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle

SPEC = {
    "seed": 3,
    "network": {"kind": "ising", "sites": 2, "edges": "chain", "inputs": [0], "outputs": [1]},
    "cost": {"kind": "squared_error"},
    "sample": {"x": [0.5], "y": [1.0]},
    "stencil": {"kind": "symmetric", "beta": 0.2},
    "measurement": {"shots": 200},
    "device": {"name": "ibm_lagos"},
}


def advanced(folder, spec, until=20.0):
    """Go on with the run as often as it takes, each time as a new process would: with a device of its own."""
    import time

    end = time.monotonic() + until
    while time.monotonic() < end:
        with RunStore.open(folder, write=True) as store:
            gradient = Lifecycle(store, spec, spec.device()).advance()
        if gradient is not None:
            return gradient
        time.sleep(0.05)
    raise AssertionError("not finished in time")


@pytest.mark.parametrize("mode", ["batch", pytest.param("session", marks=pytest.mark.slow)])
def test_the_jobs_of_a_run_share_one_that_is_closed_at_the_end(mock_service, tmp_path, mode):
    mock_service(noise="none")
    spec = validated({**SPEC, "device": {"name": "ibm_lagos", "mode": mode}})
    RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "qep-test", "device": "ibm_lagos"}).close()
    advanced(tmp_path / "run", spec)
    device = spec.device()
    assert isinstance(device, GroupingDevice)
    with RunStore.open(tmp_path / "run") as store:
        group = store.get("group", "id")
        jobs = [job.job_id for job in store.jobs()]
        assert 4.0 < sum(store.get("estimate", number)["qpu_seconds"] for number in "01") < 10.0
        texts = [event.text for event in store.events() if mode in event.text]
    assert texts == [f"{mode} {group} opened", f"{mode} {group} closed"]
    assert len(jobs) == 2
    assert {device.service.job(job_id).session_id for job_id in jobs} == {group}
    assert device.join_group(group) is False


@pytest.mark.slow
def test_a_session_that_was_closed_meanwhile_is_replaced(mock_service, tmp_path):
    mock_service(noise="none")
    spec = validated({**SPEC, "device": {"name": "ibm_lagos", "mode": "batch"}})
    RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "qep-test", "device": "ibm_lagos"}).close()
    with RunStore.open(tmp_path / "run", write=True) as store:
        life = Lifecycle(store, spec, spec.device())
        life.courier.open_group()
        first = store.get("group", "id")
        life.device.close_group(first)
    advanced(tmp_path / "run", spec)
    with RunStore.open(tmp_path / "run") as store:
        assert store.get("group", "id") != first


def test_training_keeps_one_session_open_between_calls(mock_service):
    from qep_qiskit import gradient

    mock_service(noise="none")
    device = ibm("ibm_lagos", mode="session")
    problem = validated(SPEC).problem()
    gradient(problem, device=device, shots=100, seed=1)
    first = dict(device._group)
    gradient(problem, device=device, shots=100, seed=2)
    assert device._group == first != {}
    device._close_at_exit(first["id"])
    assert device._group == {}


@pytest.mark.parametrize("mode", MODES)
def test_only_a_session_is_said_to_be_billed_beyond_its_jobs(mock_service, mode):
    mock_service(noise="none")
    assert (SESSION_NOTE in cautions_of(ibm("ibm_torino", mode=mode))) == (mode == "session")


def test_an_unknown_mode_is_refused():
    with pytest.raises(InputError, match=r"device\.mode.*'sessions'.*did you mean 'session'"):
        ibm("ibm_lagos", mode="sessions")
    with pytest.raises(InputError, match=r"device\.mode"):
        validated({**SPEC, "device": {"name": "ibm_lagos", "mode": "x"}})
