"""The runs and specs for devices that are shipped in hardware_runs/."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from qep_qiskit.devices.compilation import compile_with
from qep_qiskit.devices.simulated.snapshots import snapshot
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.experiment import load
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import read_again
from qep_qiskit.settings import Settings

HOME = Path(__file__).parents[2] / "hardware_runs"
SPECIMEN = HOME / "specimen-gradient-6"


def test_the_specimen_is_labelled_and_its_counts_give_its_gradient(tmp_path):
    assert {"spec.toml", "run.db", "report.html"} == {path.name for path in SPECIMEN.iterdir()}
    assert "stand-in on this machine, not IBM Quantum" in (SPECIMEN / "report.html").read_text()
    run = tmp_path / "run"
    shutil.copytree(SPECIMEN, run)
    with RunStore.open(run, write=True) as store:
        assert "stand-in" in store.description["service"]
        [stored] = store.gradients()
        again = read_again(store, load(run / "spec.toml"), "tensored")
    np.testing.assert_allclose(again.values, stored["values"], rtol=1e-9, atol=1e-12)
    # kept before error bars counted events that were not seen, which is a matter of 1e-6 here
    np.testing.assert_allclose(again.stderr, stored["stderr"], rtol=1e-5)


@pytest.mark.parametrize("name", ["gradient-6", "chain-20", "heavy-hex-50", "chain-100"])
def test_specs_for_devices_name_a_device_and_shots(name):
    spec = load(HOME / "specs" / f"{name}.toml")
    assert spec.device().name.startswith("ibm_") and spec.shots and spec.mitigation != "none"
    assert spec.problem().network.num_qubits == int(name.split("-")[-1])


@pytest.mark.parametrize(
    ("name", "couplings"), [("chain-20", 19), ("heavy-hex-50", 53), pytest.param("chain-100", 99, marks=pytest.mark.slow)]
)
def test_specs_for_devices_need_no_swap(name, couplings):
    spec = load(HOME / "specs" / f"{name}.toml")
    planned = plan(spec.problem(), Settings(preparer=spec.preparer(), stencil=spec.stencil(), shots=100, seed=spec.seed))
    [structure] = planned.prepared.circuits()
    compiled = compile_with(snapshot("fake_fez").backend, structure.circuit, None)
    assert compiled.wires == compiled.start
    assert compiled.summary()["two_qubit_gates"] == 2 * 2 * couplings
