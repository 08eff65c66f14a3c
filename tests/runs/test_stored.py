"""The error budget of a stored run: from its counts alone, no device."""

import json

import numpy as np
import pytest
import test_lifecycle
from remote import FolderDevice
from test_lifecycle import COSTS, made, opened

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.comparison import Climb
from qep_qiskit.devices.compilation import compile_with
from qep_qiskit.equilibrium import Outcomes, execute, plan, reduce
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.stored_results import climb_of, measured
from qep_qiskit.settings import Settings


def budget_of(store, spec, **options):
    climb = climb_of(store, spec, **options)
    assert list(climb.rungs())
    return climb.budget()


@pytest.fixture
def run(tmp_path):
    spec = made(tmp_path)
    with opened(tmp_path, spec) as (_, life):
        life.advance()
    return tmp_path / "run", spec


def test_every_rung_is_what_its_name_says(run):
    folder, spec = run
    with RunStore.open(folder) as store:
        budget = budget_of(store, spec)
        done, outcomes = measured(store, spec)
        stored = store.gradients()
    problem = spec.problem()
    np.testing.assert_allclose(budget["exact"].values, qep.exact_gradient(problem).values, atol=1e-8)
    for name in ("finite_beta", "prepared"):
        np.testing.assert_allclose(budget[name].values, qep.gradient(problem, stencil=qep.symmetric(0.2)).values, atol=1e-8)
    np.testing.assert_array_equal(budget["shots"].values, reduce(done, outcomes, mitigation=Mitigation()).values)
    np.testing.assert_array_equal(budget["mitigated"].values, stored[0]["values"])
    assert budget["device"].values is None
    assert budget["device"].note == "not known, because the run did not store the errors of its device's gates"
    assert budget["shots"].relative_error > 2 * budget["mitigated"].relative_error


def test_the_same_counts_can_be_mitigated_in_another_way(run):
    folder, spec = run
    with RunStore.open(folder) as store:
        budget = budget_of(store, spec, mitigation="m3")
        assert len(store.gradients()) == 1
    assert budget.settings["mitigation"] == "m3"


def test_an_unfinished_run_is_refused(tmp_path):
    spec = made(tmp_path, COSTS[1])
    with opened(tmp_path, spec, "queue") as (store, life):
        life.advance()
        with pytest.raises(InputError, match="qep collect"):
            budget_of(store, spec)


class CalibratedDevice(FolderDevice):
    """Like a `FolderDevice`, with the qubits, gates and errors of a snapshot."""

    backend = qep.fake("guadalupe").snapshot.backend
    _compile = staticmethod(lambda circuit, qubits: compile_with(CalibratedDevice.backend, circuit, qubits))

    def compile(self, circuit, *, qubits=None):
        return self.cache.compiled(circuit, qubits, self._compile)


@pytest.fixture
def calibrated(tmp_path, monkeypatch):
    """A finished run on a device whose calibration is known."""
    monkeypatch.setattr(test_lifecycle, "FolderDevice", CalibratedDevice)
    spec = made(tmp_path)
    with opened(tmp_path, spec) as (_, life):
        assert life.advance() is not None
    return tmp_path / "run", spec


def test_a_run_that_stored_its_devices_noise_knows_the_result_at_infinite_shots(calibrated):
    folder, spec = calibrated
    with RunStore.open(folder) as store:
        budget = budget_of(store, spec)
        start = store.get("compiled", "0")["start"]
    device, there = qep.fake("guadalupe"), Outcomes(start=tuple(start))
    for name, mitigation in (("device", "none"), ("mitigated_limit", "tensored")):
        options = {"stencil": qep.symmetric(0.2), "device": device, "mitigation": mitigation, "seed": spec.seed}
        first = plan(spec.problem(), Settings(**options))
        truth = reduce(*finish(first, lambda part, earlier: execute(part, device, earlier=earlier or there)))
        np.testing.assert_allclose(budget[name].values, truth.values, atol=1e-9)
        assert "the run stored" in budget[name].note and "calibration of 20" in budget[name].note
    assert budget["device"].relative_error > budget["mitigated_limit"].relative_error


def test_a_stopped_comparison_of_a_run_resumes(calibrated, monkeypatch):
    folder, spec = calibrated
    with RunStore.open(folder) as store:
        stopped = climb_of(store, spec, keep=folder)
        for rung in stopped.rungs():
            if rung.name == "device":
                break
        whole, resumed = budget_of(store, spec), climb_of(store, spec, keep=folder)
        assert resumed.resumed == 4
        monkeypatch.setattr(Climb, "_true", None)  # the exact gradients are not computed again
        assert [rung.name for rung in resumed.rungs()] == [rung.name for rung in whole]
        assert list(resumed.budget()) == list(whole)
        assert json.loads((folder / "budget.json").read_text())["complete"]
        assert climb_of(store, spec, keep=folder).resumed == 0  # a complete budget is not resumed
        assert climb_of(store, spec, mitigation="m3", keep=folder).resumed == 0


def test_from_the_command_line(run, capsys):
    folder, _ = run
    before = (folder / "spec.toml").read_text()
    assert cli.main(["compare", str(folder), "--json"], standalone_mode=False) == 0
    budget = json.loads(capsys.readouterr().out)
    assert [rung["name"] for rung in budget["rungs"] if rung["values"]] == [
        "exact",
        "finite_beta",
        "prepared",
        "shots",
        "mitigated",
    ]
    assert (folder / "spec.toml").read_text() == before
    page = (folder / "budget.html").read_text()
    assert "raw" in page and json.loads((folder / "budget.json").read_text())["run"] == str(folder)
    assert cli.main(["compare", str(folder), "--mitigation", "trex"], standalone_mode=False) == 2
    assert "random flips" in capsys.readouterr().err
    assert cli.main(["compare", str(folder), "--seed", "4"], standalone_mode=False) == 2
    assert "go with a SPEC" in capsys.readouterr().err
