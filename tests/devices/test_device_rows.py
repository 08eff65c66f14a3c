"""Shots of the package's own simulation, against Aer's distributions."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit_aer.noise import NoiseModel
from scipy.stats import chi2

import qep_qiskit as qep
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.simulated import aer_engine, density_engine, exact_engine
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.noise.program import NoisyProgram

SHOTS = 20_000


def circuit():
    a = ParameterVector("a", 7)
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ry(a[0], 1)
    circuit.rx(0.3 - 2 * a[1], 2)
    circuit.rzz(a[2], 0, 1)
    circuit.rxx(a[3] + a[0], 1, 2)
    circuit.sx(0)
    circuit.rz(a[4], 0)
    circuit.cx(0, 2)
    circuit.ry(a[5] / 2, 2)
    circuit.ryy(a[6], 0, 1)
    return circuit


def work_of(device, count, axes=("ZZZ", "XXX", "XYZ")):
    compiled = device.compile(circuit())
    values = np.random.default_rng(3).uniform(-3, 3, (count, 7))
    return [Work(compiled, letters, values) for letters in axes]


def full(samples):
    chances = np.zeros(8)
    chances[samples.outcomes @ [1, 2, 4]] = samples.weights
    return chances


def statistic(samples, exact):
    """χ² of counts against Aer's exact distribution, and its degrees of freedom."""
    p = full(exact)
    possible = p > 1e-12
    assert not np.any(full(samples)[~possible])
    return SHOTS * ((full(samples) - p)[possible] ** 2 / p[possible]).sum(), possible.sum() - 1


def test_a_batch_has_the_distributions_of_aer():
    device, other = qep.simulator(), qep.aer()
    work = work_of(device, 16)
    assert work[0].compiled.simulator == work[0].compiled.summary()["simulator"] == "qep-qiskit"
    samples, distributions, exact = (
        device.sample(work, shots=SHOTS, seed=5),
        device.distribution(work),
        other.distribution(work_of(other, 16)),
    )
    for many, right in zip(distributions, exact, strict=True):
        np.testing.assert_allclose([full(s) for s in many], [full(s) for s in right], rtol=0, atol=1e-12)
    statistics = [statistic(g, e) for many, right in zip(samples, exact, strict=True) for g, e in zip(many, right, strict=True)]
    total, freedom = np.sum(statistics, axis=0)
    assert 1e-4 < chi2.sf(total, freedom) < 1 - 1e-4


def test_rows_of_one_circuit_differ_and_seeds_repeat():
    device = qep.simulator()
    work = work_of(device, 16, axes=("ZZZ", "ZZZ"))
    one, two = (device.sample(work, shots=200, seed=seed) for seed in (1, 1))
    assert all(np.array_equal(full(a), full(b)) for a, b in zip(one[0], two[0], strict=True))
    assert any(not np.array_equal(full(a), full(b)) for a, b in zip(one[0], one[1], strict=True))


def test_many_rows_of_a_large_circuit_are_worked_out_in_parts(monkeypatch):
    device = qep.simulator()
    work = work_of(device, 9)
    whole = device.distribution(work)
    monkeypatch.setattr(exact_engine, "_AMPLITUDES", 16)
    for many, right in zip(device.distribution(work), whole, strict=True):
        np.testing.assert_allclose([full(s) for s in many], [full(s) for s in right], rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "device",
    [
        qep.aer(),
        qep.aer(method="statevector"),
        qep.aer(noise="fake_manila"),
        qep.aer(noise=NoiseModel()),
        qep.fake("manila", engine="aer"),
        qep.fake("manila", method="density_matrix"),
    ],
    ids=["plain", "method", "snapshot", "noise", "fake", "fake method"],
)
def test_aer_runs_everything_on_aer(device, monkeypatch):
    for cls in (CircuitProgram, NoisyProgram):
        monkeypatch.setattr(cls, "__init__", lambda *_, **__: pytest.fail("not on Aer"))
    work = work_of(device, 2, axes=("ZZZ",))
    assert work[0].compiled.summary()["simulator"] == device.describe()["simulator"] == "qiskit-aer"
    assert len(device.sample(work, shots=10, seed=0)[0]) == len(device.distribution(work)[0]) == 2


@pytest.mark.parametrize("device", [qep.simulator(), qep.simulator(noise="fake_manila"), qep.fake("manila", engine="simulator")])
def test_the_simulator_runs_nothing_on_aer(device, monkeypatch):
    monkeypatch.setattr(aer_engine, "run", lambda *_, **__: pytest.fail("on Aer"))
    work = work_of(device, 2, axes=("ZZZ",))
    assert work[0].compiled.summary()["simulator"] == "qep-qiskit"
    assert "aer" not in str(device.describe()).replace(device.name, "")
    assert len(device.sample(work, shots=10, seed=0)[0]) == len(device.distribution(work)[0]) == 2


@pytest.mark.parametrize("shots", [None, 50])
@pytest.mark.parametrize(
    ("device", "name"),
    [
        (qep.simulator(), "qep-qiskit"),
        (qep.aer(), "qiskit-aer"),
        (qep.aer(method="statevector"), "qiskit-aer"),
        (qep.aer(noise="fake_manila"), "qiskit-aer"),
        (qep.fake("manila"), "qep-qiskit"),
        (qep.fake("manila", engine="aer"), "qiskit-aer"),
    ],
)
def test_results_say_which_simulator_ran(device, name, shots):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(1), x=[0.3], cost=qep.SquaredError([1.0]))
    gradient = qep.gradient(problem, preparer=qep.Adiabatic(time=1.0, steps=2), device=device, shots=shots)
    assert gradient.provenance["device"]["simulator"] == name
    assert {circuit["simulator"] for circuit in gradient.provenance["circuits"]} <= {name}


def test_beyond_the_fast_size_a_snapshot_takes_other_engines_for_shots_and_distributions(monkeypatch):
    monkeypatch.setattr(exact_engine, "FAST_NOISY_WIRES", 2)
    for size, names in ((2, ("qep-qiskit", "qep-qiskit")), (3, ("qiskit-aer", density_engine.NAME))):
        network = qep.ising(sites=size, edges="chain", inputs=[0], outputs=[size - 1])
        problem = qep.Problem(network, network.initial_weights(1), x=[0.3], cost=qep.SquaredError([1.0]))
        for shots, name in zip((None, 50), names, strict=True):
            options = {"preparer": qep.Adiabatic(time=1.0, steps=4), "device": qep.fake("manila"), "shots": shots}
            provenance = qep.gradient(problem, **options).provenance
            assert provenance["device"]["simulator"] == name
            assert {circuit["simulator"] for circuit in provenance["circuits"]} == {name}
    described = f"qep-qiskit up to 2 active qubits, {density_engine.NAME} for shots beyond, qiskit-aer otherwise"
    assert qep.fake("manila").describe()["simulator"] == described


@pytest.mark.parametrize("method", ["stabilizer", "automatic"])
def test_an_exact_distribution_on_aer_is_aers(method):
    """A method that cannot run the circuit is refused for distributions as for shots."""
    device = qep.aer(method=method)
    work = work_of(device, 1, axes=("ZZZ",))
    if method == "stabilizer":
        with pytest.raises(InputError, match="stabilizer"):
            device.distribution(work)
    else:
        assert device.distribution(work)[0][0].shots is None


def test_compiled_circuits_are_known_by_their_content():
    device = qep.simulator()
    compiled, again = device.compile(circuit()), qep.simulator().compile(circuit())
    assert compiled is not again and compiled.digest == again.digest == compiled.run_by("another").digest
    for other in (replace(compiled, circuit=compiled.circuit.inverse()), replace(compiled, wires=compiled.wires[::-1])):
        assert other.digest != compiled.digest
    first = device.cache.measured(compiled, "XYZ")
    assert device.cache.measured(again, "XYZ") is first is not device.cache.measured(compiled, "XYX")


def test_a_new_device_without_noise_finds_the_programs_of_earlier_ones(monkeypatch):
    made, from_circuit = [], CircuitProgram.from_circuit
    monkeypatch.setattr(exact_engine, "_WITHOUT_NOISE", Cache())
    monkeypatch.setattr(CircuitProgram, "from_circuit", lambda circuit: made.append(circuit) or from_circuit(circuit))
    results = []
    for _ in range(3):
        device = qep.simulator(seed=2)
        results.append(device.sample(work_of(device, 2), shots=100, seed=5))
    assert len(made) == 1
    weights = [[samples.weights.tolist() for item in result for samples in item] for result in results]
    assert weights[0] == weights[1] == weights[2]


class Slow(int):
    """A key that lets other threads run whenever it is looked up."""

    def __hash__(self):
        time.sleep(1e-5)
        return int(self)


def test_a_cache_is_filled_by_several_threads_at_once():
    cache = Cache(size=2)

    def ask(number):
        return [cache.kept(Slow(key % 3), lambda key=key: key % 3) == key % 3 for key in range(number, number + 300)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(answers) for answers in pool.map(ask, range(8)))
