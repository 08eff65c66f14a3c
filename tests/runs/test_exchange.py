"""A run as one JSON file, and back."""

import json

import numpy as np
import pytest
from remote import FolderDevice

from qep_qiskit.errors import InputError
from qep_qiskit.experiment import load
from qep_qiskit.runs.file import exchange
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.file.tables import TABLES
from qep_qiskit.runs.lifecycle import Lifecycle, read_again


@pytest.fixture
def exported(finished, tmp_path):
    with RunStore.open(finished) as store:
        exchange.write(exchange.export(store), tmp_path / "run.json")
    return tmp_path / "run.json"


def test_a_round_trip_keeps_every_row(finished, exported, tmp_path):
    copy = exchange.import_run(exported, tmp_path / "copy")
    with RunStore.open(finished) as ours, RunStore.open(copy) as theirs:
        for name in set(TABLES) - {"meta"}:
            assert theirs.rows(name) == ours.rows(name), name
        assert theirs.description == ours.description and theirs.spec_text == ours.spec_text
        assert exchange.export(theirs) == exchange.export(ours)
        assert theirs.imported["file"] == "run.json" and ours.imported is None
    assert (copy / "spec.toml").read_text() == (finished / "spec.toml").read_text()


def test_the_file_can_be_read_by_anyone(exported):
    document = json.loads(exported.read_text())
    assert document["complete"] and document["spec"].startswith("seed = 3")
    assert all(entry["openqasm3"].startswith("OPENQASM 3") for entry in document["circuits"].values())
    for results in document["results"].values():
        for result in results:
            assert all(sum(row.values()) == 400 for row in result["counts"])
            assert all(set(key) <= {"0", "1"} and len(key) == 2 for row in result["counts"] for key in row)
    assert set(document["documents"]) >= {"plan", "compiled", "calibration", "seconds"}


def test_a_copy_is_read_again_but_nothing_is_sent_from_it(finished, exported, tmp_path):
    copy = exchange.import_run(exported, tmp_path / "copy")
    with RunStore.open(copy, write=True) as store:
        spec = load(copy / "spec.toml")
        gradient = read_again(store, spec, "tensored")
        np.testing.assert_array_equal(gradient.values, store.gradients()[0]["values"])


def test_a_copy_of_an_unsent_run_sends_nothing(tmp_path, finished):
    spec = load(finished / "spec.toml")
    with RunStore.create(tmp_path / "run", spec.to_toml(), description={"id": "x", "device": "ibm_folder"}) as store:
        document = exchange.export(store)
    exchange.write(document, tmp_path / "run.json")
    copy = exchange.import_run(tmp_path / "run.json", tmp_path / "copy")
    (tmp_path / "jobs").mkdir()
    with RunStore.open(copy, write=True) as store, pytest.raises(InputError, match="is a copy"):
        Lifecycle(store, spec, FolderDevice(tmp_path / "jobs")).advance()
    assert list((tmp_path / "jobs").iterdir()) == []


def signed(document):
    return {**document, "checksum": exchange._checksum({k: v for k, v in document.items() if k != "checksum"})}


def edited(document, *path, value):
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return signed(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {**d, "spec": "seed = 4"}, "checksum does not fit"),
        (lambda d: signed({**d, "version": 2}), "newer version"),
        (lambda d: {**d, "format": "other"}, "not an exported run"),
        (lambda d: signed({k: v for k, v in d.items() if k != "jobs"}), "jobs: Field required"),
        (lambda d: signed({**d, "more": 1}), "more: Extra inputs"),
        (lambda d: edited(d, "jobs", 0, "state", value="paid"), r"jobs\.0\.state"),
        (lambda d: edited(d, "circuits", "0-0", "qpy", value="AAAA"), r"circuits\.0-0: is not QPY"),
        (lambda d: signed({**d, "circuits": {}}), "circuit '0-0' is missing"),
        (lambda d: edited(d, "jobs", 0, "content", "pubs", 0, "names", value=["a"]), "do not fit the parameters"),
        (lambda d: edited(d, "results", d["jobs"][0]["tag"], value=[]), "not one result per circuit of its job"),
        (lambda d: edited(d, "results", d["jobs"][0]["tag"], 0, "counts", value=[{"00": 400}]), "not those of the packed shots"),
        (lambda d: edited(d, "results", d["jobs"][0]["tag"], 0, "shape", value=[7]), "cannot reshape"),
        (lambda d: edited(d, "checkpoints", 0, "data", value="AAAA"), "export the run again"),
    ],
)
def test_an_incomplete_export_is_refused_in_one_line(exported, tmp_path, change, message):
    exported.write_text(json.dumps(change(json.loads(exported.read_text()))))
    with pytest.raises(InputError, match=message) as caught:
        exchange.import_run(exported, tmp_path / "copy")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": NaN}', "\x00"])
def test_invalid_json_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"qep runs export"):
        exchange.read(tmp_path / "run.json")


def test_an_existing_run_is_not_overwritten(exported, run):
    with pytest.raises(InputError, match="there is a run already"):
        exchange.import_run(exported, run)
