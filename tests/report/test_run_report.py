"""The page of a run, made of the run that is kept for the tests."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from page_files import page_files

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.report import write_page
from qep_qiskit.report.run_page import page
from qep_qiskit.report.timeline import spans
from qep_qiskit.runs.file.records import Event
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.readings import readings_of

GOLDEN = Path(__file__).parents[1] / "runs/golden/finished"


@pytest.fixture
def run(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "run")
    return tmp_path / "run"


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def embedded(text):
    return json.loads(page_files(text)["run.json"])


def test_the_page_compares_the_gradient_with_the_exact_one(run):
    spec = load(run / "spec.toml")
    with RunStore.open(run) as store:
        text = page(store, readings_of(store, spec))
        stored = store.gradients()[0]
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert all(source.startswith(("data:", "#")) for source in reader.sources)
    rungs = {rung["name"]: rung for rung in embedded(text)["budget"]["rungs"]}
    np.testing.assert_allclose(rungs["exact"]["values"], qep.exact_gradient(spec.problem()).values, atol=1e-9)
    truth = qep.gradient(spec.problem(), stencil=qep.symmetric(0.2))
    np.testing.assert_allclose(rungs["prepared"]["values"], truth.values, atol=1e-9)
    assert rungs["mitigated"]["values"] == stored["values"] and rungs["shots"]["values"] != stored["values"]
    for words in ("raw ± error", "tensored ± error", "J[0,1]", "qep-test-1-data", "job001", "two qubit gates", "2,800", "3 s"):
        assert words in text, words
    assert "inputs = [" in text and "Calibrated by the service 2026-01-01" in text


def test_it_is_written_into_the_run_which_stays_as_it_was(run):
    before = (run / "run.db").read_bytes()
    assert write_page(run, exact=False) == run / "report.html"
    assert (run / "run.db").read_bytes() == before
    text = (run / "report.html").read_text()
    assert "as prepared</th>" not in text and "tensored ± error" in text


def test_a_run_that_has_only_just_begun_has_a_page(tmp_path):
    text = (GOLDEN / "spec.toml").read_text()
    with RunStore.create(tmp_path / "run", text, description={"id": "a", "device": "ibm_<b>"}) as store:
        html = page(store, readings_of(store, load(tmp_path / "run/spec.toml")))
    assert "The run has no gradient yet: it is not sent." in html
    assert "ibm_&lt;b&gt;" in html and "ibm_<b>" not in html


def test_the_page_begins_with_the_failure(run):
    with RunStore.open(run, write=True) as store:
        tag = store.jobs()[0].tag
        store.put("duplicates", tag, ["job777"])
        html = page(store, readings_of(store, load(run / "spec.toml"), exact=False))
    assert f"1 duplicate of {tag} were made by the service: job777" in html.split("<nav")[0]


def test_the_times_of_a_job_are_those_of_its_events():
    events = [
        Event(f"2026-01-01T00:00:{second:02d}.000+00:00", "t", state, "")
        for second, state in enumerate(("intended", "sending", "submitted", None, "queued", "queued", "done"))
    ]
    times = spans(events)["t"]
    assert [state for state, _, _ in times] == ["intended", "sending", "submitted", "queued", "done"]
    assert [(end - start).total_seconds() for _, start, end in times[:-1]] == [1, 1, 2, 2]
    assert times[-1][2] is None


def test_from_the_command_line(run, capsys):
    from qep_qiskit.cli.main import cli

    assert cli.main(["report", str(run), "--no-exact", "--json"], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out) == {"run": str(run), "state": "done", "page": str(run / "report.html")}
