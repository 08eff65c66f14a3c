"""However a seed is given, rows, phases, calls and steps get random numbers of their own, or the device is refused."""

import numpy as np
import pytest
from odd_backend import OddBackend
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2 as AerSampler
from qiskit_ibm_runtime import SamplerV2 as RuntimeSampler
from qiskit_ibm_runtime.executor_sampler import Sampler as ClientSampler

import qep_qiskit as qep
from qep_qiskit.devices import Work, as_device
from qep_qiskit.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties"),
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore:Options .* have no effect in local testing mode"),
]
SEEDS, SHOTS = 16, 200
NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
OPTIONS = {"preparer": qep.Adiabatic(time=4, steps=12), "stencil": qep.one_sided(0.2)}


class Wrapped(BaseSamplerV2):
    """A sampler of a class of one's own around another."""

    def __init__(self, inner):
        self.inner = inner

    def run(self, pubs, *, shots=None):
        return self.inner.run(pubs, shots=shots)


class Keeper(BaseSamplerV2):
    """A sampler that keeps its seed and makes another in each run."""

    def __init__(self, seed):
        self.seed = seed

    def run(self, pubs, *, shots=None):
        return StatevectorSampler(seed=self.seed).run(pubs, shots=shots)


class Options(BaseSamplerV2):
    """A sampler with its seed deep in its options."""

    def __init__(self, seed):
        self.options = {"simulator": {"seed_simulator": seed}, "shots": 10}

    def run(self, pubs, *, shots=None):
        return AerSampler(seed=self.options["simulator"]["seed_simulator"]).run(pubs, shots=shots)


class Loud(StatevectorSampler):
    """A subclass that does something in its run."""

    def run(self, pubs, *, shots=None):
        self.ran = True
        return super().run(pubs, shots=shots)


class Quiet(StatevectorSampler):
    """A subclass that changes nothing."""


class HiddenSampler(BaseSamplerV2):
    """A seed that nobody can see."""

    def run(self, pubs, *, shots=None):
        return StatevectorSampler(seed=5).run(pubs, shots=shots)


class HiddenAerSampler(BaseSamplerV2):
    """Rows differ, calls do not."""

    def run(self, pubs, *, shots=None):
        return AerSampler(seed=5).run(pubs, shots=shots)


class Proxy(OddBackend):
    """A backend around a seeded simulator."""

    def __init__(self):
        super().__init__()
        self.simulator = AerSimulator(seed_simulator=5)

    def run(self, circuits, shots=1024, **options):
        return self.simulator.run(circuits, shots=shots)


class OwnSeed(OddBackend):
    """A backend that keeps its seed."""

    def __init__(self):
        super().__init__()
        self._seed = 5

    def run(self, circuits, shots=1024, **options):
        return AerSimulator().run(circuits, shots=shots, seed_simulator=self._seed)


class HiddenBackend(OddBackend):
    """A seed that nobody can see."""

    def run(self, circuits, shots=1024, **options):
        return AerSimulator(seed_simulator=5).run(circuits, shots=shots)


def generic():
    backend = GenericBackendV2(3, noise_info=False, seed=1)
    backend.set_options(seed_simulator=5)
    return backend


def client(seed_simulator):
    sampler = ClientSampler(mode=AerSimulator(seed_simulator=5))
    sampler.options.simulator.seed_simulator = seed_simulator
    return sampler


def runtime(**simulator):
    return RuntimeSampler(mode=AerSimulator(), options={"simulator": simulator})


MAKES = {
    "statevector int": lambda: StatevectorSampler(seed=5),
    "statevector numpy int": lambda: StatevectorSampler(seed=np.int64(5)),
    "statevector generator": lambda: StatevectorSampler(seed=np.random.default_rng(5)),
    "statevector sequence": lambda: StatevectorSampler(seed=np.random.SeedSequence(5)),
    "statevector list": lambda: StatevectorSampler(seed=[5, 6]),
    "aer numpy int": lambda: AerSampler(seed=np.int64(5)),
    "aer backend option": lambda: AerSampler(options={"backend_options": {"seed_simulator": 5}}),
    "aer run option": lambda: AerSampler(options={"run_options": {"seed_simulator": 5}}),
    "aer sampler of a backend": lambda: AerSampler.from_backend(AerSimulator(seed_simulator=5)),
    "backend sampler": lambda: BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": np.int64(5)}),
    "backend sampler run option": lambda: BackendSamplerV2(
        backend=AerSimulator(), options={"run_options": {"seed_simulator": 5}}
    ),
    "backend sampler of a seeded backend": lambda: BackendSamplerV2(backend=AerSimulator(seed_simulator=5)),
    "backend": lambda: AerSimulator(seed_simulator=np.int64(5)),
    "generic backend": generic,
    "runtime sampler of a seeded backend": lambda: RuntimeSampler(mode=AerSimulator(seed_simulator=5)),
    "runtime sampler option": lambda: runtime(seed_simulator=5),
    "client sampler": lambda: client(5),
    "client sampler of a seeded backend": lambda: client(None),
    "subclass": lambda: Quiet(seed=5),
    "subclass with a run": lambda: Loud(seed=5),
    "wrapped": lambda: Wrapped(StatevectorSampler(seed=5)),
    "wrapped twice": lambda: Wrapped(Wrapped(AerSampler(seed=5))),
    "wrapped backend": lambda: Wrapped(BackendSamplerV2(backend=AerSimulator(seed_simulator=5))),
    "own seed": lambda: Keeper(5),
    "own sequence": lambda: Keeper(np.random.SeedSequence(5)),
    "own generator": lambda: Keeper(np.random.default_rng(5)),
    "own options": lambda: Options(5),
    "proxy": Proxy,
    "backend with an attribute": OwnSeed,
}


def gradients(make, seeds, shots=SHOTS):
    return [qep.gradient(PROBLEM, device=make(), shots=shots, seed=s, **OPTIONS) for s in seeds]


@pytest.fixture(scope="module")
def truth():
    return qep.gradient(PROBLEM, **OPTIONS).values


CIRCUIT = QuantumCircuit(1)
CIRCUIT.ry(Parameter("theta_000"), 0)


@pytest.mark.parametrize("name", MAKES)
def test_rows_circuits_and_calls_are_independent(name):
    """Fair coins in two rows of two circuits, in twelve calls: whatever repeats adds up."""
    scores = []
    for seed in range(12):
        device = as_device(MAKES[name]())
        compiled = device.compile(CIRCUIT)
        work = [Work(compiled, axes, np.full((2, 1), np.pi / 2)) for axes in ("Z", "Y")]
        samples = device.sample(work, shots=SHOTS, seed=seed)
        scores.append([(1.0 - 2.0 * s.weights @ s.outcomes[:, 0]) * np.sqrt(SHOTS) for batch in samples for s in batch])
    scores = np.array(scores)
    assert len(np.unique(scores.round(9))) > 12
    assert 0.5 < np.mean(scores**2) < 1.7
    assert np.mean(scores.sum(axis=1) ** 2) / 4 < 2.6  # 4 where rows repeat; χ² of 12 degrees of freedom: 0.3 %
    assert np.mean(scores.sum(axis=0) ** 2) / 12 < 4.5  # 12 where calls repeat; χ² of 4: 0.1 %


@pytest.mark.parametrize("name", ["statevector numpy int", "runtime sampler of a seeded backend", "own seed"])
def test_pulls_over_seeds_are_of_size_one(name, truth):
    estimates = gradients(MAKES[name], range(SEEDS))
    pulls = np.array([(g.values - truth) / g.stderr for g in estimates])
    # 16 seeds: a standard deviation scatters by 0.18; the rms over five correlated weights by little less
    assert 0.5 < np.sqrt(np.mean(pulls**2)) < 1.6
    assert len({g.values.tobytes() for g in estimates}) == SEEDS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["statevector sequence", "aer run option", "backend", "runtime sampler option", "own options"])
def test_pulls_over_many_seeds_are_of_size_one(name, truth):
    """One device for all seeds, so that it compiles once; the rms of 60 seeds scatters by 0.06 or so."""
    device = as_device(MAKES[name]())
    pulls = np.array([(g.values - truth) / g.stderr for g in gradients(lambda: device, range(60))])
    assert 0.75 < np.sqrt(np.mean(pulls**2)) < 1.27
    assert np.abs(pulls.mean(axis=0)).max() < 0.6


@pytest.mark.parametrize("name", ["statevector numpy int", "own seed", "backend"])
def test_equal_samples_of_a_batch_are_independent(name):
    """The mean of n equal samples scatters 1/√n as much as one of them; samples of the same numbers as much."""
    every = []
    for seed in range(4):
        gradients = qep.gradients([PROBLEM] * 6, device=MAKES[name](), shots=SHOTS, seed=seed, **OPTIONS)
        every += [(g.values - np.mean([h.values for h in gradients], axis=0)) / g.stderr for g in gradients]
    assert np.sqrt(np.mean(np.square(every)) * 6 / 5) == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("name", ["statevector int", "aer run option", "own seed", "proxy", "runtime sampler option"])
def test_the_same_seeds_give_the_same_numbers(name):
    one, other = gradients(MAKES[name], [3, 3])
    assert one.values.tolist() == other.values.tolist()


@pytest.mark.parametrize("make", [HiddenSampler, HiddenAerSampler])
def test_a_sampler_that_hides_its_seed_is_refused(make):
    with pytest.raises(InputError, match="same shots for the same circuits again"):
        gradients(make, [0])


def test_a_backend_that_hides_its_seed_is_refused_when_it_shows():
    backend = HiddenBackend()
    first = qep.gradient(PROBLEM, device=backend, shots=2000, seed=0, **OPTIONS)
    assert np.all(first.stderr > 0)
    same = qep.gradient(PROBLEM, device=backend, shots=2000, seed=0, **OPTIONS)
    assert same.values.tolist() == first.values.tolist()  # as of any device that takes the seed
    budget = qep.compare(PROBLEM, device=HiddenBackend(), shots=2000, seed=0, mitigation="tensored", **OPTIONS)
    assert budget["mitigated"].values is not None
    with pytest.raises(InputError, match="same shots for the same circuits again"):
        qep.gradient(PROBLEM, device=backend, shots=2000, seed=1, **OPTIONS)


@pytest.mark.parametrize("make", [AerSimulator, StatevectorSampler, lambda: Wrapped(AerSampler()), lambda: OddBackend("counts")])
def test_without_a_seed_a_second_call_differs(make):
    thing = make()
    one, other = (qep.gradient(PROBLEM, device=thing, shots=2000, seed=0, **OPTIONS).values for _ in range(2))
    assert one.tolist() != other.tolist()


def test_a_devices_own_objects_are_not_changed():
    sampler, backend = StatevectorSampler(seed=5), AerSimulator(seed_simulator=5)
    wrapped = Wrapped(sampler)
    gradients(lambda: wrapped, [0])
    gradients(lambda: backend, [0])
    assert sampler.seed == 5
    assert wrapped.inner is sampler
    assert backend.options.seed_simulator == 5
