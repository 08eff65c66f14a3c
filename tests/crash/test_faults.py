"""Every fault of the mock service, met by the real client: the run completes, with the same shots, and pays once."""

import re
import time

import pytest
from life import COSTS, assert_same_counts, billed, go_on, write_spec

from qep_qiskit.errors import DeviceError
from qep_qiskit.experiment import load
from qep_qiskit.rehearsal.faults import FAULTS
from qep_qiskit.rehearsal.server import serve
from qep_qiskit.runs.file.store import RunStore

TOKEN = "planted-token-4711-abcdef"
COST = COSTS[1]
HARMLESS = ("storm", "expired-token", "slow-queue", "read-once", "lost-reply", "lagging-list", "duplicate", "silence")
FAILING = {  # what the first attempt says
    "long-storm": r"device: the job could not be sent.*Nothing is lost",
    "failed-job": r"failed: .*the control electronics lost their clock.*--resubmit",
    "cancelled-job": r"cancelled.*--resubmit",
    "echo": r"device: the job could not be sent.*was refused",
}
QUICK = {"lost-reply", "failed-job", "echo"}
EVENTS = {
    "lost-reply": "adopted job",
    "lagging-list": "adopted job",
    "duplicate": "is a duplicate of .* and was cancelled",
    "long-storm": "no job with this tag",
    "failed-job": "sent again as",
    "cancelled-job": "sent again as",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("QEP_RUNTIME_URL", "QEP_LOOKUP_SECONDS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
    monkeypatch.setenv("QEP_ANSWER_SECONDS", "2")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("reference")
    with serve(seed=5) as server:
        assert go_on(folder / "run", write_spec(folder, COST), url=server.url) == []
    return folder / "run"


def slow_but_for(names):
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("fault", slow_but_for([*HARMLESS, *FAILING]))
def test_the_run_completes_and_pays_once(fault, tmp_path, reference):
    with serve(seed=5, faults=[fault]) as server:
        failures = go_on(tmp_path / "run", write_spec(tmp_path, COST), url=server.url)
        ledger = server.service.ledger()
    assert ledger["faults"][fault] >= 1
    assert_same_counts(tmp_path / "run", reference)
    if fault in FAILING:
        assert len(failures) == 1 and re.search(FAILING[fault], failures[0]), failures
    else:
        assert failures == []
    assert sum(billed(ledger).values()) == 1
    with RunStore.open(tmp_path / "run") as store:
        texts = [event.text for event in store.events()]
        assert all(re.search(EVENTS[fault], " ".join(texts)) for _ in [0] if fault in EVENTS), texts
        [job] = store.jobs()
        assert [j["id"] for j in ledger["jobs"] if j["seconds"]] == [job.job_id]
    if fault == "duplicate":
        assert sorted(job["status"] for job in ledger["jobs"]) == ["Cancelled", "Completed"]
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert TOKEN.encode() not in everything and TOKEN not in "".join([*failures, *texts])


def test_every_fault_is_tested():
    assert {*HARMLESS, *FAILING, "maintenance", "drift"} == set(FAULTS)


def test_maintenance_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    with serve(faults=["maintenance"]) as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        device = load(write_spec(tmp_path)).device()
        with pytest.raises(DeviceError, match="ibm_lagos takes no jobs now \\(maintenance\\); try again later"):
            device.ready()
        device.ready()


def test_a_drifting_calibration_is_reported(tmp_path):
    with serve(seed=5, faults=["drift"], noise="readout") as server:
        assert go_on(tmp_path / "run", write_spec(tmp_path, COSTS[0]), url=server.url) == []
    with RunStore.open(tmp_path / "run") as store:
        [gradient] = store.gradients()
    warnings = [text for text in gradient["diagnostics"]["warnings"] if "calibrated anew" in text]
    assert len(warnings) == 1 and "readout errors changed by up to 60%" in warnings[0], warnings


def test_a_steady_calibration_is_not_mentioned(reference):
    with RunStore.open(reference) as store:
        assert not [text for text in store.gradients()[0]["diagnostics"]["warnings"] if "calibrated" in text]


@pytest.mark.slow
def test_a_service_that_never_answers_is_given_up(tmp_path):
    started = time.monotonic()
    with serve(seed=5, faults=["silence:100"]) as server, pytest.raises(AssertionError, match="could not be read"):
        go_on(tmp_path / "run", write_spec(tmp_path, COST), url=server.url)
    assert time.monotonic() - started < 400
