"""The error budget of a stored run: from its counts alone, no device."""

import json

import numpy as np
import pytest
from test_lifecycle import COSTS, made, opened

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.equilibrium import reduce
from qep_qiskit.errors import InputError
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.stored_results import climb_of, measured


def budget_of(store, spec, **options):
    climb = climb_of(store, spec, **options)
    assert list(climb.rungs())
    return climb.budget()


@pytest.fixture
def run(tmp_path):
    spec = made(tmp_path)
    store, life = opened(tmp_path, spec)
    with store:
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
    np.testing.assert_array_equal(budget["shots"].values, reduce(done, outcomes, mitigation="none").values)
    np.testing.assert_array_equal(budget["mitigated"].values, stored[0]["values"])
    assert budget["device"].values is None
    assert "not known" in budget["device"].note
    assert budget["shots"].relative_error > 2 * budget["mitigated"].relative_error


def test_the_same_counts_can_be_mitigated_in_another_way(run):
    folder, spec = run
    with RunStore.open(folder) as store:
        budget = budget_of(store, spec, mitigation="m3")
        assert len(store.gradients()) == 1
    assert budget.settings["mitigation"] == "m3"


def test_an_unfinished_run_is_refused(tmp_path):
    spec = made(tmp_path, COSTS[1])
    store, life = opened(tmp_path, spec, "queue")
    with store:
        life.advance()
        with pytest.raises(InputError, match="qep collect"):
            budget_of(store, spec)


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
