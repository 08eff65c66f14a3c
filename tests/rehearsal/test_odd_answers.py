"""Odd answers of the service: bills that come late or not at all, incomplete calibrations, results of other shapes."""

import copy
import sys
import time

import numpy as np
import pytest

from qep_qiskit import ibm, runs
from qep_qiskit.errors import DeviceError, InputError, UnreadableResultError
from qep_qiskit.rehearsal import programs
from qep_qiskit.rehearsal.machine import READOUT, Machine
from qep_qiskit.rehearsal.service import Service

SPEC = """seed = 7
network = {kind = "ising", sites = 2, edges = "chain", inputs = [0], outputs = [1]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.3}
preparation = {method = "exact"}
measurement = {shots = 200, mitigation = "none"}
device = {name = "ibm_lagos"}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.toml").write_text(SPEC)
    return lambda: runs.submit("g.toml", run="run", progress="off")


def collected(**options):
    gradient = runs.collect("run", progress="off", **options)
    while gradient is None:
        time.sleep(0.05)
        gradient = runs.collect("run", progress="off")
    return gradient


def metrics_of(monkeypatch, change):
    """Let the service report other metrics: change(job, metrics)."""
    original = Service.metrics
    monkeypatch.setattr(Service, "metrics", lambda service, job_id: change(service.job(job_id), original(service, job_id)))


@pytest.mark.parametrize("late", [["first"], ["second"], ["first", "second"]], ids=" and ".join)
def test_a_bill_that_comes_late_is_asked_for_again(mock_service, run, monkeypatch, late):
    server, asked = mock_service(noise="none"), []

    def pending(job, metrics):
        asked.append(job.id)
        number = ["first", "second"][[each["id"] for each in server.ledger()["jobs"]].index(job.id)]
        if number in late:
            metrics["usage"]["status"] = "pending"
        return metrics

    metrics_of(monkeypatch, pending)
    run()
    for _ in range(2):
        assert sum(seconds is None for seconds in collected().provenance["qpu_seconds"].values()) == len(late)
        assert runs.status("run", ask=False).seconds is None  # not the sum of those that are known
    late.clear()
    billed = server.ledger()["seconds"]
    assert sum(collected().provenance["qpu_seconds"].values()) == pytest.approx(billed) and billed > 0
    assert runs.status("run", ask=False).seconds == pytest.approx(billed)
    count = len(asked)
    collected()
    assert len(asked) == count  # what is known is not asked again


@pytest.mark.parametrize(
    "usage",
    [None, "none", [], {}, 5, *({"qpu_charge_time_seconds": value} for value in (float("nan"), float("inf"), -1.0, "x"))],
    ids=str,
)
def test_a_bill_that_cannot_be_read_does_not_stop_the_run(mock_service, run, monkeypatch, usage):
    mock_service(noise="none")
    metrics_of(monkeypatch, lambda job, metrics: {**metrics, "usage": usage})
    run()
    assert set(collected().provenance["qpu_seconds"].values()) == {None}
    assert runs.status("run", ask=False).seconds is None


@pytest.mark.parametrize("end", ["failed", "cancelled", "cancelled by us"])
def test_a_job_that_ended_badly_is_billed_too(mock_service, run, monkeypatch, end):
    by_us = end == "cancelled by us"
    server = mock_service(noise="none", queue_seconds=30 if by_us else 0, faults=[] if by_us else [f"{end}-job"])
    ended = Service._end

    def billing(service, job, status, reason):
        if status != "Completed":
            job.seconds = 1.25
        ended(service, job, status, reason)

    monkeypatch.setattr(Service, "_end", billing)
    if by_us:
        run()
        assert len(runs.cancel("run")) == 1
    else:
        with pytest.raises(InputError, match=end):
            run()
            collected()
        collected(resubmit=True)
    assert runs.status("run", ask=False).seconds == pytest.approx(server.ledger()["seconds"])


def test_a_duplicate_that_ran_is_billed_too(mock_service, run, monkeypatch):
    monkeypatch.setattr("qep_qiskit.rehearsal.service.DUPLICATE_QUEUE_SECONDS", 0.0)
    server = mock_service(noise="none", faults=["duplicate"])
    run()
    while any(job["status"] in ("Queued", "Running") for job in server.ledger()["jobs"]):
        time.sleep(0.05)
    bills = collected().provenance["qpu_seconds"].values()
    assert [job["status"] for job in server.ledger()["jobs"]] == 3 * ["Completed"]
    assert runs.status("run", ask=False).seconds == pytest.approx(sum(bills)) == pytest.approx(server.ledger()["seconds"])


def no_number(properties):
    for value in (value for qubit in properties["qubits"] for value in qubit):
        if value["name"] in (*READOUT, "T1", "T2"):
            value["value"] = float("nan")


def without(*names):
    def change(properties):
        properties["qubits"] = [[v for v in qubit if v["name"] not in names] for qubit in properties["qubits"]]

    return change


def shorter(properties):
    del properties["qubits"][3:]


def undated(properties):
    del properties["last_update_date"]


def properties_of(monkeypatch, change):
    original = Machine.properties

    def changed(machine):
        properties = copy.deepcopy(original(machine))
        change(properties)
        return properties

    monkeypatch.setattr(Machine, "properties", changed)


@pytest.mark.parametrize("change", [no_number, without("T1", "T2"), without(*READOUT)])
def test_a_calibration_without_some_numbers_serves(mock_service, run, monkeypatch, change):
    mock_service(noise="none")
    properties_of(monkeypatch, change)
    run()
    assert np.isfinite(collected().values).all()


@pytest.mark.parametrize("change", [shorter, undated])
def test_a_calibration_that_the_client_cannot_read_is_one_line(mock_service, run, monkeypatch, change):
    server = mock_service(noise="none")
    properties_of(monkeypatch, change)
    with pytest.raises(DeviceError, match="ibm_lagos is not available: .*(qubit 3|last_update_date is missing)"):
        run()
    assert server.ledger()["jobs"] == []


def results_of(monkeypatch, change):
    """Let the service return other outcomes: change(outcomes of one register)."""
    original = programs.outcomes

    def changed(*arguments):
        return [dict(change(name, bits) for name, bits in item.items()) for item in original(*arguments)]

    monkeypatch.setattr(programs, "outcomes", changed)


def test_a_register_of_another_name_is_read(mock_service, run, monkeypatch):
    mock_service(noise="none")
    results_of(monkeypatch, lambda name, bits: ("meas", bits))
    run()
    assert np.isfinite(collected().values).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, bits: (name, bits[..., :1]), "1 bits, 2 were measured"),
        (lambda name, bits: (name, bits[..., :1, :]), "1 shots, 200 were requested"),
        (lambda name, bits: ("meas", bits[..., :1]), "no register"),
    ],
)
def test_a_job_with_an_unusable_result_is_sent_again_when_asked(mock_service, run, monkeypatch, change, words):
    server = mock_service(noise="none")
    with monkeypatch.context() as patched:
        results_of(patched, change)
        for attempt in (run, collected, collected):
            try:
                attempt()
            except UnreadableResultError as error:
                assert words in str(error) and "--resubmit` sends the job again" in str(error)
    assert len(server.ledger()["jobs"]) == 1
    collected(resubmit=True)
    assert len(server.ledger()["jobs"]) == 3  # two rounds, and the first job again
    assert runs.status("run", ask=False).seconds == pytest.approx(server.ledger()["seconds"])


def test_a_result_that_can_be_read_after_all_is_not_sent_again(mock_service, run, monkeypatch):
    server = mock_service(noise="none")
    with monkeypatch.context() as patched:
        read = Service.result
        patched.setattr(Service, "result", lambda service, job_id: read(service, job_id).replace("outcome", "x" * 7)[:-40] + "}")
        with pytest.raises(DeviceError):
            run()
            collected()
    collected(resubmit=True)
    assert len(server.ledger()["jobs"]) == 2


@pytest.mark.parametrize("sent", [0, 1])
def test_jobs_of_a_call_without_a_run_are_named_if_sending_fails(mock_service, monkeypatch, sent):
    from qiskit.circuit import QuantumCircuit

    from qep_qiskit.devices.device import Work
    from qep_qiskit.devices.limits import Limits

    server, device = mock_service(noise="none"), ibm("ibm_lagos")
    monkeypatch.setattr(sys.modules[ibm.__module__], "limits_of", lambda backend: Limits(None, 150))
    work = [Work(device.compile(QuantumCircuit(2)), "ZZ", np.zeros((1, 0)))]
    submit, calls = Service.submit, []

    def failing(service, request):
        calls.append(1)
        if len(calls) > sent:
            service.order("lost-reply:1")
        return submit(service, request)

    monkeypatch.setattr(Service, "submit", failing)
    with pytest.raises(DeviceError, match="could not be sent") as caught:
        device.sample(work, shots=300, seed=1)
    jobs = server.ledger()["jobs"]
    assert len(jobs) >= sent + 1
    for job in jobs:
        assert all(tag in str(caught.value) for tag in job["tags"])
    assert all(job["id"] in str(caught.value) for job in jobs[:sent])
