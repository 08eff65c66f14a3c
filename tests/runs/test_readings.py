"""A gradient's error, cosine, signs and z are the same numbers wherever they are shown."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from page_files import page_files
from remote import SMALL, FolderDevice
from rich.console import Console

import qep_qiskit as qep
from qep_qiskit.estimates import cosine, percent
from qep_qiskit.experiment import load
from qep_qiskit.report import budget_page, run_page, table
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle
from qep_qiskit.runs.readings import readings_of
from qep_qiskit.runs.stored_results import climb_of

APART = SMALL.replace("sites = 2", "sites = 3").replace('edges = "chain"', "edges = [[0, 1]]").replace("400", "40_000")
"""Site 2 is connected to nothing: the exact derivatives of its weights are zero to rounding, the measured ones are not."""
SHOWN = ("relative_error", "cosine", "sign_agreement", "z")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The error budget of a run, what its page shows, and the page's own data."""
    home = tmp_path_factory.mktemp("apart")
    (home / "jobs").mkdir()
    with RunStore.create(home / "run", APART, description={"id": "apart", "device": "ibm_folder"}) as store:
        spec = load(home / "run/spec.toml")
        assert Lifecycle(store, spec, FolderDevice(home / "jobs")).advance() is not None
        climb, readings = climb_of(store, spec), readings_of(store, spec)
        assert list(climb.rungs())
        budget = climb.budget()
        page = run_page.page(store, readings)
    return spec, budget, readings, json.loads(page_files(page)["run.json"])["budget"]


@pytest.mark.parametrize("name", ["prepared", "shots", "mitigated"])
def test_the_comparison_the_page_and_its_data_agree(measured, name):
    _, budget, readings, data = measured
    rung = budget[name]
    assert rung.sign_agreement == 1.0, "site 2 has no sign to agree with"
    stored = next(entry for entry in data["rungs"] if entry["name"] == name)
    for key in SHOWN:
        expected = getattr(rung, key)
        if expected is None:
            assert getattr(readings.budget[name], key) is None and stored[key] is None
            continue
        np.testing.assert_allclose(getattr(readings.budget[name], key), expected, rtol=1e-9)
        np.testing.assert_allclose(stored[key], expected, rtol=1e-9)


def test_the_table_and_the_budgets_page_show_those_numbers(measured):
    _, budget, _, _ = measured
    stream = io.StringIO()
    table.render(budget, Console(file=stream, width=100, color_system=None))
    page = budget_page.page(json.loads(json.dumps(budget.to_dict())))
    for rung in (budget["shots"], budget["mitigated"]):
        line = next(line for line in stream.getvalue().splitlines() if line.strip().startswith(rung.title))
        row = page.partition(f">{rung.title}</td>")[2].partition("</tr>")[0]
        for text in (percent(rung.relative_error), cosine(rung.cosine), percent(rung.sign_agreement), f"{rung.largest_z:.1f}"):
            assert text in line and f">{text}<" in row


def test_the_history_of_a_training_has_the_same_cosine(measured):
    spec, budget, _, _ = measured
    problem, settings = spec.problem(), spec.settings()
    options = {"cost": problem.cost, "weights": problem.weights, "stencil": settings["stencil"], "preparer": settings["preparer"]}
    result = qep.train(problem.network, [[0.5]], [[1.0]], epochs=1, batch_size=1, compare_every=1, **options)
    assert result.history[0]["cosine"] == pytest.approx(budget["prepared"].cosine, abs=1e-9)
    assert result.to_dict()["mean_cosine"] == result.history[0]["cosine"]
