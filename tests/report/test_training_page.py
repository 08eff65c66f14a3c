"""The page of a training says what the run holds."""

import csv
import io
import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from page_files import page_files

import qep_qiskit as qep
from qep_qiskit.drawing.curves import panels
from qep_qiskit.errors import InputError
from qep_qiskit.report import write_page
from qep_qiskit.report.training_facts import facts_of
from qep_qiskit.report.training_page import page
from qep_qiskit.runs.file.store import RunStore

CORNERS, SIGNS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([-1.0, 1.0, 1.0, -1.0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "corners"
    network = qep.ising(sites=4, edges=[(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], inputs=[0, 1], outputs=[3], clamp=True)
    options = {"shots": 80, "epochs": 4, "batch_size": 2, "compare_every": 3, "optimizer": "adaptive_shots", "learning_rate": 0.2}
    return folder, qep.train(network, CORNERS, SIGNS, validation=(CORNERS, SIGNS), run=folder, **options)


def test_the_page_holds_the_run(trained):
    folder, result = trained
    with RunStore.open(folder) as store:
        text, facts = page(store), facts_of(store)
    assert facts.weights == dict(result.weights) and facts.shots == result.shots and facts.finished
    assert facts.history == [dict(row) for row in result.history] and facts.epochs == [dict(row) for row in result.epochs]
    assert facts.mean_cosine == result.to_dict()["mean_cosine"]
    files = page_files(text)
    document = json.loads(files["training.json"])
    assert document["weights"] == facts.weights
    for words in ("held-out accuracy", "mean cosine to the exact gradient", "over 3 steps", "Confusion matrix", "J[1,3]"):
        assert words in text
    assert "<script src" not in text and not re.search("https?://", re.sub(r"(?s)<pre>.*?</pre>", "", text))
    history = list(csv.DictReader(io.StringIO(files["history.csv"])))
    assert [float(row["loss"]) for row in history] == [row["loss"] for row in facts.history]
    assert [float(row["value"]) for row in csv.DictReader(io.StringIO(files["weights.csv"]))] == list(facts.weights.values())


def test_the_page_is_written_and_the_run_not_changed(trained):
    folder, _ = trained
    before = (folder / "run.db").read_bytes()
    path = write_page(folder)
    assert path == folder / "report.html" and path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (folder / "run.db").read_bytes() == before


def test_pictures_show_what_they_are_given(trained):
    _, result = trained
    drawn, axes = panels(result.history, result.epochs), Figure().subplots()
    assert list(drawn) == ["loss", "against the exact gradient", "accuracy", "gradient", "shots per circuit"]
    drawn["loss"](axes)
    points = axes.containers[0]
    np.testing.assert_allclose(np.array(points.lines[0].get_ydata(), dtype=float), [row["loss"] for row in result.history])
    bars = [segment[1][1] - segment[0][1] for segment in points.lines[2][0].get_segments()]
    np.testing.assert_allclose(bars, [2 * row["loss_stderr"] for row in result.history])


def test_a_run_without_a_step_has_no_page(tmp_path):
    with (
        RunStore.create(tmp_path / "run", "", description={"kind": "training"}) as store,
        pytest.raises(InputError, match="no step"),
    ):
        page(store)
