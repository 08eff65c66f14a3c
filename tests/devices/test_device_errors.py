"""Devices that do not exist, do not fit, or cannot do what is asked: one clear line each."""

import numpy as np
import pytest
from device_contract import entangled, work_of
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import qep_qiskit as qep
from qep_qiskit.devices import as_device, device_named
from qep_qiskit.devices.device import check_shots
from qep_qiskit.errors import InputError


@pytest.mark.parametrize(
    "device", [lambda: qep.fake("manila"), lambda: as_device(GenericBackendV2(5, seed=1))], ids=["snapshot", "backend"]
)
def test_too_many_qubits(device):
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    with pytest.raises(InputError, match="has 5 qubits, the network needs 6"):
        device().compile(circuit)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: device_named("aerr"), '"aerr"'),
        (lambda: device_named("fake_manilla"), "fake_manila"),
        (lambda: qep.fake("nowhere"), "'nowhere'"),
        (lambda: qep.aer(noise="manilla"), "fake_manila"),
        (lambda: qep.simulator(noise="FakeTorinno"), "fake_torino"),
        (lambda: qep.fake("torino", engine="simulater"), "simulator"),
        (lambda: qep.fake("torino", engine="simulator", method="statevector"), "device.method"),
        (lambda: qep.aer(noise=AerSimulator()), "NoiseModel"),
        (lambda: qep.aer(noise=0.1), "0.1"),
        (lambda: qep.aer(method="statevectr"), "statevector"),
        (lambda: device_named("statevector", noise="fake_manila"), "device.noise"),
        (lambda: as_device(17), "17"),
        (lambda: as_device("nothing"), '"nothing"'),
    ],
)
def test_unknown_names_are_reported_with_similar_ones(make, text):
    with pytest.raises(InputError) as error:
        make()
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_names_and_objects_that_are_devices():
    assert as_device(None).name == "statevector"
    assert as_device("statevector").name == "statevector"
    assert as_device("aer").name == "aer"
    assert as_device("fake_manila").name == "fake_manila"
    device = qep.aer()
    assert as_device(device) is device
    assert as_device(StatevectorSampler()).backend is None
    backend = GenericBackendV2(3, seed=1)
    assert as_device(backend).backend is backend


def test_exact_is_only_what_has_no_noise():
    assert qep.statevector().exact
    assert qep.simulator().exact
    assert not qep.aer().exact, "Aer computes its exact distributions itself"
    assert not qep.aer(noise="fake_manila").exact
    assert not qep.aer(noise=NoiseModel()).exact
    assert not as_device(StatevectorSampler()).exact


def test_a_sampler_has_no_exact_distribution():
    device = as_device(StatevectorSampler())
    with pytest.raises(InputError, match="shots"):
        device.distribution([work_of(device, entangled(), "ZZZ", np.zeros((1, 12)))])


def test_a_density_matrix_that_does_not_fit_is_refused():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    circuit = QuantumCircuit(25)
    circuit.h(0)
    for q in range(24):
        circuit.cx(q, q + 1)
    device = qep.aer(noise=model)
    with pytest.raises(InputError, match="exact distribution of 25 qubits") as error:
        device.distribution([work_of(device, circuit, "Z" * 25)])
    assert "measurement shots" in str(error.value) and "\n" not in str(error.value)


def thirteen(gate):
    circuit = QuantumCircuit(13)
    circuit.x(0)
    gate(circuit)
    return circuit


@pytest.mark.parametrize(
    ("make", "circuit", "words"),
    [
        (qep.simulator, QuantumCircuit(25), "25 qubits"),
        (qep.simulator, thirteen(lambda c: c.reset(1)), "reset"),
        (lambda: qep.simulator(noise=NoiseModel()), thirteen(lambda c: c.reset(1)), "reset"),
        (lambda: qep.simulator(noise="fake_guadalupe"), thirteen(lambda c: c.reset(1)), "reset"),
        (lambda: qep.fake("guadalupe", engine="simulator"), thirteen(lambda c: c.reset(1)), "reset"),
    ],
)
def test_the_simulator_refuses_what_it_cannot_treat_exactly(make, circuit, words):
    device = make()
    with pytest.raises(InputError, match="qep.aer") as error:
        device.compile(circuit)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_method_that_cannot_run_the_circuit_is_refused():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("theta_000"), 0)
    device = qep.aer(method="stabilizer")
    with pytest.raises(InputError, match="stabilizer"):
        device.sample([work_of(device, circuit, "Z", [[0.3]])], shots=10, seed=1)


@pytest.mark.parametrize("shots", [0, 1, -5, 2.5, True, "many"])
def test_shots_are_a_whole_number_of_at_least_two(shots):
    with pytest.raises(InputError, match="shots"):
        check_shots("shots", shots)


@pytest.mark.parametrize("shots", [2, 100.0, np.int64(7)])
def test_shots_that_are_whole_numbers_pass(shots):
    assert check_shots("shots", shots) == int(shots)
    assert check_shots("shots", None) is None


@pytest.mark.parametrize("name", ["statevector", "simulator", "aer", "fake_guadalupe"])
def test_an_option_that_is_none_is_left_out_whatever_the_device(name):
    assert device_named(name, noise=None).name == name
