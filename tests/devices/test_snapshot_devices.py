"""A snapshot is one device however it is named, and its results say which engine ran."""

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2, FakeTorino

import qep_qiskit as qep
from qep_qiskit.devices import SimulatedDevice, as_device, device_named
from qep_qiskit.devices.simulated.snapshots import snapshot_classes, snapshot_name
from qep_qiskit.errors import InputError

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))


def gradient(device, **options):
    return qep.gradient(
        PROBLEM, preparer=qep.Adiabatic(time=4, steps=12), stencil=qep.symmetric(0.2), device=device, seed=1, **options
    )


TORINO = {
    "object": lambda: FakeTorino(),
    "class name": lambda: "FakeTorino",
    "name": lambda: "fake_torino",
    "short": lambda: "torino",
    "fake": lambda: qep.fake("torino"),
    "fake of class name": lambda: qep.fake("FakeTorino"),
    "fake of object": lambda: qep.fake(FakeTorino()),
    "simulator": lambda: qep.simulator(noise="torino"),
    "simulator of object": lambda: qep.simulator(noise=FakeTorino()),
    "by name": lambda: device_named("FakeTorino"),
}


@pytest.fixture(scope="module")
def torino():
    return gradient("fake_torino", shots=500)


@pytest.mark.parametrize("name", TORINO)
def test_every_way_to_name_a_snapshot_gives_the_same_numbers(name, torino):
    result = gradient(TORINO[name](), shots=500)
    np.testing.assert_array_equal(result.values, torino.values)
    assert result.provenance["device"]["noise"] == "fake_torino"
    assert result.provenance["device"]["simulator"] == "qep-qiskit"
    assert result.provenance["layout"] == torino.provenance["layout"]


def test_aer_takes_a_snapshot_as_its_noise(torino):
    exact = gradient("fake_torino")
    for device in (qep.aer(noise=FakeTorino()), qep.aer(noise="torino"), qep.fake(FakeTorino(), engine="aer")):
        result = gradient(device)
        np.testing.assert_allclose(result.values, exact.values, atol=1e-9)
        assert result.provenance["device"]["simulator"] == "qiskit-aer"


def test_every_snapshot_is_found_by_its_class_and_its_names():
    for name, cls in snapshot_classes().items():
        assert {snapshot_name(text) for text in (name, cls.__name__, name.removeprefix("fake_"), name.upper())} == {name}
    assert snapshot_name("statevector") is snapshot_name("ibm_torino") is None


def test_an_object_is_taken_with_its_own_calibration():
    backend = FakeManilaV2()
    properties = backend.properties()
    assert as_device(backend).snapshot.backend is backend
    assert qep.aer(noise=backend).snapshot.readout[0][0] == properties.qubit_property(0, "prob_meas1_prep0")[0]


def test_other_backends_are_what_they_were():
    assert not isinstance(as_device(GenericBackendV2(3, seed=1)), SimulatedDevice)
    assert qep.simulator(noise=GenericBackendV2(3, seed=1)).snapshot.name == "generic_backend_3q"
    with pytest.raises(InputError, match="device.noise"):
        qep.simulator(noise=FakeManilaV2)
    with pytest.raises(InputError, match="NoiseModel"):
        qep.fake(AerSimulator())
