"""Messages and exit codes of the run verbs when the service forgot a job, a job has ended, or the folder is gone."""

import shutil

import pytest

from qep_qiskit import runs
from qep_qiskit.cli.main import cli
from qep_qiskit.rehearsal.server import serve

SPEC = """seed = 3
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "squared_error_observable"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.2}
preparation = {method = "exact"}
measurement = {shots = 200}
device = {name = "ibm_lagos"}
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "0.5")
    (tmp_path / "g.toml").write_text(SPEC)
    with serve(noise="none", queue_seconds=300) as service:
        monkeypatch.setenv("QEP_RUNTIME_URL", service.url)
        yield service


def qep(capsys, *words):
    code = cli.main(list(words), standalone_mode=False)
    captured = capsys.readouterr()
    return code, " ".join((captured.out + captured.err).split())


def test_a_forgotten_job_is_named_sent_again_after_a_question_and_given_up(server, capsys):
    assert qep(capsys, "submit", "g.toml", "--run", "ex", "--yes")[0] == 3
    [job] = list(server.service._jobs)
    server.service.forget(job)
    code, text = qep(capsys, "status", "ex")
    assert code == 3 and f"{job} is unknown to the service: it expired, was deleted, or belongs to another account" in text
    code, text = qep(capsys, "collect", "ex")
    assert code == 2 and "is unknown to the service" in text and "--resubmit" in text
    code, text = qep(capsys, "collect", "ex", "--resubmit")  # nobody to ask, so nothing is sent
    assert code == 2 and "--yes: missing" in text and not server.service._jobs
    assert qep(capsys, "collect", "ex", "--yes")[0] == 3
    [job] = list(server.service._jobs)
    server.service.forget(job)
    code, text = qep(capsys, "cancel", "ex")
    assert code == 0 and f"job {job} is unknown to the service, and was given up" in text
    assert runs.status("ex", ask=False).state == "given up"


def test_cancel_says_of_each_job_what_became_of_it(server, capsys):
    words = "submit", "g.toml", "--run", "two", "--yes", "--set", "measurement.mitigation=tensored"
    assert qep(capsys, *words, "--set", "measurement.calibration_shots=100")[0] == 3
    first, second = server.service._jobs.values()
    with server.service._changed:
        first.due = 0.0
        server.service._changed.notify_all()
    first.done.wait(30)
    code, text = qep(capsys, "cancel", "two")
    assert code == 0 and f"job {first.id} has ended: done" in text and f"job {second.id} is cancelled" in text
    assert "Cancelled 1 job." in text and (first.status, second.status) == ("Completed", "Cancelled")
    assert qep(capsys, "cancel", "two")[0] == 0


def test_a_run_whose_folder_is_gone_ends_in_one_line(server, capsys, monkeypatch, tmp_path):
    assert qep(capsys, "submit", "g.toml", "--run", "gone", "--yes")[0] == 3
    [job] = list(server.service._jobs)
    whole = server.service.jobs

    def deleting(**query):
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return whole(**query)

    server.service.jobs = deleting
    code, text = qep(capsys, "collect", "gone")
    assert code == 1 and "the run is gone: its folder was deleted or moved" in text and job in text and "resumes it" not in text
