"""Every kind of device passes the same suite."""

import pytest
from device_contract import DeviceContract, equal, work_of
from qiskit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2

import qep_qiskit as qep
from qep_qiskit.devices import as_device, device_named


class TestStatevector(DeviceContract):
    @staticmethod
    def make():
        return qep.statevector()


class TestAer(DeviceContract):
    @staticmethod
    def make():
        return qep.aer()


class TestSimulator(DeviceContract):
    @staticmethod
    def make():
        return qep.simulator()


class TestAerDensityMatrix(DeviceContract):
    @staticmethod
    def make():
        return qep.aer(method="density_matrix")


def noise_model():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["sx", "rx", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.03, 2), ["cx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.99, 0.01], [0.04, 0.96]]))
    return model


class TestAerWithNoiseModel(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.aer(noise=noise_model())


class TestSimulatorWithNoiseModel(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.simulator(noise=noise_model())


class TestFakeManilaDensityMatrix(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.fake("manila", method="density_matrix")


class TestFakeManila(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return device_named("fake_manila")


class TestSimulatorWithNoiseOfGuadalupe(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.simulator(noise="fake_guadalupe")


class TestAerWithNoiseOfGuadalupe(DeviceContract):
    allowance = 0.2

    @staticmethod
    def make():
        return qep.aer(noise="guadalupe")


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


class TestSeededStatevectorSampler(DeviceContract):
    """A fixed seed of its own: samples still differ from row to row, and from call to call with the call's seed."""

    gives_distributions = False

    @staticmethod
    def make():
        return as_device(StatevectorSampler(seed=1))


class TestSeededAerSampler(DeviceContract):
    gives_distributions = False

    @staticmethod
    def make():
        return as_device(SamplerV2(seed=1))


class TestSeededAerSimulatorAsBackend(DeviceContract):
    gives_distributions = False

    @staticmethod
    def make():
        return as_device(AerSimulator(seed_simulator=1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: SamplerV2(options={"backend_options": {"seed_simulator": 1}}),
        lambda: SamplerV2(options={"run_options": {"seed_simulator": 1}}),
        lambda: BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": 1}),
    ],
    ids=["aer backend option", "aer run option", "backend sampler option"],
)
def test_a_seed_given_any_other_way_does_not_repeat_the_numbers_either(make):
    device = as_device(make())
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    work = [work_of(device, circuit, "ZZZ")]
    first, again, other = (device.sample(work, shots=500, seed=seed) for seed in (7, 7, 8))
    assert equal(first, again)
    assert not equal(first, other)
