"""The real Runtime client, through devices/ibm.py, against the mock service."""

import json
import os
import sys
import time
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import PauliList
from scipy.stats import chi2

from benchmarks.noisy_strings import NoisyCones
from qep_qiskit import rehearsal
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.ibm.device import ibm
from qep_qiskit.devices.remote import RemoteDevice, RunPub
from qep_qiskit.devices.simulated.noise import cut_to, seen_wires
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.rehearsal.machine import Machine, noise_model
from qep_qiskit.rehearsal.server import HOST

ANGLES = (0.3, 1.1)


def product_state(angles):
    circuit = QuantumCircuit(len(angles))
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    return circuit


def until_done(device, job_id, seconds=20.0):
    end = time.monotonic() + seconds
    while device.status(job_id)[0] in ("submitted", "queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return device.status(job_id)


def sent_job(device, shots=400, tag="one"):
    compiled = device.compile(product_state(ANGLES))
    pub = RunPub(device.measured(compiled, "ZZ"), np.zeros((1, 0)))
    device.check([pub])
    return device.submit([pub], shots=shots, tag=tag)


def means(samples):
    return samples.weights @ (1.0 - 2.0 * samples.outcomes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gate_twirling": True, "measure_twirling": True},
        {"dynamical_decoupling": "XY4"},
        {"dynamical_decoupling": "XX", "measure_twirling": True},
        {"dynamical_decoupling": "XpXm", "gate_twirling": True},
    ],
    ids=str,
)
def test_a_product_state_is_read_as_it_is(mock_service, options):
    """The canary: twirled, two bound ry gates would both take the last angle if they reached samplomatic untranspiled."""
    mock_service(noise="none")
    device = ibm("ibm_lagos", **options)
    [[samples]] = device.sample([Work(device.compile(product_state(ANGLES)), "ZZ", np.zeros((1, 0)))], shots=4000, seed=1)
    assert samples.shots >= 4000
    np.testing.assert_allclose(means(samples), np.cos(ANGLES), atol=5 / np.sqrt(4000))


def test_rows_of_values_and_bases_keep_their_places(mock_service):
    mock_service(noise="none")
    device = ibm("ibm_lagos", gate_twirling=True)
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(3)
    b, a = Parameter("b"), Parameter("a")
    circuit.ry(b, 0)
    circuit.ry(a, 2)
    compiled = device.compile(circuit)
    rows = np.array([[0.2, 1.4], [2.5, 0.7]])  # in the order a, b
    work = [Work(compiled, axes, rows) for axes in ("ZZZ", "XXX")]
    zs, xs = device.sample(work, shots=3000, seed=1)
    for (first, second), z, x in zip(rows, zs, xs, strict=True):
        np.testing.assert_allclose(means(z), [np.cos(second), 1, np.cos(first)], atol=0.1)
        np.testing.assert_allclose(means(x)[[0, 2]], [np.sin(second), np.sin(first)], atol=0.1)


def test_fractional_gates_are_folded_and_run(mock_service):
    mock_service(noise="none")
    device = ibm("ibm_fractional", fractional_gates=True)
    circuit = QuantumCircuit(2)
    circuit.rx(0.4, 0)
    circuit.rx(0.9, 1)
    circuit.rzz(-2.2, 0, 1)
    circuit.rx(0.7, 0)
    compiled = device.compile(circuit)
    assert {"rx", "rzz"} & set(compiled.circuit.count_ops())
    from qiskit.quantum_info import SparsePauliOp, Statevector

    state = Statevector(circuit)
    exact = [state.expectation_value(SparsePauliOp(label)).real for label in ("IZ", "ZI")]
    [[samples]] = device.sample([Work(compiled, "ZZ", np.zeros((1, 0)))], shots=4000, seed=1)
    np.testing.assert_allclose(means(samples), exact, atol=0.08)


def test_every_call_of_the_client_works(mock_service):
    server = mock_service(noise="readout")
    device = ibm("ibm_brisbane")
    assert isinstance(device, RemoteDevice)
    device.ready()
    assert device.backend.num_qubits == 127
    assert getattr(device.backend, "is_mock", True)  # a word of the client since 0.51
    job_id = sent_job(device, tag="mine")
    assert until_done(device, job_id) == ("done", "")
    assert [job.id for job in device.find("mine")] == [job_id]
    assert device.find("others") == []
    bits = device.result(job_id)[0].data.outcome
    assert (bits.num_shots, bits.num_bits) == (400, 2)
    assert 2 + 400 * 250e-6 < device.seconds(job_id) < 2 + 400 * 256e-6  # the delay, and the few µs of the circuit
    calibration = device.calibration([0, 1])
    assert set(calibration["readout"]) == {0, 1}
    assert all(0 < p < 0.5 for pair in calibration["readout"].values() for p in pair)
    assert [job["tags"] for job in server.service.ledger()["jobs"]] == [["mine"]]


def test_queued_jobs_are_cancelled_and_not_billed(mock_service):
    server = mock_service(noise="none", faults=["slow-queue"])
    device = ibm("ibm_lagos")
    job_id = sent_job(device)
    assert device.status(job_id) == ("queued", "")
    assert device.seconds(job_id) is None
    device.cancel(job_id)
    assert device.status(job_id)[0] == "cancelled"
    assert device.seconds(job_id) == 0.0
    assert server.service.ledger()["seconds"] == 0.0
    with pytest.raises(DeviceError, match="could not be cancelled"):
        device.cancel(job_id)


def test_the_noise_is_that_of_the_qubits_in_use(mock_service):
    mock_service(noise="readout")
    device = ibm("ibm_lagos")
    compiled = device.compile(QuantumCircuit(2))
    [[samples]] = device.sample([Work(compiled, "ZZ", np.zeros((1, 0)))], shots=20_000, seed=1)
    expected = [device.calibration([q])["readout"][q][0] for q in compiled.qubits]
    np.testing.assert_allclose((1 - means(samples)) / 2, expected, atol=4 * np.sqrt(0.05 / 20_000))


@pytest.mark.parametrize("options", [{}, pytest.param({"gate_twirling": True}, marks=pytest.mark.slow)], ids=str)
def test_shots_depend_on_the_seed_the_circuits_and_the_values_only(mock_service, options):
    def shots(seed, tag):
        mock_service(noise="full", seed=seed)
        device = ibm("ibm_lagos", **options)
        job_id = sent_job(device, tag=tag)
        assert until_done(device, job_id)[0] == "done"
        return device.result(job_id)[0].data.outcome.array

    first = shots(1, "a")
    np.testing.assert_array_equal(first, shots(1, "b"))
    assert not np.array_equal(first, shots(2, "a"))


def test_circuits_that_the_device_cannot_run_are_refused_in_one_line(mock_service):
    server = mock_service()
    device = ibm("ibm_torino")
    circuit = QuantumCircuit(133)
    circuit.cx(0, 100)
    with pytest.raises(InputError, match="cannot run a circuit"):
        device.check([RunPub(circuit, np.zeros((1, 0)))])
    with pytest.raises(DeviceError, match="not available"):
        ibm("ibm_torinho").ready()
    assert server.service.ledger()["jobs"] == []


@pytest.mark.parametrize("noise", ["full", "readout"])
def test_many_qubits_are_drawn_from_density_operators_under_their_own_noise(mock_service, monkeypatch, noise):
    """Means of a chain on 16 qubits, two rows, and the seed, compared with the exact means of the same circuits."""
    monkeypatch.setattr("qep_qiskit.rehearsal.outcomes.MOST_VECTOR", 12)
    server, device, wires, shots = mock_service(noise=noise, seed=3), ibm("ibm_torino"), 16, 4000
    circuit, t = QuantumCircuit(wires), ParameterVector("t", 2)
    for q in range(wires):
        circuit.ry(t[0] * (1 + 0.1 * q), q)
    for q in range(wires - 1):
        circuit.rzz(t[1], q, q + 1)
    for q in range(wires):
        circuit.rx(0.4, q)
    compiled = device.compile(circuit)
    values = np.array([[0.5, 0.8], [0.9, -0.3]])
    rows = [device.sample([Work(compiled, "Z" * wires, values)], shots=shots, seed=1)[0] for _ in range(2)]
    for one, two in zip(*rows, strict=True):
        np.testing.assert_array_equal(one.outcomes, two.outcomes)
    machine = Machine("ibm_torino", noise)
    active = seen_wires(device.measured(compiled, "Z" * wires))
    small = replace(compiled, circuit=cut_to(compiled.circuit, active), wires=tuple(active.index(w) for w in compiled.wires))
    model, labels = noise_model(machine, active), PauliList(["I" * (wires - 1 - q) + "Z" + "I" * q for q in range(wires)])
    exact = NoisyCones(small.circuit, model, labels, wires=small.wires).expectations(values)
    for samples, means in zip(rows[0], exact, strict=True):
        pulls = (samples.weights @ (1.0 - 2.0 * samples.outcomes) - means) / np.sqrt((1 - means**2) / shots)
        assert chi2.sf((pulls**2).sum(), wires) > 1e-4
    (first, second) = server.service.ledger()["jobs"]
    assert first["seconds"] == second["seconds"] > 2


def test_a_large_circuit_that_measures_in_between_is_refused_with_gate_noise(mock_service):
    mock_service(noise="full")
    device = ibm("ibm_torino")
    circuit = QuantumCircuit(15)
    circuit.x(range(15))
    measured = device.measured(device.compile(circuit), "Z" * 15)
    measured.x(measured.qubits[device.compile(circuit).wires[0]])
    with pytest.raises(DeviceError, match="an operation after a measurement on one of 15 active qubits.*--noise readout"):
        device.submit([RunPub(measured, np.zeros((1, 0)))], shots=10, tag="large")


def test_idle_qubits_that_the_scheduler_decouples_are_left_out():
    circuit = QuantumCircuit(5, 1)
    circuit.cx(3, 1)
    circuit.x(4)
    circuit.delay(100, 0)
    circuit.barrier()
    circuit.measure(1, 0)
    assert seen_wires(circuit) == (1, 3)
    assert dict(cut_to(circuit, (1, 3)).count_ops()) == {"cx": 1, "measure": 1}


def test_it_listens_on_loopback_only_and_shows_its_ledger(mock_service):
    server = mock_service()
    assert server.server_address[0] == HOST == "127.0.0.1"
    with urllib.request.urlopen(server.url.removesuffix("/rt") + "/ledger") as reply:
        assert json.load(reply) == {"jobs": [], "seconds": 0, "faults": {}}


def test_a_started_service_stands_in_for_ibm_until_it_is_closed(monkeypatch):
    monkeypatch.delenv("QEP_RUNTIME_URL", raising=False)
    before = dict(os.environ)
    with rehearsal.start(noise="none") as mock:
        assert os.environ["QEP_RUNTIME_URL"] == mock.url
        ibm("ibm_lagos").ready()
        mock.order("failed-job")
        assert mock.service.strikes("failed-job") and mock.ledger()["faults"] == {"failed-job": 1}
    assert dict(os.environ) == before
    mock.close()
    assert repr(mock) == "MockServer(closed)"


def test_the_program_takes_only_addresses_of_this_machine(monkeypatch):
    monkeypatch.setenv("QEP_RUNTIME_URL", "http://example.org/rt")
    with pytest.raises(InputError, match="address of this machine"):
        ibm("ibm_lagos").ready()


def test_more_shots_than_a_job_takes_are_divided_and_put_together(mock_service, monkeypatch):
    from qep_qiskit.devices.limits import Limits

    module = sys.modules[ibm.__module__]
    server, device = mock_service(noise="none"), ibm("ibm_lagos")
    assert device.limits == Limits(None, 100_000)
    monkeypatch.setattr(module, "limits_of", lambda backend: Limits(7, 150))
    work = [Work(device.compile(product_state(ANGLES)), axes, np.zeros((1, 0))) for axes in ("ZZ", "XX")]
    first, second = (samples for (samples,) in device.sample(work, shots=400, seed=1))
    assert first.shots == second.shots == 400
    np.testing.assert_allclose(means(first), np.cos(ANGLES), atol=0.25)
    assert len(server.service.ledger()["jobs"]) == 3


def test_a_job_that_is_left_is_named(mock_service, monkeypatch):
    server, device = mock_service(noise="none", queue_seconds=30), ibm("ibm_lagos")
    work = [Work(device.compile(product_state(ANGLES)), "ZZ", np.zeros((1, 0)))]

    def pressed(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pressed)
    with pytest.raises(KeyboardInterrupt) as error:
        device.sample(work, shots=100, seed=1)
    (job,) = server.service.ledger()["jobs"]
    assert job["id"] in "".join(error.value.__notes__)
    assert "runs.submit" in "".join(error.value.__notes__)
