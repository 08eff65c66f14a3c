"""A run's jobs are its own: none of another run is taken, read or cancelled, and none is paid twice."""

import os
import shutil
import time
from datetime import datetime

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit import runs
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.experiment import load
from qep_qiskit.runs import new_run, turning_points
from qep_qiskit.runs.file.records import FORGOTTEN

SPEC = """
seed = 3
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "KIND"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.2}
preparation = {method = "exact"}
measurement = {shots = 300}
device = {name = "ibm_lagos"}
"""
ONE_ROUND, TWO_ROUNDS = "squared_error_observable", "squared_error"
SERVED = {"noise": "none"}


@pytest.fixture(scope="module")
def device():
    """The real client's device, its service and calibration asked for once for each server."""

    def make():
        return qep.ibm("ibm_lagos")

    return make


@pytest.fixture
def spec(tmp_path):
    def made(*overrides, cost=ONE_ROUND):
        path = tmp_path / "spec.toml"
        path.write_text(SPEC.replace("KIND", cost))
        return load(path, overrides=list(overrides))

    return made


def jobs_at(server):
    return [(job["tags"][0], job["id"], job["status"], job["seconds"]) for job in server.service.ledger()["jobs"]]


def billed(server):
    return [job_id for _, job_id, _, seconds in jobs_at(server) if seconds > 0]


def collected(run, device, **options):
    end = time.monotonic() + 60
    while (gradient := runs.collect(run, device=device, **options)) is None:
        assert time.monotonic() < end, "the run does not end"
        options.pop("resubmit", None)
        time.sleep(0.1)
    return gradient


def start(server, job_id):
    """Let a queued job start now."""
    with server.service._changed:
        server.service._jobs[job_id].due = 0.0
        server.service._changed.notify_all()


def settle(server):
    """Wait until every job has ended."""
    end = time.monotonic() + 30
    while any(status in ("Queued", "Running") for _, _, status, _ in jobs_at(server)):
        assert time.monotonic() < end
        time.sleep(0.05)


def job_of(run):
    with runs.open_run(run) as store:
        return store.jobs()[-1]


def texts_of(run):
    with runs.open_run(run) as store:
        return " | ".join(event.text for event in store.events())


@pytest.fixture
def one_second(monkeypatch):
    """Stop the clock that names runs."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(new_run, "datetime", Stopped)


FAULTS = ("lost-reply", "duplicate", "storm", "expired-token", "none")
SLOW_FAULTS = ("lagging-list", "failed-job", "cancelled-job", "slow-queue")


def pairs_that_share_a_second(server, device, spec, folder, faults):
    """Run pairs of other samples in folders of one name, the second under a fault; return every tag."""
    expected = {x: qep.gradient(spec(("sample.x", [x])).problem(), stencil=qep.symmetric(0.2)) for x in (0.5, -1.5)}
    tags_seen = []
    for number, fault in enumerate(faults):
        homes = {x: folder / f"{name}{number}" / "run" for name, x in (("a", 0.5), ("b", -1.5))}
        before = len(jobs_at(server))
        runs.submit(spec(("sample.x", [0.5])), device=device, run=homes[0.5])
        if fault != "none":
            server.service.order(fault)
        try:
            runs.submit(spec(("sample.x", [-1.5])), device=device, run=homes[-1.5])
        except InputError as error:
            assert fault in ("failed-job", "cancelled-job") and "--resubmit" in str(error), error
        for x, home in homes.items():
            try:
                gradient = collected(home, device)
            except InputError as error:
                assert fault in ("failed-job", "cancelled-job") and "--resubmit" in str(error), error
                gradient = collected(home, device, resubmit=True)
            assert np.abs((gradient.values - expected[x].values) / gradient.stderr).max() < 5, (fault, x)
        new_jobs = jobs_at(server)[before:]
        tags = {x: job_of(home).tag.split("+")[0] for x, home in homes.items()}
        assert len(set(tags.values())) == 2
        for x, home in homes.items():
            jobs_of_run = [job for job in new_jobs if job[0].split("+")[0] == tags[x]]
            assert [job[1] for job in jobs_of_run if job[3] > 0] == [job_of(home).job_id], (fault, x, new_jobs)
        tags_seen += [job.names[0].split("+")[0] for job in server.service._jobs.values()][before:]
    return tags_seen


def test_runs_of_one_second_and_name_share_nothing(mock_service, device, spec, tmp_path, one_second):
    server = mock_service(**SERVED)
    tags = pairs_that_share_a_second(server, device(), spec, tmp_path, ["duplicate"])
    assert len(set(tags)) == 2


@pytest.mark.slow
def test_two_hundred_pairs_of_runs_share_nothing(mock_service, device, spec, tmp_path, one_second, monkeypatch):
    server = mock_service(**SERVED)
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "4")
    faults = [FAULTS[k % 5] if k % 10 else SLOW_FAULTS[k // 10 % 4] for k in range(200)]
    assert len(set(pairs_that_share_a_second(server, device(), spec, tmp_path, faults))) == 400


def test_identities_are_unlike_and_fit_a_tag(tmp_path):
    names = {new_run.new_identity(tmp_path / "a folder with a long name / ünïcode") for _ in range(1000)}
    assert len(names) == 1000 and all(len(name) <= 60 and name.isascii() and " " not in name for name in names)


@pytest.mark.parametrize("marked", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_job_with_the_runs_tag_and_other_circuits_is_left_alone(mock_service, device, spec, tmp_path, monkeypatch, marked):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    monkeypatch.setattr(new_run, "new_identity", lambda folder: "qep-the-same")
    first = runs.submit(spec(), device=where, run=tmp_path / "one" / "run")
    if not marked:
        for job in server.service._jobs.values():
            job.tags = job.names
    with pytest.raises(InputError, match="has its tag and other circuits, values or shots; it was left alone") as caught:
        runs.submit(spec(("sample.x", [-1.5])), device=where, run=tmp_path / "two" / "run")
    assert "\n" not in str(caught.value)
    assert [job[2] for job in jobs_at(server)] == ["Queued"]
    assert runs.cancel(tmp_path / "two" / "run", device=where) == []
    assert [job[2] for job in jobs_at(server)] == ["Queued"]
    assert runs.cancel(first, device=where) == [jobs_at(server)[0][1]]


@pytest.mark.parametrize("marked", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_written_id_of_other_circuits_is_neither_read_nor_cancelled(mock_service, device, spec, tmp_path, marked):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    homes = [runs.submit(spec(("sample.x", [x])), device=where, run=tmp_path / name) for name, x in (("a", 0.5), ("b", -1.5))]
    other = job_of(homes[0]).job_id
    with runs.open_run(homes[1], write=True) as store:
        [job] = store.jobs()
        store.move(job.tag, "submitted", job_id=other)
        for stored in server.service._jobs.values():
            stored.tags = [job.tag if stored.id != other else "x"] if not marked else stored.tags
    server.service.forget(job.job_id)
    with pytest.raises(InputError, match="holds other circuits, values or shots than this run's"):
        runs.collect(homes[1], device=where)
    with runs.open_run(homes[1], write=True) as store:
        store.move(job.tag, "submitted")
    assert runs.cancel(homes[1], device=where) == []
    assert [job[2] for job in jobs_at(server)] == ["Queued"]


def test_a_job_without_a_digest_is_recognised_by_its_inputs(mock_service, spec, tmp_path):
    for twirled in (False, True):
        server = mock_service(**SERVED)
        where = qep.ibm("ibm_lagos", gate_twirling=twirled, measure_twirling=twirled)
        run = tmp_path / f"run{twirled}"
        server.service.order("lost-reply")
        whole = server.service.submit

        def unmarked(request, whole=whole):
            return whole({**request, "tags": request["tags"][:1]})

        server.service.submit = unmarked
        gradient = runs.submit(spec(), device=where, run=run) and collected(run, where)
        assert gradient is not None and len(jobs_at(server)) == 1 and "adopted" in texts_of(run)


def test_cancel_goes_through_all_jobs(mock_service, device, spec, tmp_path, monkeypatch):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    two = spec(("measurement.mitigation", "tensored"), ("measurement.calibration_shots", 200))
    run = runs.submit(two, device=where, run=tmp_path / "run")
    with runs.open_run(run) as store:
        ids = {job.purpose: job.job_id for job in store.jobs()}
    assert set(ids) == {"data", "calibration"}
    server.service._queue_seconds = 0.0
    start(server, ids["data"])
    while len(billed(server)) < 1:
        time.sleep(0.05)
    assert runs.cancel(run, device=where) == [ids["calibration"]]
    assert {job[1]: job[2] for job in jobs_at(server)} == {ids["data"]: "Completed", ids["calibration"]: "Cancelled"}
    with runs.open_run(run) as store:
        assert {job.purpose: job.state for job in store.jobs()} == {"data": "done", "calibration": "cancelled"}
    assert runs.cancel(run, device=where) == []
    assert len(billed(server)) == 1
    assert collected(run, where, resubmit=True) is not None  # the paid job is read, the other sent again
    assert len(billed(server)) == 2 == len(set(billed(server)))


def test_one_job_without_an_answer_does_not_stop_the_others(mock_service, spec, tmp_path):
    class Deaf(type(qep.ibm("ibm_lagos"))):
        silent: str = ""

        def status(self, job_id):
            if job_id == self.__dict__.get("silent"):
                raise DeviceError("device: no answer")
            return super().status(job_id)

        def cancel(self, job_id):
            if job_id == self.__dict__.get("silent"):
                raise DeviceError("device: no answer")
            return super().cancel(job_id)

    server, where = mock_service(queue_seconds=60, **SERVED), Deaf("ibm_lagos")
    two = spec(("measurement.mitigation", "tensored"), ("measurement.calibration_shots", 200))
    run = runs.submit(two, device=where, run=tmp_path / "run")
    with runs.open_run(run) as store:
        first, second = (job.job_id for job in store.jobs())
    where.__dict__["silent"] = first
    start(server, first)
    start(server, second)
    settle(server)
    assert runs.status(run, device=where).jobs == {"queued": 1, "done": 1}
    with pytest.raises(DeviceError, match="no answer"):
        runs.collect(run, device=where)
    with runs.open_run(run) as store:
        assert {job.job_id: job.state for job in store.jobs()}[second] == "done"
        assert store.result(store.jobs()[1].tag) is not None
    with pytest.raises(DeviceError, match="could not be cancelled: no answer"):
        runs.cancel(run, device=where)
    where.__dict__.pop("silent")
    assert collected(run, where) is not None and len(billed(server)) == 2


class Ended(BaseException):
    """The end of a process."""


def ended_at(monkeypatch, point):

    def end(name):
        if name == point:
            raise Ended

    monkeypatch.setattr(turning_points, "observer", end)
    return lambda: monkeypatch.setattr(turning_points, "observer", turning_points.ignore)


@pytest.mark.parametrize(("patience", "listed"), [("5", True), pytest.param("0.3", False, marks=pytest.mark.slow)])
def test_cancel_looks_for_a_job_whose_reply_was_lost(mock_service, device, spec, tmp_path, monkeypatch, patience, listed):
    server, where = mock_service(queue_seconds=6 if listed else 0.5, faults=["lagging-list"], **SERVED), device()
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", patience)
    go_on = ended_at(monkeypatch, "submit data: reply lost")
    run = tmp_path / "run"
    with pytest.raises(Ended):
        runs.submit(spec(), device=where, run=run)
    go_on()
    if listed:
        assert runs.cancel(run, device=where) == [jobs_at(server)[0][1]]
        assert runs.status(run, ask=False).state == "cancelled"
        assert [job[2] for job in jobs_at(server)] == ["Cancelled"]
        return
    with pytest.raises(DeviceError, match="it cannot be known whether it was sent"):
        runs.cancel(run, device=where)
    assert runs.status(run, ask=False).state == "unknown"
    time.sleep(2.5)  # by now it ran, and listings show it
    assert collected(run, where, resubmit=True) is not None
    assert len(jobs_at(server)) == 1 == len(billed(server))


def test_a_gradient_restored_from_a_copy_pays_nothing_twice(mock_service, device, spec, tmp_path, monkeypatch):
    server, where = mock_service(**SERVED), device()
    run, two = tmp_path / "run", spec(("measurement.mitigation", "tensored"), cost=TWO_ROUNDS)
    go_on = ended_at(monkeypatch, "submit data: before sending")
    with pytest.raises(Ended):
        runs.submit(two, device=where, run=run)
    shutil.copy(run / "run.db", tmp_path / "old.db")
    go_on()
    whole = collected(run, where)
    jobs = jobs_at(server)
    assert len(jobs) == 2
    shutil.copy(run / "run.db", tmp_path / "new.db")
    for state in ("intended", "sending"):
        shutil.copy(tmp_path / "old.db", run / "run.db")
        with runs.open_run(run, write=True) as store:
            store.move(store.jobs()[0].tag, state)
        again = collected(run, where)
        assert again.values.tolist() == whole.values.tolist() and jobs_at(server) == jobs


def training(run, **overrides):
    X, Y = np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0])
    options = {"epochs": 3, "batch_size": 2, "learning_rate": 0.1, "seed": 3, "shots": 60, "stencil": qep.symmetric(0.3)}
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    return qep.train(network, X, Y, device=qep.ibm("ibm_lagos"), run=run, **{**options, **overrides})


@pytest.mark.slow
def test_a_training_restored_from_a_copy_pays_nothing_twice(mock_service, tmp_path, monkeypatch):
    from qep_qiskit.runs.jobs import journal

    monkeypatch.setattr(journal, "LISTEN_SECONDS", 0.02)
    server, run = mock_service(**SERVED), tmp_path / "rs"

    def copy(step):
        if step.state.step == 1:
            shutil.copy(run / "run.db", tmp_path / "yesterday.db")

    whole = training(run, on_step=copy)
    jobs = jobs_at(server)
    shutil.copy(tmp_path / "yesterday.db", run / "run.db")
    again = training(run)
    assert jobs_at(server) == jobs and len(jobs) == 6
    assert np.asarray(again.weights).tolist() == np.asarray(whole.weights).tolist()
    shutil.copy(tmp_path / "yesterday.db", run / "run.db")
    with pytest.raises(InputError, match="has its tag and other circuits, values or shots"):
        monkeypatch.setattr(type(qep.ibm("ibm_lagos")), "sent", lambda self, circuit, values: [(circuit, values + 0.3)])
        training(run)
    assert jobs_at(server) == jobs


@pytest.mark.slow
def test_trainings_of_one_second_and_name_share_nothing(mock_service, tmp_path, one_second, monkeypatch):
    from qep_qiskit.runs.jobs import journal

    monkeypatch.setattr(journal, "LISTEN_SECONDS", 0.02)
    server = mock_service(faults=["lost-reply"], **SERVED)
    for seed in (3, 4):
        training(tmp_path / f"s{seed}" / "fit", seed=seed, epochs=1)
    tags = [job[0] for job in jobs_at(server)]
    assert len(tags) == len(set(tags)) == 4 == len(billed(server))


@pytest.mark.slow
def test_pairs_of_trainings_share_nothing(mock_service, tmp_path, one_second, monkeypatch):
    from qep_qiskit.runs.jobs import journal

    monkeypatch.setattr(journal, "LISTEN_SECONDS", 0.02)
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    server, whole = mock_service(**SERVED), {}
    for number in range(25):
        fault = FAULTS[number % len(FAULTS)]
        for seed in (3, 4):
            if fault != "none":
                server.service.order(fault)
            before = len(jobs_at(server))
            result = training(tmp_path / f"{number}-{seed}" / "fit", seed=seed, epochs=1)
            new_jobs = jobs_at(server)[before:]
            paid = [tag for tag, _, _, seconds in new_jobs if seconds > 0]
            assert len(paid) == len(set(paid)) == 2, (fault, new_jobs)
            assert result.epochs
            whole.setdefault(seed, set()).update(paid)
    assert len(whole[3] | whole[4]) == 100 and not whole[3] & whole[4]


@pytest.mark.slow
def test_pairs_of_sweeps_share_nothing(mock_service, tmp_path, spec, one_second, monkeypatch):
    """Sweeps that bill measure every point in a run of its own; a pair has one folder name and one second."""
    from click.testing import CliRunner

    from qep_qiskit.cli.main import cli

    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    server = mock_service(**SERVED)
    spec()
    paid = []
    for number in range(10):
        fault = FAULTS[number % len(FAULTS)]
        for name, x in (("a", "0.5"), ("b", "-1.5")):
            home = tmp_path / f"{name}{number}"
            home.mkdir()
            monkeypatch.chdir(home)
            if fault != "none":
                server.service.order(fault)
            before = len(jobs_at(server))
            words = [
                "sweep",
                str(tmp_path / "spec.toml"),
                "--set",
                f"sample.x=[{x}]",
                "--over",
                "seed=0,1",
                "--out",
                "w",
                "--yes",
            ]
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, (fault, done.output)
            tags = [tag for tag, _, _, seconds in jobs_at(server)[before:] if seconds > 0]
            assert len(tags) == len(set(tags)) == 2, (fault, jobs_at(server)[before:])
            paid += tags
    assert len(set(paid)) == 40


def test_a_job_that_the_service_forgot_can_be_sent_again(mock_service, device, spec, tmp_path):
    first, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(cost=TWO_ROUNDS), device=where, run=tmp_path / "run")
    start(first, job_of(run).job_id)
    settle(first)
    assert runs.collect(run, device=where) is None  # the second round waits
    assert len(billed(first)) == 1
    [late] = [job for job in first.service._jobs.values() if job.status == "Queued"]
    first.service.forget(late.id)
    assert runs.status(run, device=where).jobs == {"done": 1, FORGOTTEN: 1}
    with pytest.raises(InputError, match=r"is unknown to the service: it expired.*--resubmit"):
        runs.collect(run, device=where)
    assert runs.status(run, ask=False).state == FORGOTTEN
    questions = []
    first.service._queue_seconds = 0.0
    first_time = collected(
        run, where, resubmit=True, confirm=lambda plan, store: questions.append(store.get("asked", str(plan.round))["jobs"])
    )
    assert questions == [1] and first_time is not None and len(billed(first)) == 2  # the first round was used


def test_a_forgotten_job_that_comes_back_is_read(mock_service, device, spec, tmp_path):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(), device=where, run=tmp_path / "run")
    [job] = server.service._jobs.values()
    server.service.forget(job.id)
    with pytest.raises(InputError, match="unknown to the service"):
        runs.collect(run, device=where)
    server.service._jobs[job.id] = job  # the right account again
    start(server, job.id)
    assert collected(run, where) is not None and len(jobs_at(server)) == 1


def test_cancel_gives_up_a_forgotten_job(mock_service, device, spec, tmp_path):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(), device=where, run=tmp_path / "run")
    server.service.forget(job_of(run).job_id)
    assert runs.cancel(run, device=where) == []
    assert runs.status(run, ask=False).state == "given up" and "was given up" in texts_of(run)
    with pytest.raises(InputError, match=r"given up.*--resubmit"):
        runs.collect(run, device=where)


def test_a_word_for_a_state_that_is_not_known_is_shown_and_waited_for(mock_service, device, spec, tmp_path):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(), device=where, run=tmp_path / "run")
    [job] = server.service._jobs.values()
    job.status = "Paused for inspection"
    assert runs.status(run, device=where).jobs == {"unknown": 1}
    assert runs.collect(run, device=where, resubmit=True) is None
    assert len(jobs_at(server)) == 1 and job_of(run).state == "unknown"
    assert "paused for inspection" in job_of(run).detail["reason"].lower()
    job.status = "Queued"
    start(server, job.id)
    assert collected(run, where) is not None


def test_a_copy_sends_and_cancels_nothing_while_the_original_is_there(mock_service, device, spec, tmp_path):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(cost=TWO_ROUNDS), device=where, run=tmp_path / "run")
    server.service._queue_seconds = 0.0
    shutil.copytree(run, tmp_path / "copy")
    with pytest.raises(InputError, match=r"copy: is a copy of .*run, which is still there, so nothing is sent or cancelled"):
        runs.cancel(tmp_path / "copy", device=where)
    start(server, job_of(run).job_id)
    settle(server)
    with pytest.raises(InputError, match="is a copy of"):
        runs.collect(tmp_path / "copy", device=where)  # reads the first round, and sends no second
    with pytest.raises(InputError, match="is a copy of"):
        runs.collect(tmp_path / "copy", device=where, resubmit=True)
    assert len(jobs_at(server)) == 1
    whole = collected(run, where)
    (tmp_path / "run").rename(tmp_path / "moved")
    assert collected(tmp_path / "copy", where).values.tolist() == whole.values.tolist()  # the original is gone: it goes on here
    assert len(jobs_at(server)) == 2 == len(billed(server))


def test_copies_on_two_machines_agree_on_one_job(mock_service, device, spec, tmp_path):
    """Neither sees the other's folder. Both send at once; whoever looks next keeps the same one."""
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = tmp_path / "a" / "run"

    def no(plan, store):
        raise InputError("not now")

    with pytest.raises(InputError, match="not now"):
        runs.submit(spec(), device=where, run=run, confirm=no)
    shutil.copytree(run, tmp_path / "b" / "run")
    with runs.open_run(run, write=True) as store:
        tag = store.jobs()[0].tag
    whole = server.service.jobs
    server.service.jobs = lambda **query: {**whole(**query), "jobs": [], "count": 0}  # both look before either sends
    run.rename(tmp_path / "a" / "hidden")
    runs.collect(tmp_path / "b" / "run", device=where)
    (tmp_path / "a" / "hidden").rename(run)
    (tmp_path / "b").rename(tmp_path / "c")
    runs.collect(run, device=where)
    server.service.jobs = whole
    assert [job[0] for job in jobs_at(server)] == [tag, tag]
    assert runs.collect(run, device=where) is None  # both jobs wait; one of them is chosen, and the other cancelled
    start(server, job_of(run).job_id)
    one = collected(run, where)
    (tmp_path / "a").rename(tmp_path / "d")
    other = collected(tmp_path / "c" / "run", where)
    assert one.values.tolist() == other.values.tolist() and len(billed(server)) == 1


def test_an_imported_run_cancels_nothing(mock_service, device, spec, tmp_path):
    from qep_qiskit.runs.file.exchange import export, import_run, write

    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(), device=where, run=tmp_path / "run")
    with runs.open_run(run) as store:
        document = export(store)
    assert str(tmp_path) not in str(document)
    copy = import_run(write(document, tmp_path / "run.json"), tmp_path / "import")
    for act in (lambda: runs.cancel(copy, device=where), lambda: runs.collect(copy, device=where, resubmit=True)):
        with pytest.raises(InputError, match="is a copy, from which nothing is sent or cancelled"):
            act()
    assert [job[2] for job in jobs_at(server)] == ["Queued"]


def test_the_folder_is_deleted_while_it_is_collected(mock_service, device, spec, tmp_path):
    server, where = mock_service(queue_seconds=60, **SERVED), device()
    run = runs.submit(spec(cost=TWO_ROUNDS), device=where, run=tmp_path / "run")
    job_id = job_of(run).job_id
    with runs.open_run(run, write=True) as store:
        shutil.rmtree(run)
        with pytest.raises(OSError, match="the run is gone") as caught:
            store.check_present()
        assert job_id in str(caught.value) and "\n" not in str(caught.value)
        with pytest.raises(OSError, match="nothing more is sent or kept"):
            store.note("x")
    assert not os.path.exists(run) and len(jobs_at(server)) == 1
