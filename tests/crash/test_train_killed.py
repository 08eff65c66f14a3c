"""A training on a device, killed at every named point of its jobs: the same weights at the end, and no job is paid twice."""

import multiprocessing
import re
import signal

import numpy as np
import pytest
from points import named
from trained import JOBS, assert_paid_once, fit, told

from qep_qiskit.rehearsal.server import serve
from qep_qiskit.runs.file.store import RunStore

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["trained", "qiskit_ibm_runtime.executor_sampler", "qiskit_aer", "samplomatic"])
NEEDED = {"reply lost": "lost-reply", "adopted": "lost-reply"}
"""The fault of the mock service that makes a training reach each kill point."""
KILLED = ("step 1 job 1", "step 2 job 2", "step 2 job 3")
"""A free phase, nudged phases, and held-out samples after the epoch."""
QUICK = (
    "submit step 2 job 2: sent, id not written",
    "collect step 1 job 1: result written",
    "collect step 2 job 3: result read",
)


def points():
    """Return every point of the jobs above, and of the steps, as the sources name them."""
    names = named("runs/jobs/courier.py", "runs/jobs/journal.py")
    labels = {name.replace("{job.purpose}", job).replace("{purpose}", job) for name in names for job in KILLED}
    return sorted(labels | {f"step {number}: {what}" for number in (1, 2) for what in ("before it is kept", "kept")})


@pytest.fixture(scope="module", autouse=True)
def nowhere():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
            patch.setenv(name, "http://127.0.0.1:9")
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return what a training tells that nothing happened to."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with serve(seed=5) as server:
        assert in_a_process(folder, server.url) == 0
        assert_paid_once(folder, server.service.ledger())
    return told(folder)


def in_a_process(folder, url, kill="", mode="job", sites=3):
    process = CONTEXT.Process(target=fit, args=(folder,), kwargs={"url": url, "kill": kill, "mode": mode, "sites": sites})
    process.start()
    process.join(400)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode


def killed_at_moments(folder, moments, sites):
    """Kill a training at moments, once each time it is started, then let it end; return its ledger and the number of kills."""
    with serve(seed=5, noise="readout") as server:
        exits = [in_a_process(folder, server.url, moment, sites=sites) for moment in moments]
        assert in_a_process(folder, server.url, sites=sites) == 0
        return server.service.ledger(), exits.count(-signal.SIGKILL)


def killed_and_resumed(folder, reference, point, *faults, mode="job"):
    with serve(seed=5, faults=faults) as server:
        assert in_a_process(folder, server.url, point, mode) == -signal.SIGKILL, f"{point} was not reached"
        assert in_a_process(folder, server.url, mode=mode) == 0
        ledger, sessions = server.service.ledger(), dict(server.service._sessions)
    assert told(folder) == reference
    assert_paid_once(folder, ledger)
    return sessions


def mode_of(point):
    return "batch" if "group" in point else "job"


def fault_of(point):
    """Return the fault that a point needs; the service loses the first reply, so such points are those of the first job."""
    return next((fault for what, fault in NEEDED.items() if point.endswith(what)), None)


def first_job(point):
    return re.sub(r"step \d job \d", "step 1 job 1", point) if fault_of(point) else point


@pytest.mark.parametrize("point", QUICK)
def test_a_training_killed_at_a_job_resumes(point, tmp_path, reference):
    killed_and_resumed(tmp_path / "run", reference, point)


@pytest.mark.slow
@pytest.mark.parametrize("point", sorted({first_job(point) for point in points()}))
def test_a_training_killed_at_any_point_of_a_job_resumes(point, tmp_path, reference):
    faults = [] if fault_of(point) is None else [fault_of(point)]
    killed_and_resumed(tmp_path / "run", reference, point, *faults, mode=mode_of(point))


@pytest.mark.parametrize(("sites", "times"), [(3, 2), pytest.param(20, 10, marks=pytest.mark.slow)])
def test_a_training_killed_at_random_moments_loses_and_pays_nothing_twice(sites, times, tmp_path):
    rng = np.random.default_rng(sites)
    counts, seconds = rng.integers(1, 9, times).tolist(), rng.uniform(0.0, 0.3, times).tolist()
    moments = list(zip(counts, seconds, strict=True))
    killed_at_moments(tmp_path / "whole", [], sites)
    ledger, kills = killed_at_moments(tmp_path / "run", moments, sites)
    assert kills == times
    assert told(tmp_path / "run") == told(tmp_path / "whole")
    assert_paid_once(tmp_path / "run", ledger)


def test_a_session_is_joined_again_and_closed_at_the_end(tmp_path, reference):
    point = "submit step 2 job 1: sent, id not written"
    sessions = killed_and_resumed(tmp_path / "run", reference, point, mode="session")
    [session] = sessions.values()
    assert session["accepting_jobs"] is False
    with RunStore.open(tmp_path / "run") as store:
        texts = [event.text for event in store.events() if event.text.startswith("session ")]
        assert texts == [f"session {session['id']} opened", f"session {session['id']} closed"]


def test_there_are_points_at_every_turn_of_a_job():
    assert len(points()) >= 3 * 12 + 4 and len(JOBS) == 5
