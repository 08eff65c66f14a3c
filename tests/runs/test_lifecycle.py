"""A run from its spec to its gradient: in one go, with faults, and killed at every named point."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import points as turns
import pytest
import specs
from points import named
from remote import FolderDevice

import qep_qiskit as qep
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.experiment import load
from qep_qiskit.runs import turning_points
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.cancelling import cancel_jobs
from qep_qiskit.runs.lifecycle import Lifecycle, read_again

HERE = Path(__file__).parent
SPEC = specs.ising(3, cost="KIND")
SPEC += """
[preparation]
method = "exact"
[measurement]
shots = 20000
mitigation = "tensored"
[device]
name = "ibm_folder"
"""
COSTS = ("squared_error", "squared_error_observable")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.05")


def made(tmp_path, cost="squared_error", mitigation="tensored"):
    (tmp_path / "jobs").mkdir(exist_ok=True)
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace("KIND", cost).replace('"tensored"', f'"{mitigation}"'))
    return load(path)


@contextmanager
def opened(tmp_path, spec, *faults):
    folder = tmp_path / "run"
    if (folder / "run.db").exists():
        store = RunStore.open(folder, write=True)
    else:
        store = RunStore.create(folder, spec.to_toml(), description={"id": "qep-test", "device": "ibm_folder"})
    with store:
        yield store, Lifecycle(store, spec, FolderDevice(tmp_path / "jobs", faults))


@pytest.mark.parametrize("choice", [("stencil.beta", "auto"), ("measurement.split", "optimal")])
def test_a_run_begun_before_its_choices_were_made_is_refused_in_one_line(tmp_path, choice):
    made(tmp_path)
    with opened(tmp_path, load(tmp_path / "spec.toml", overrides=[choice])) as (store, life):
        with pytest.raises(InputError, match="begun before its β and its shots were chosen.*submit the spec again"):
            life.advance()
        assert not store.jobs(0)


@pytest.mark.parametrize("cost", COSTS)
def test_the_gradient_is_right_and_every_job_is_sent_once(tmp_path, cost):
    spec = made(tmp_path, cost)
    with opened(tmp_path, spec) as (store, life):
        assert isinstance(life.device, RemoteDevice)
        gradient = life.advance()
        assert gradient is not None
        truth = qep.gradient(spec.problem(), stencil=qep.symmetric(0.2))
        assert np.abs((gradient.values - truth.values) / gradient.stderr).max() < 4.5
        assert len(life.device._jobs()) == (2 if cost == "squared_error" else 1)
        assert len(store.gradients()) == 1
    with RunStore.open(tmp_path / "run") as again:
        assert again.gradients()[0]["values"] == gradient.values.tolist()


ANSATZ = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a;
input float[64] b;
input float[64] c;
qubit[3] q;
ry(a) q[0];
ry(b) q[1];
ry(c) q[2];
cx q[0], q[1];
cx q[1], q[2];
"""


@pytest.mark.parametrize("stop", ["round 0: before compiling", "round 1: before compiling"])
@pytest.mark.parametrize("new", [ANSATZ.replace("cx q[1], q[2];", "cz q[1], q[2];"), None, ANSATZ + "rx(0.1) q[0];\n"])
def test_an_ansatz_file_that_was_edited_between_two_rounds_is_refused(tmp_path, monkeypatch, stop, new):
    (tmp_path / "a.qasm").write_text(ANSATZ)
    made(tmp_path, mitigation="none")
    path = tmp_path / "spec.toml"
    path.write_text(
        path.read_text().replace('method = "exact"', 'method = "vqe"\nansatz = "a.qasm"\nstarts = 1\ntolerance = 1e-3')
    )
    spec = load(path)

    def stopped(point):
        if point == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(turning_points, "observer", stopped)
    with opened(tmp_path, spec) as (_, life), pytest.raises(KeyboardInterrupt):
        life.advance()
    jobs = len(life.device._jobs())
    assert jobs == int(stop[6])
    monkeypatch.undo()
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.05")
    if new is not None:
        (tmp_path / "a.qasm").write_text(new)
        why = r"the ansatz .*a\.qasm changed since this run began"
        with opened(tmp_path, load(path)) as (_, life), pytest.raises(InputError, match=why):
            life.advance()
        assert len(life.device._jobs()) == jobs
        (tmp_path / "a.qasm").write_text(ANSATZ)
    with opened(tmp_path, load(path)) as (_, life):
        assert life.advance() is not None


def test_a_ramp_of_an_earlier_version_gets_no_second_round_of_other_circuits(tmp_path, monkeypatch):
    made(tmp_path, mitigation="none")
    path = tmp_path / "spec.toml"
    path.write_text(path.read_text().replace('method = "exact"', 'method = "adiabatic"\ntime = 2.0\nsteps = 4'))
    spec = load(path)

    def stopped(point):
        if point == "round 1: before compiling":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(turning_points, "observer", stopped)
        patch.delattr(qep.Adiabatic, "identity")  # as it was when the couplings were outermost
        with opened(tmp_path, spec) as (_, life), pytest.raises(KeyboardInterrupt):
            life.advance()
    why = r"preparation changed since this run began.*earlier version, install that version"
    with opened(tmp_path, spec) as (_, life), pytest.raises(InputError, match=why):
        life.advance()
    assert len(life.device._jobs()) == 1


def test_stored_counts_are_read_again_without_the_device(tmp_path):
    spec = made(tmp_path)
    with opened(tmp_path, spec) as (store, life):
        mitigated = life.advance()
        raw = read_again(store, spec, "none")
        same = read_again(store, spec, "tensored")
        other = read_again(store, spec, "m3")
    np.testing.assert_array_equal(same.values, mitigated.values)
    assert not np.array_equal(raw.values, mitigated.values)
    np.testing.assert_allclose(other.values, same.values, atol=same.stderr.max() / 10)


def test_a_twirled_run_is_right_and_its_counts_are_read_with_and_without_mitigation(tmp_path):
    spec = made(tmp_path, mitigation="trex")
    with opened(tmp_path, spec) as (store, life):
        gradient = life.advance()
        raw = read_again(store, spec, "none")
        same = read_again(store, spec, "trex")
        with pytest.raises(InputError, match="'m3' cannot be read from counts measured behind random flips"):
            read_again(store, spec, "m3")
        shots = {job.purpose: job.shots for job in store.jobs()}
    truth = qep.gradient(spec.problem(), stencil=qep.symmetric(0.2))
    assert np.abs((gradient.values - truth.values) / gradient.stderr).max() < 4.5
    assert np.abs((raw.values - truth.values) / raw.stderr).max() > 5
    np.testing.assert_array_equal(same.values, gradient.values)
    assert shots == {"data": 2500}  # 8 sets of flips of 3 qubits share 20 000 shots; the calibration goes with the data


@pytest.mark.parametrize("cost", COSTS)
def test_a_run_calibrated_at_clifford_angles_is_right_and_its_counts_are_read_with_and_without_mitigation(tmp_path, cost):
    made(tmp_path, cost, mitigation="clifford")
    spec = load(tmp_path / "spec.toml", overrides=[("preparation.method", "vqe"), ("preparation.layers", 2)])
    with opened(tmp_path, spec) as (store, life):
        gradient = life.advance()
        raw = read_again(store, spec, "none")
        same = read_again(store, spec, "clifford")
        with pytest.raises(InputError, match="'trex' cannot be read from counts measured for 'clifford'"):
            read_again(store, spec, "trex")
        names = {key for key in store.circuits() if key.startswith("calibration")}
    truth = qep.gradient(spec.problem(), preparer=spec.settings().preparer, stencil=qep.symmetric(0.2))
    assert np.abs((gradient.values - truth.values) / gradient.stderr).max() < 4.5
    assert np.abs((raw.values - truth.values) / raw.stderr).max() > 5
    np.testing.assert_array_equal(same.values, gradient.values)
    np.testing.assert_array_equal(same.covariance, gradient.covariance)
    assert len(names) == 2  # one per basis, in whichever round it comes first


def test_a_run_with_folded_circuits_is_read_in_every_form(tmp_path):
    spec = made(tmp_path, COSTS[1], mitigation="zne:1,3+trex")
    with opened(tmp_path, spec) as (store, life):
        gradient = life.advance()
        truth = qep.gradient(spec.problem(), stencil=qep.symmetric(0.2))
        assert np.abs((gradient.values - truth.values) / gradient.stderr).max() < 4.5
        assert gradient.provenance["executions"] == 10  # two factors of 5 circuits
        readout = read_again(store, spec, "trex")
        other = read_again(store, spec, "zne:exponential+trex")
        with pytest.raises(InputError, match="cannot be read"):
            read_again(store, spec, "zne:1,5+trex")
    # without gate noise folding changes nothing but the error bar: (1.5² + 0.5²)^½ = 1.58 of that of the circuits alone
    assert np.abs((readout.values - truth.values) / readout.stderr).max() < 4.5
    assert 1.3 < np.median(gradient.stderr / readout.stderr) < 1.7
    assert np.abs((other.values - truth.values) / other.stderr).max() < 4.5


def test_plain_counts_cannot_be_read_by_twirling(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec) as (store, life):
        life.advance()
        with pytest.raises(InputError, match="'trex' cannot be read from counts measured without the random flips"):
            read_again(store, spec, "trex")


def test_a_lost_reply_is_looked_up_and_adopted(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "lost reply") as (store, life):
        assert life.advance() is not None
        assert len(life.device._jobs()) == 1
        assert any("adopted" in event.text for event in store.events())


def test_a_duplicate_is_reported(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "duplicate") as (store, life):
        assert life.advance() is not None
        assert len(store.get("duplicates", store.jobs()[0].tag)) == 1


def test_a_storm_loses_nothing(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "storm") as (_, life), pytest.raises(DeviceError, match="Nothing is lost"):
        life.advance()
    with opened(tmp_path, spec) as (_, life):
        assert life.advance() is not None
        assert len(life.device._jobs()) == 1


def test_a_queue_takes_its_time_and_a_failed_job_is_sent_again(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "queue") as (_, life):
        assert life.advance() is None
    with opened(tmp_path, spec, "failed") as (_, life), pytest.raises(InputError, match=r"the device is on fire.*--resubmit"):
        life.advance()
    with opened(tmp_path, spec) as (_, life):
        assert len(life.resubmit()) == 1
        assert life.advance() is not None
        assert len(life.device._jobs()) == 2


def test_a_cancelled_run_stays_cancelled(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "queue") as (_, life):
        life.advance()
        assert [end.cancelled for end in cancel_jobs(life.courier)] == [("job000",)]
        with pytest.raises(InputError, match="cancelled by the user"):
            life.advance()


def points():
    names = named("runs/lifecycle.py", "runs/jobs/courier.py")
    return [name.replace("{number}", "1").replace("{job.purpose}", "data") for name in names]


REACHED = "submit data: sent, id not written"


def killed_and_resumed(tmp_path, point):
    made(tmp_path)
    reference = tmp_path / "reference"
    reference.mkdir()
    made(reference)
    program = str(HERE / "step.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QEP_LOOKUP_SECONDS": "0.05"}

    def step(home, kill=""):
        words = [sys.executable, turns.HERE, kill, program, home / "run", home / "jobs", home / "spec.toml"]
        return subprocess.run(words, env=environment, capture_output=True, text=True)

    assert step(reference).returncode == 0
    died = step(tmp_path, point)
    done = step(tmp_path)
    assert done.returncode == 0, done.stderr
    with RunStore.open(tmp_path / "run") as ours, RunStore.open(reference / "run") as theirs:
        for job in theirs.jobs():
            for one, other in zip(ours.result(job.tag), theirs.result(job.tag), strict=True):
                np.testing.assert_array_equal(one.array, other.array)
        assert ours.gradients()[0]["values"] == theirs.gradients()[0]["values"]
    assert len(list((tmp_path / "jobs").glob("*.json"))) == len(list((reference / "jobs").glob("*.json")))
    return died


@pytest.mark.slow  # tests/crash does the same in forked processes, quickly
@pytest.mark.parametrize("point", sorted(points()))
def test_a_run_killed_anywhere_resumes(tmp_path, point):
    died = killed_and_resumed(tmp_path, point)
    assert point != REACHED or died.returncode == -signal.SIGKILL
