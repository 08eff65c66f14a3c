"""SIGKILL at every named point, with the real client: the run completes, with the same shots, and pays once."""

import multiprocessing
import signal

import pytest
from life import COSTS, assert_same_counts, billed, go_on, write_spec
from points import named

from qep_qiskit.rehearsal.server import serve
from qep_qiskit.runs.file.store import RunStore

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["life", "qiskit_ibm_runtime.executor_sampler", "qiskit_aer", "samplomatic"])
REPEATS = 3
NEEDED = {"submit data: reply lost": "lost-reply", "submit data: adopted": "lost-reply"}
"""Points that are reached only where the service does this."""
COMBINED = (
    ("submit data: sent, id not written", "duplicate"),
    ("submit data: before sending", "lagging-list"),
    ("submit data: reply lost", "lagging-list"),
    ("collect data: result written", "read-once"),
    ("submit data: id written", "slow-queue"),
    ("round 1: intents written", "expired-token"),
)
QUICK = ("submit data: sent, id not written", "collect data: result read", "submit data: adopted")


def points():
    """Return every point of a run of two rounds, as the sources name them."""
    names = [name.replace("{job.purpose}", "data") for name in named("runs/lifecycle.py", "runs/jobs/courier.py")]
    return sorted({name.replace("{number}", number) for name in names for number in "01"})


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    with serve(seed=5) as server:
        assert in_a_process(folder, server.url) == 0
    return folder


def in_a_process(folder, url, kill="", mode="job"):
    spec = write_spec(folder, COSTS[0], mode)
    process = CONTEXT.Process(target=go_on, args=(folder / "run", spec), kwargs={"url": url, "kill": kill})
    process.start()
    process.join(400)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode


def killed_and_resumed(folder, reference, point, *faults):
    mode = "batch" if "group" in point else "job"  # a run opens a group of jobs only where it is asked to
    with serve(seed=5, faults=faults) as server:
        assert in_a_process(folder, server.url, point, mode) == -signal.SIGKILL, f"{point} was not reached"
        assert in_a_process(folder, server.url, mode=mode) == 0
        ledger = server.service.ledger()
    assert_same_counts(folder / "run", reference / "run")
    bills = billed(ledger)
    assert len(bills) == 2 and set(bills.values()) == {1}, ledger
    with RunStore.open(folder / "run") as ours, RunStore.open(reference / "run") as theirs:
        assert ours.gradients()[0]["values"] == theirs.gradients()[0]["values"]
        paid = {job["id"] for job in ledger["jobs"] if job["seconds"]}
        assert {job.job_id for job in ours.jobs()} == paid
        if "duplicate" in faults:
            [spare] = [job["id"] for job in ledger["jobs"] if not job["seconds"]]
            assert any(spare in event.text and "was cancelled" in event.text for event in ours.events())
        else:
            assert len(ledger["jobs"]) == 2
    return ledger


@pytest.mark.parametrize("point", QUICK)
def test_a_killed_training_resumes(point, tmp_path, reference):
    killed_and_resumed(tmp_path, reference, point, *[NEEDED[p] for p in [point] if p in NEEDED])


@pytest.mark.slow
@pytest.mark.parametrize("repeat", range(REPEATS))
@pytest.mark.parametrize("point", points())
def test_a_run_killed_anywhere_resumes(point, repeat, tmp_path, reference):
    killed_and_resumed(tmp_path, reference, point, *[NEEDED[p] for p in [point] if p in NEEDED])


@pytest.mark.slow
@pytest.mark.parametrize(("point", "fault"), COMBINED)
def test_a_run_killed_while_the_service_fails_resumes(point, fault, tmp_path, reference):
    killed_and_resumed(tmp_path, reference, point, fault)


def test_there_are_enough_points():
    assert len(points()) >= 12
