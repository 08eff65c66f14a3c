"""Runs from Python, on a device that is sent jobs and on any provider's backend."""

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from remote import SMALL, FolderDevice

import qep_qiskit as qep
from qep_qiskit import runs
from qep_qiskit.devices.backends.provider import provider_device
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.experiment import load
from qep_qiskit.experiment.loading import validated
from qep_qiskit.rehearsal.server import serve
from qep_qiskit.report.run_page import page
from qep_qiskit.runs.readings import readings_of

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties")


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.replace("shots = 400", "shots = 4000"))
    return load(tmp_path / "small.toml")


def truth(spec):
    return qep.gradient(spec.problem(), stencil=qep.symmetric(0.2)).values


def test_the_life_of_a_run(spec, tmp_path):
    (tmp_path / "jobs").mkdir()
    device = FolderDevice(tmp_path / "jobs", ("queue",))
    run = runs.submit(spec, device=device, run=tmp_path / "run")
    assert runs.collect(run, device=device) is None
    assert runs.status(run, device=device).jobs == {"queued": 1}
    assert runs.status(run, ask=False).state == "waiting"
    device.faults = ()
    gradient = runs.collect(run, device=device)
    assert np.abs((gradient.values - truth(spec)) / gradient.stderr).max() < 4.5
    assert runs.status(run).state == "done"
    raw = runs.collect(run, mitigation="none")
    with runs.open_run(run) as store:
        assert [entry["mitigation"] for entry in store.gradients()] == ["tensored", "none"]
        assert store.gradients()[1]["values"] == raw.values.tolist()


def test_a_devices_name_replaces_the_specs_and_is_kept_by_the_run(spec, tmp_path, monkeypatch):
    with serve(noise="none") as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        for given in (spec, tmp_path / "small.toml"):
            run = runs.submit(given, device="ibm_lagos", run=tmp_path / f"run-{type(given).__name__}")
            gradient = finished(run, lambda: None)
            assert np.abs((gradient.values - truth(spec)) / gradient.stderr).max() < 4.5
            assert runs.status(run, device="ibm_lagos").state == "done"
        with pytest.raises(InputError, match="'aer' answers at once"):
            runs.submit(spec, device="aer", run=tmp_path / "local")
        with pytest.raises(InputError, match="device.name: .ibmlagos. is not allowed"):
            runs.submit(spec, device="ibmlagos", run=tmp_path / "wrong")


def test_cancel(spec, tmp_path):
    (tmp_path / "jobs").mkdir()
    device = FolderDevice(tmp_path / "jobs", ("queue",))
    run = runs.submit(tmp_path / "small.toml", device=device, run=tmp_path / "run")
    assert runs.cancel(run, device=device) == ["job000"]
    assert runs.status(run).state == "cancelled"


def test_a_refused_price_stops_before_anything_is_sent(spec, tmp_path):
    (tmp_path / "jobs").mkdir()

    def no(plan, store):
        raise InputError(f"too dear: {len(store.jobs(plan.round))} job")

    with pytest.raises(InputError, match="too dear: 1 job"):
        runs.submit(spec, device=FolderDevice(tmp_path / "jobs"), run=tmp_path / "run", confirm=no)
    assert list((tmp_path / "jobs").iterdir()) == []
    assert runs.status(tmp_path / "run").state == "not sent"
    with pytest.raises(InputError, match="answers at once"):
        runs.submit(spec, device=qep.statevector(), run=tmp_path / "other")


class Provider(GenericBackendV2):
    """A backend that keeps its jobs and gives them back by id, as most providers do."""

    kept: dict = {}  # noqa: RUF012
    sent = 0

    def __init__(self):
        super().__init__(num_qubits=3, noise_info=False, seed=5)

    def run(self, *args, **options):
        Provider.sent += 1
        job = super().run(*args, seed_simulator=11 + Provider.sent, **options)
        Provider.kept[job.job_id()] = job
        return job

    def retrieve_job(self, job_id):
        return Provider.kept[job_id]


def finished(run, make):
    import time

    for _ in range(200):
        gradient = runs.collect(run, device=make())
        if gradient is not None:
            return gradient
        time.sleep(0.05)
    raise AssertionError("not finished")


def test_any_providers_backend_and_another_process_may_collect(spec, tmp_path):
    assert isinstance(provider_device(Provider()), RemoteDevice)
    Provider.sent = 0
    run = runs.submit(spec, device=Provider(), run=tmp_path / "run")
    gradient = finished(run, Provider)
    assert Provider.sent == 2
    assert np.abs((gradient.values - truth(spec)) / gradient.stderr).max() < 4.5


def test_a_job_that_may_have_been_sent_is_not_sent_again_unasked(spec, tmp_path, monkeypatch):
    run = tmp_path / "run"
    whole = Provider.run

    def lost(self, *args, **options):
        whole(self, *args, **options)
        raise ConnectionError("the reply was lost")

    Provider.sent = 0
    monkeypatch.setattr(Provider, "run", lost)
    with pytest.raises(InputError, match="cannot be asked whether it was sent"):
        runs.submit(spec, device=Provider(), run=run)
    monkeypatch.setattr(Provider, "run", whole)
    with pytest.raises(InputError, match="resubmit"):
        runs.collect(run, device=Provider())
    assert Provider.sent == 1
    runs.collect(run, device=Provider(), resubmit=True)
    finished(run, Provider)
    assert Provider.sent == 3


def test_cancel_says_that_it_cannot_know_whether_a_provider_has_a_job(spec, tmp_path):
    from qep_qiskit.runs.jobs import courier

    class Ended(BaseException):
        pass

    def end(name):
        if name == "submit data: sent, id not written":
            raise Ended

    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courier, "reached", end)
        with pytest.raises(Ended):
            runs.submit(spec, device=Provider(), run=run)
    with pytest.raises(DeviceError, match="it cannot be known whether it was sent: look at the list of jobs of") as caught:
        runs.cancel(run, device=Provider())
    assert "\n" not in str(caught.value) and runs.status(run, ask=False).state == "unknown"
    assert runs.cancel(run, device=Provider()) == []  # said once more, it is given up
    assert runs.status(run, ask=False).state == "given up"


def test_a_run_restored_from_a_copy_asks_before_a_provider_is_sent_anything(spec, tmp_path, monkeypatch):
    import shutil

    from qep_qiskit.runs.file import standing

    def no(plan, store):
        raise InputError("not now")

    run, old = tmp_path / "run", tmp_path / "old.db"
    with pytest.raises(InputError, match="not now"):
        runs.submit(spec, device=Provider(), run=run, confirm=no)
    shutil.copy(run / "run.db", old)
    Provider.sent = 0
    finished(run, Provider)
    assert Provider.sent == 2
    monkeypatch.setattr(standing, "STAMP_SECONDS", 0.0)  # a copy of yesterday is older than a few seconds
    shutil.copy(old, run / "run.db")
    with pytest.raises(InputError, match="was restored from a copy, and .* cannot be asked whether it was sent before"):
        runs.collect(run, device=Provider())
    assert Provider.sent == 2
    monkeypatch.setattr(standing, "STAMP_SECONDS", 5.0)
    runs.collect(run, device=Provider(), resubmit=True)
    finished(run, Provider)
    assert Provider.sent == 4


@pytest.mark.parametrize("word", ["DONE", "done", "Completed", "job has successfully run", "Resting", "PAUSED BY OPERATOR"])
def test_states_come_as_words_and_unknown_ones_wait(spec, tmp_path, monkeypatch, word):
    class Wordy(Provider):
        def run(self, *args, **options):
            job = super().run(*args, **options)
            job.result()
            job.status = lambda: word
            return job

    Provider.sent = 0
    run = runs.submit(spec, device=Wordy(), run=tmp_path / "run")
    if word in ("Resting", "PAUSED BY OPERATOR"):
        assert runs.collect(run, device=Wordy(), resubmit=True) is None and Provider.sent == 1
        with runs.open_run(run) as store:
            [job] = store.jobs()
        assert (job.state, job.detail["reason"]) == ("unknown", word)
    else:
        finished(run, Wordy)
        assert Provider.sent == 2


def test_a_backend_that_gives_no_jobs_back_says_so(spec, tmp_path):
    backend = GenericBackendV2(num_qubits=3, noise_info=False, seed=5)
    device = provider_device(backend)
    run = runs.submit(spec, device=device, run=tmp_path / "run")
    with runs.open_run(run) as store:
        waiting = not store.gradients()
    if waiting:
        with pytest.raises(InputError, match="no retrieve_job, so only the process that sent.*--resubmit` sends it again"):
            runs.collect(run, device=GenericBackendV2(num_qubits=3, noise_info=False, seed=5))
    assert finished(run, lambda: device) is not None


class JobNotFoundError(Exception):
    pass


@pytest.mark.parametrize(
    "answer", [KeyError("x"), JobNotFoundError("gone"), None, ConnectionError("no route"), "no retrieve_job"], ids=repr
)
def test_a_job_that_a_provider_no_longer_has_can_be_sent_again(spec, tmp_path, monkeypatch, answer):
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "600")  # there is nothing to wait for: jobs cannot be found by their tags
    monkeypatch.setattr(Provider, "sent", 0)
    with monkeypatch.context() as queued:
        queued.setattr("qep_qiskit.devices.backends.provider.status_of", lambda job: "QUEUED")
        run = runs.submit(spec, device=Provider(), run=tmp_path / "run")
    with monkeypatch.context() as gone:
        if answer == "no retrieve_job":
            gone.delattr(Provider, "retrieve_job")
        elif answer is None:
            gone.setattr(Provider, "retrieve_job", lambda self, job_id: None)
        else:
            gone.setattr(Provider, "retrieve_job", lambda self, job_id: (_ for _ in ()).throw(answer))
        for resubmit in (False, True) if isinstance(answer, ConnectionError) else (False,):
            kind = DeviceError if isinstance(answer, ConnectionError) else InputError
            with pytest.raises(kind, match="no route" if kind is DeviceError else "unknown to the service: .*--resubmit` sends"):
                runs.collect(run, device=Provider(), resubmit=resubmit)
        assert Provider.sent == 1
        if isinstance(answer, KeyError):
            runs.collect(run, device=Provider(), resubmit=True)
            assert Provider.sent in (2, 3)  # the first round again, and the second if that one has already ended
    gradient = finished(run, Provider)  # a job that is there after all is read, not sent again
    assert Provider.sent == (3 if isinstance(answer, KeyError) else 2)
    assert np.abs((gradient.values - truth(spec)) / gradient.stderr).max() < 4.5


def test_options_that_the_backend_lacks_are_refused(spec):
    from qiskit.circuit import QuantumCircuit

    from qep_qiskit.devices.remote import RunPub

    device = provider_device(GenericBackendV2(num_qubits=2, basis_gates=["cx", "rz", "sx", "x"], noise_info=False))
    circuit = QuantumCircuit(2)
    circuit.h(1)
    with pytest.raises(InputError, match=r"has no h on qubits \[1\]"):
        device.check([RunPub(circuit, np.zeros((1, 0)))])
    with pytest.raises(InputError, match="BackendV2"):
        provider_device("ibm_torino")


def test_a_run_measures_a_pullback(spec, tmp_path):
    tables = {**spec.tables, "cost": {"kind": "linear", "cotangent": [0.7]}, "sample": {"x": [0.5], "input_gradient": True}}
    (tmp_path / "jobs").mkdir()
    device, asked = FolderDevice(tmp_path / "jobs"), validated(tables)
    run = runs.submit(asked, device=device, run=tmp_path / "run")
    pulled = qep.Pullback.of(runs.collect(run, device=device))
    problem = asked.problem()
    exact = qep.vjp(problem.network, problem.weights, problem.x, [0.7], stencil=qep.symmetric(0.2))
    for value, error, truth in (
        (pulled.weights, pulled.weights_stderr, exact.weights),
        (pulled.inputs, pulled.inputs_stderr, exact.inputs),
    ):
        assert error is not None and (error > 0).all()
        assert np.abs((value - truth) / error).max() < 4.5
    with runs.open_run(run) as store:
        assert store.gradients()[0]["input_values"] == pulled.inputs.tolist()
        text = page(store, readings_of(store, asked))
    assert "The gradient with respect to the inputs" in text
    with pytest.raises(InputError, match="holds no dL/dx"):
        qep.Pullback.of(qep.gradient(spec.problem()))
