"""`qep runs`: list, show, export and import, on the run of an older version that is kept for the tests."""

import json
import shutil
from pathlib import Path

import pytest

from qep_qiskit.cli.main import cli
from qep_qiskit.foreign import circuits

GOLDEN = Path(__file__).parents[1] / "runs/golden/finished"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN, tmp_path / "hardware_runs/old")
    return tmp_path


def qep(capsys, *words):
    code = cli.main(list(words), standalone_mode=False)
    out = capsys.readouterr()
    return code, out.out, out.err


def test_runs_are_listed(home, capsys):
    (home / "hardware_runs/broken").mkdir()
    (home / "hardware_runs/broken/run.db").write_bytes((GOLDEN / "run.db").read_bytes()[:9000])
    code, out, _ = qep(capsys, "runs", "list", "--json")
    runs = {run["folder"]: run for run in json.loads(out)["runs"]}
    assert code == 0
    assert runs["hardware_runs/old"]["state"] == "done"
    assert runs["hardware_runs/old"]["jobs"] == {"done": 2}
    assert runs["hardware_runs/old"]["gradients"] == ["tensored"]
    assert runs["hardware_runs/broken"]["state"] == "damaged"
    code, out, err = qep(capsys, "runs", "list")
    assert "hardware_runs/old" in out and "done" in out and "--salvage" in err


def test_an_empty_folder_lists_no_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert qep(capsys, "runs", "list", "--json")[:2] == (0, '{\n  "folder": "hardware_runs",\n  "runs": []\n}\n')
    code, _, err = qep(capsys, "runs", "list", "nowhere")
    assert code == 2 and "nowhere: no such folder" in err


def test_a_run_is_shown(home, capsys):
    code, out, _ = qep(capsys, "runs", "show", "old", "--json")
    document = json.loads(out)
    assert code == 0 and len(document["gradient_list"]) == 1 and len(document["job_list"]) == 2
    assert [event["state"] for event in document["events"]][:4] == ["intended", "sending", "submitted", "done"]
    code, out, _ = qep(capsys, "runs", "show", "hardware_runs/old")
    assert code == 0 and "mitigation tensored" in out and "J[0,1]" in out and "job000" in out


def test_export_and_import(home, capsys):
    code, out, _ = qep(capsys, "runs", "export", "old", "--json")
    document = json.loads(out)
    assert code == 0 and document["complete"] and document["file"] == "old.json" and document["kept"]["jobs"] == 2
    code, out, _ = qep(capsys, "runs", "import", "old.json", "--run", "copy", "--json")
    assert code == 0 and json.loads(out) == {"run": "copy"}
    code, _, _ = qep(capsys, "runs", "export", "copy", "-o", "again.json")
    assert code == 0
    assert json.loads((home / "again.json").read_text()) == json.loads((home / "old.json").read_text())
    code, _, err = qep(capsys, "runs", "import", "old.json", "--run", "copy")
    assert code == 2 and "there is a run already" in err


def test_an_export_with_circuits_of_a_newer_qiskit_says_so(home, capsys, monkeypatch):
    assert qep(capsys, "runs", "export", "old")[0] == 0
    monkeypatch.setattr(circuits, "NEWEST", circuits.WRITTEN - 1)
    code, _, err = qep(capsys, "runs", "import", "old.json", "--run", "new")
    assert code == 2 and "circuits.0-0: was written by a newer Qiskit" in err and err.rstrip().endswith("upgrade qiskit")


def test_a_damaged_run_names_what_can_be_exported(home, capsys):
    assert qep(capsys, "runs", "export", "old")[0] == 0
    assert qep(capsys, "runs", "import", "old.json", "--run", "new")[0] == 0
    path = home / "new/run.db"
    data = bytearray(path.read_bytes())
    data[-300:] = bytes(300)
    path.write_bytes(data)
    code, _, err = qep(capsys, "runs", "export", "new")
    assert code == 2 and "damaged" in err and "qep runs export new --salvage" in err and err.count("\n") == 1
    code, out, err = qep(capsys, "runs", "export", "new", "--salvage", "-o", "saved.json", "--json")
    document = json.loads(out)
    assert code == 0 and not document["complete"] and document["lost"]


def test_unknown_run(home, capsys):
    code, _, err = qep(capsys, "runs", "show", "nothing")
    assert code == 2 and "no run is called 'nothing'" in err
