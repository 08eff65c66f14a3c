"""Every kind of device passes the same suite."""

import pytest
from device_contract import DeviceContract
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2

import qep_qiskit as qep
from qep_qiskit.devices import as_device, device_named


@pytest.fixture(scope="class")
def device(request):
    return request.cls.make()


class TestStatevector(DeviceContract):
    @staticmethod
    def make():
        return qep.statevector()


class TestAer(DeviceContract):
    @staticmethod
    def make():
        return qep.aer()


class TestAerDensityMatrix(DeviceContract):
    @staticmethod
    def make():
        return qep.aer(method="density_matrix")


class TestAerWithNoiseModel(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        model = NoiseModel()
        model.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["sx", "rx", "x"])
        model.add_all_qubit_quantum_error(depolarizing_error(0.03, 2), ["cx"])
        model.add_all_qubit_readout_error(ReadoutError([[0.99, 0.01], [0.04, 0.96]]))
        return qep.aer(noise=model)


class TestFakeManila(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return device_named("fake_manila")


class TestAerWithNoiseOfGuadalupe(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.aer(noise="fake_guadalupe")


class TestAerSimulatorAsBackend(DeviceContract):
    seeded = False
    gives_distributions = False

    @staticmethod
    def make():
        return as_device(AerSimulator())


class TestGenericBackend(DeviceContract):
    seeded = False
    gives_distributions = False
    allowance = 0.2

    @staticmethod
    def make():
        ring = [[i, (i + 1) % 5] for i in range(5)]
        return as_device(GenericBackendV2(5, coupling_map=ring + [[b, a] for a, b in ring], seed=1))


class TestStatevectorSampler(DeviceContract):
    seeded = False
    gives_distributions = False

    @staticmethod
    def make():
        return as_device(StatevectorSampler())


class TestAerSampler(DeviceContract):
    seeded = False
    gives_distributions = False

    @staticmethod
    def make():
        return as_device(SamplerV2())
