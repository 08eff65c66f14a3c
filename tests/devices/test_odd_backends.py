"""Whatever a backend hands back, directly and through a run: right within its bars, or one line before anything is kept."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from odd_backend import FAILED, REFUSED, RIGHT, WIDE, OddBackend, Words
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives import BackendSamplerV2
from qiskit.providers import JobError, JobStatus

import qep_qiskit as qep
from qep_qiskit import runs
from qep_qiskit.cli.main import cli
from qep_qiskit.devices.remote import read_state
from qep_qiskit.errors import DeviceError, FailedCircuitError, InputError, RefusedJobError, UnreadableResultError
from qep_qiskit.experiment import load

pytestmark = [
    pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties"),
    pytest.mark.filterwarnings("ignore:the device returned another number of shots"),
]
TEXT = """seed = 7
network = {kind = "ising", sites = 3, edges = "chain", inputs = [0], outputs = [2]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
stencil = {kind = "symmetric", beta = 0.3}
preparation = {method = "adiabatic", time = 1.5, steps = 4}
measurement = {shots = 2000, mitigation = "tensored"}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "g.toml"
    path.write_text(TEXT)
    return load(path)


@pytest.fixture(scope="module")
def truth(spec):
    return qep.gradient(spec.problem(), **{**spec.settings(), "shots": None, "device": None}).values


def direct(spec, device, **options):
    return qep.gradient(spec.problem(), **{**spec.settings(), "device": device, **options})


def through_a_run(spec, backend, folder):
    run = runs.submit(spec, device=backend, run=folder)
    for _ in range(4):
        if (gradient := runs.collect(run, device=backend)) is not None:
            return gradient
    raise AssertionError("not finished")


def pulls(gradient, truth):
    return (gradient.values - truth) / gradient.stderr


@pytest.mark.parametrize("kind", RIGHT)
def test_a_complete_result_is_right_directly_and_through_a_run(kind, spec, truth, tmp_path):
    for gradient in (direct(spec, OddBackend(kind)), through_a_run(spec, OddBackend(kind), tmp_path / "run")):
        assert np.abs(pulls(gradient, truth)).max() < 4.5
        assert gradient.stderr.min() > 0.01
        warnings = [text for text in gradient.diagnostics["warnings"] if "number of shots" in text]
        assert (len(warnings) == 1 and "100 instead of 2000" in warnings[0]) == (kind == "few shots")


@pytest.mark.parametrize("kind", WIDE)
def test_counts_of_all_qubits_are_cut_to_those_that_were_measured(kind, spec, truth, tmp_path):
    placed = load(spec.path, overrides=[("network.qubits", [4, 2, 3])])
    for gradient in (direct(placed, OddBackend(kind)), through_a_run(placed, OddBackend(kind), tmp_path / "run")):
        assert np.abs(pulls(gradient, truth)).max() < 4.5
        assert gradient.stderr.min() > 0.01


@pytest.mark.parametrize("kind", REFUSED)
def test_an_unusable_result_gives_one_line_and_can_be_read_again_when_repaired(kind, spec, truth, tmp_path):
    with pytest.raises(DeviceError) as direct_error:
        direct(spec, OddBackend(kind))
    backend = OddBackend(kind)
    with pytest.raises(DeviceError) as error:
        through_a_run(spec, backend, tmp_path / "run")
    for message in (direct_error, error):
        assert "\n" not in str(message.value)
        assert "odd" in str(message.value) or "result" in str(message.value)
        assert "0123456789abcdef" not in str(message.value)
    with runs.open_run(tmp_path / "run") as store:
        assert [store.result(job.tag) for job in store.jobs()] == [None]
        assert [job.state for job in store.jobs()] == ["done"]
    assert len(backend.jobs) == 1
    backend.kind = "plain"
    for _ in range(3):
        gradient = runs.collect(tmp_path / "run", device=backend)
    assert np.abs(pulls(gradient, truth)).max() < 4.5
    assert len(backend.jobs) == 2  # one per round: nothing was sent again


@pytest.mark.parametrize("kind", FAILED)
def test_a_failed_circuit_is_a_failed_job_that_can_be_sent_again(kind, spec, truth, tmp_path):
    words = r"circuit [12] of \d failed: ERROR: qubit 3 is too hot|failed: ERROR: the shift is over"
    with pytest.raises(FailedCircuitError, match=words):
        direct(spec, OddBackend(kind))
    backend = OddBackend(kind)
    with pytest.raises(InputError, match=words) as error:
        through_a_run(spec, backend, tmp_path / "run")
    assert "--resubmit" in str(error.value)
    assert runs.status(tmp_path / "run", ask=False).state == "failed"
    backend.kind = "counts"
    for _ in range(3):
        gradient = runs.collect(tmp_path / "run", device=backend, resubmit=True)
    assert np.abs(pulls(gradient, truth)).max() < 4.5
    assert len(backend.jobs) == 3


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DONE", "done"),
        ("done", "done"),
        ("Completed", "done"),
        ("JobStatus.DONE", "done"),
        ("job has successfully run", "done"),
        (Words.FINISHED, "done"),
        (JobStatus.ERROR, "failed"),
        ("failed", "failed"),
        ("CANCELED", "cancelled"),
        ("in progress", "running"),
        ("cancelling", "running"),
        ("job is queued", "queued"),
        ("PAUSED", "unknown"),
        (Words.WARMING_UP, "unknown"),
        (None, "unknown"),
        (7, "unknown"),
    ],
)
def test_states_are_read_as_they_are_meant(word, state):
    assert read_state(word)[0] == state


@pytest.mark.parametrize("word", ["DONE", "completed", Words.FINISHED])
def test_a_state_in_words_is_done_and_no_second_job_is_sent(word, spec, tmp_path):
    backend = OddBackend("plain", word=word)
    assert through_a_run(spec, backend, tmp_path / "run") is not None
    assert len(backend.jobs) == 2


def test_a_state_that_is_not_understood_is_shown_and_waited_for(spec, tmp_path):
    backend = OddBackend("plain", word="Recalibrating")
    run = runs.submit(spec, device=backend, run=tmp_path / "run")
    assert runs.status(run, device=backend).jobs == {"unknown": 1}
    assert runs.collect(run, device=backend, resubmit=True) is None
    with runs.open_run(run) as store:
        assert any("Recalibrating" in event.text for event in store.events())
    assert len(backend.jobs) == 1
    backend.word = "DONE"
    assert [runs.collect(run, device=backend) for _ in range(3)][-1] is not None
    assert len(backend.jobs) == 2


@pytest.mark.parametrize("limits", [{"most": 1}, {"most": 2}, {"most_shots": 700}, {"most": 3, "most_shots": 999}], ids=str)
def test_a_round_is_divided_by_what_the_backend_takes(limits, spec, truth, tmp_path):
    one, backend = OddBackend("counts", **limits), OddBackend("counts", **limits)
    for gradient in (direct(spec, one), through_a_run(spec, backend, tmp_path / "run")):
        assert np.abs(pulls(gradient, truth)).max() < 4.5
        assert gradient.provenance["shots_total"] == 2000 * gradient.provenance["executions"]
        assert not [text for text in gradient.diagnostics["warnings"] if "shots" in text]
    with runs.open_run(tmp_path / "run") as store:
        tags = [job.tag for job in store.jobs()]
    assert len(set(tags)) == len(tags) == len(backend.jobs) > 2
    assert len(one.jobs) >= len(backend.jobs)


def test_a_training_is_divided_too(spec, tmp_path):
    network = spec.problem().network
    backend = OddBackend("counts", most=2, most_shots=150)
    from qep_qiskit.devices.backends.provider import provider_device

    prices = []
    result = qep.train(
        network,
        [[0.5], [-0.5]],
        [1.0, -1.0],
        preparer=qep.Adiabatic(time=2, steps=6),
        device=provider_device(backend),
        shots=200,
        epochs=1,
        batch_size=2,
        seed=1,
        run=tmp_path / "run",
        confirm=lambda price, store: prices.append(price),
    )
    assert result.shots > 0
    with runs.open_run(tmp_path / "run") as store:
        jobs = store.jobs()
    assert len({job.tag for job in jobs}) == len(jobs) == len(backend.jobs)
    assert [price["jobs"] for price in prices] == [len(jobs)]
    assert all(len(job.pubs) <= 2 and job.shots <= 150 for job in jobs)


@pytest.mark.parametrize(
    "error",
    [ValueError("at most 20 qubits"), NotImplementedError("no such gate"), QiskitError("bad circuit")],
)
def test_a_refusal_is_reported_as_not_sent_and_may_be_tried_again(error, spec, tmp_path, monkeypatch):
    backend = OddBackend()

    def no(self, circuits, shots=1024, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(OddBackend, "run", no)
        with pytest.raises(RefusedJobError, match="nothing was sent"):
            direct(spec, backend)
        with pytest.raises(RefusedJobError, match=r"refused the job, nothing was sent.*collect .*run. tries again"):
            runs.submit(spec, device=backend, run=tmp_path / "run")
        assert runs.status(tmp_path / "run", ask=False).state == "not sent"
    assert [runs.collect(tmp_path / "run", device=backend) for _ in range(3)][-1] is not None
    assert len(backend.jobs) == 2


@pytest.mark.parametrize("error", [ConnectionError("reset"), TimeoutError("no answer"), JobError("odd"), KeyError("id")])
def test_an_uncertain_answer_is_not_taken_for_a_refusal(error, spec, tmp_path, monkeypatch):
    backend, whole = OddBackend(), OddBackend.run

    def lost(self, circuits, shots=1024, **options):
        whole(self, circuits, shots, **options)
        raise error

    monkeypatch.setattr(OddBackend, "run", lost)
    with pytest.raises((InputError, DeviceError)) as caught:
        runs.submit(spec, device=backend, run=tmp_path / "run")
    assert not isinstance(caught.value, RefusedJobError)
    monkeypatch.setattr(OddBackend, "run", whole)
    with pytest.raises(InputError, match="resubmit"):
        runs.collect(tmp_path / "run", device=backend)
    assert len(backend.jobs) == 1


def test_no_target_and_ibms_own_backends_are_refused_before_anything_is_sent(spec, tmp_path):
    backend = OddBackend(target=False)
    for attempt in (lambda: direct(spec, backend), lambda: runs.submit(spec, device=backend, run=tmp_path / "none")):
        with pytest.raises(InputError, match="no target"):
            attempt()
    kind = type("IBMBackend", (OddBackend,), {"__module__": "qiskit_ibm_runtime.ibm_backend"})
    for attempt in (lambda: direct(spec, kind()), lambda: runs.submit(spec, device=kind(), run=tmp_path / "ibm")):
        with pytest.raises(InputError, match=r"qep.ibm\('odd'\)"):
            attempt()
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "ibm").exists()


def test_too_many_qubits_are_refused_before_anything_is_sent(spec, tmp_path):
    wide = load(spec.path, overrides=[("network.sites", 6), ("network.outputs", [5])])
    backend = OddBackend()
    for attempt in (lambda: direct(wide, backend), lambda: runs.submit(wide, device=backend, run=tmp_path / "run")):
        with pytest.raises(InputError, match="has 5 qubits, the network needs 6"):
            attempt()
    assert backend.jobs == {}


def test_a_run_that_takes_no_options_is_called_without(spec, truth):
    class Bare(OddBackend):
        def run(self, circuits):
            return OddBackend.run(self, circuits, shots=self.options.shots)

    gradient = direct(spec, Bare())
    assert np.abs(pulls(gradient, truth)).max() < 4.5
    assert gradient.provenance["shots_total"] == 2000 * gradient.provenance["executions"]


def test_a_backend_run_that_returns_no_job_gives_one_line(spec, monkeypatch):
    monkeypatch.setattr(OddBackend, "run", lambda self, circuits, shots: None)
    with pytest.raises(DeviceError, match="NoneType in place of a job"):
        direct(spec, OddBackend())


def test_qiskits_sampler_of_a_backend_without_memory_does_not_read_zeros(spec, truth):
    assert np.abs(pulls(direct(spec, BackendSamplerV2(backend=OddBackend("counts"))), truth)).max() < 4.5


def test_idle_qubits_distinguish_bits_of_all_qubits_from_padding():
    """A circuit on qubits 3 and 1: the counts of its registers, and of all qubits, both five bits wide."""
    from qep_qiskit.devices.backends.results import Request, read_result

    circuit = QuantumCircuit(5, 2)
    circuit.measure([3, 1], [0, 1])
    requests = [Request.of(circuit)]
    by_qubit, padded = {"01000": 600, "00010": 380, "00001": 20}, {"00001": 600, "00010": 380, "00011": 20}
    (one,) = read_result([by_qubit], requests, shots=1000, source="odd")
    assert one.get_counts(0) == {"01": 600, "10": 380, "00": 20}
    (other,) = read_result([padded], requests, shots=1000, source="odd")
    assert other.get_counts(0) == {"01": 600, "10": 380, "11": 20}
    with pytest.raises(UnreadableResultError, match="nothing says which"):
        read_result([{"00010": 999, "00000": 1}], requests, shots=1000, source="odd")
    with pytest.raises(UnreadableResultError, match="nothing says which"):
        read_result([{"10000": 999, "00001": 1}], requests, shots=1000, source="odd")
    with pytest.raises(UnreadableResultError, match="has more bits, 2 were measured"):
        read_result([{"0x8": 600, "0x2": 400}], requests, shots=1000, source="odd")


@pytest.mark.parametrize("name", ["aer", "statevector", "ibm_torino"])
def test_the_command_line_says_where_a_run_of_a_python_program_goes_on(name, spec, tmp_path):
    """A backend that no spec names: its states as written down, its gradient once it is there, and no other device is asked."""
    backend = OddBackend("counts", word="QUEUED")
    named = load(spec.path, overrides=[("device.name", name)])
    run = runs.submit(named, device=backend, run=tmp_path / "run")
    result = CliRunner().invoke(cli, ["status", str(run), "--json"])
    assert result.exit_code == 3
    assert [job["state"] for job in json.loads(result.stdout)["jobs"]] == ["queued"]
    assert "'odd' by a Python program" in result.stderr and "runs.collect" in result.stderr
    assert runs.status(run).jobs == {"queued": 1}
    for verb in ("collect", "cancel"):
        result = CliRunner().invoke(cli, [verb, str(run)])
        assert result.exit_code == 2
        assert "'odd' by a Python program" in result.stderr
    backend.word = "DONE"
    gradient = [runs.collect(run, device=backend) for _ in range(3)][-1]
    result = CliRunner().invoke(cli, ["collect", str(run), "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["values"] == gradient.values.tolist()
    assert CliRunner().invoke(cli, ["status", str(run)]).exit_code == 0
    assert runs.collect(run).values.tolist() == gradient.values.tolist()
