"""Shots from matrix product density operators, against Aer's density matrices and exact expectations from light cones."""

from dataclasses import replace

import numpy as np
import pytest
from device_contract import frequencies
from noise_cases import MODELS, as_it_is, random_circuit
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, thermal_relaxation_error
from scipy.stats import chi2

import qep_qiskit as qep
from benchmarks.noisy_strings import NoisyCones
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated import aer_engine, density_engine, exact_engine, light_cones
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.folding import folded
from qep_qiskit.simulation.density import shots as density_shots

SHOTS = 20_000
BASIS = ["rz", "sx", "x", "rx", "cz", "id", "delay"]


def device_under(model, seed=0):
    return SimulatedDevice("model", seed, noise=model)


def drawn(device, circuit, axes, values, *, shots=SHOTS, seed=1, wires=None):
    work = Work(as_it_is(circuit, wires, density_engine.NAME), axes, values)
    return device.sample([work], shots=shots, seed=seed)[0]


def assert_drawn_from(samples, exact):
    """χ² of the joint counts, outcomes with few expected counts together."""
    shots, p = samples.shots, frequencies(exact)
    counts, rare = shots * frequencies(samples), shots * p < 8
    p = np.append(p[~rare], p[rare].sum())
    counts = np.append(counts[~rare], counts[rare].sum())
    keep = p > 1e-12
    assert counts[~keep].sum() == 0
    value = (((counts - shots * p) ** 2)[keep] / (shots * p[keep])).sum()
    assert chi2.sf(value, keep.sum() - 1) > 1e-4


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_joint_counts_are_those_of_density_matrices(model, seed):
    """Any gates on any two wires, several rows, all axes, wires in another order, one of which is not measured."""
    noise, circuit = model(), random_circuit(5, 30, seed)
    device = device_under(noise)
    values = np.random.default_rng(seed).uniform(-3, 3, (2, circuit.num_parameters))
    wires, axes = (3, 0, 4, 1), "ZXYZ"
    work = Work(as_it_is(circuit, wires, aer_engine.NAME), axes, values)
    exact = qep.aer(noise=noise).distribution([work])[0]
    for samples, chances in zip(drawn(device, circuit, axes, values, wires=wires), exact, strict=True):
        assert_drawn_from(samples, chances)


def entangled(wires):
    """A state in which any seven of eight bits are independent and all eight have even parity."""
    circuit = QuantumCircuit(wires)
    for q in range(wires - 1):
        circuit.rz(np.pi / 2, q)
        circuit.sx(q)
        circuit.rz(np.pi / 2, q)
    last = wires - 1
    for q in range(wires - 1):
        for turn in (np.pi / 2, None, np.pi / 2):
            circuit.sx(last) if turn is None else circuit.rz(turn, last)
        circuit.cz(q, last)
        for turn in (np.pi / 2, None, np.pi / 2):
            circuit.sx(last) if turn is None else circuit.rz(turn, last)
    return circuit


def test_the_parity_of_all_wires_is_right_where_no_smaller_set_shows_anything():
    wires, flips = 8, 0.01
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cz"])
    model.add_all_qubit_readout_error(ReadoutError([[1 - flips, flips], [flips, 1 - flips]]))
    circuit, device = entangled(wires), device_under(model)
    compiled = as_it_is(circuit, simulator=aer_engine.NAME)
    ((exact,),) = qep.aer(noise=model).distribution([Work(compiled, "Z" * wires, np.zeros((1, 0)))])
    (samples,) = drawn(device, circuit, "Z" * wires, np.zeros((1, 0)))
    parity = [s.weights @ (1.0 - 2.0 * (s.outcomes.sum(axis=1) % 2)) for s in (samples, exact)]
    assert 0.5 < parity[1] < 0.9
    assert abs(parity[0] - parity[1]) < 4 * np.sqrt((1 - parity[1] ** 2) / SHOTS)
    part = samples.weights @ (1.0 - 2.0 * (samples.outcomes[:, 1:].sum(axis=1) % 2))
    assert abs(part) < 4 / np.sqrt(SHOTS)


def layered(wires, edges, layers):
    """Layers of RZZ as CZ · RX · CZ, RX and RZ, as compiled for a device."""
    t = iter(ParameterVector("t", layers * (len(edges) + 2 * wires)))
    circuit = QuantumCircuit(wires)
    for q in range(wires):
        circuit.rz(np.pi / 2, q)
        circuit.sx(q)
    for _ in range(layers):
        for a, b in edges:
            circuit.cz(a, b)
            circuit.rx(next(t), b)
            circuit.cz(a, b)
        for q in range(wires):
            circuit.rz(next(t), q)
            circuit.rx(next(t), q)
    return circuit


def noise(scale=1.0):
    model = NoiseModel(basis_gates=BASIS)
    relaxation = thermal_relaxation_error(200.0 / scale, 120.0 / scale, 1.0)
    model.add_all_qubit_quantum_error(depolarizing_error(0.01 * scale, 2).compose(relaxation.expand(relaxation)), ["cz"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.002 * scale, 1), ["sx", "rx"])
    model.add_all_qubit_readout_error(ReadoutError([[1 - 0.01 * scale, 0.01 * scale], [0.03 * scale, 1 - 0.03 * scale]]))
    return model


def chain(wires):
    return [(q, q + 1) for q in range(0, wires - 1, 2)] + [(q, q + 1) for q in range(1, wires - 1, 2)]


def heavy(wires):
    """Three rows of a heavy hexagon, with cycles."""
    row = (wires - 5) // 3
    edges = [(r * row + i, r * row + i + 1) for r in range(3) for i in range(row - 1)]
    for k, (r, i) in enumerate([(0, 0), (0, row // 2), (0, row - 1), (1, 2), (1, row - 3)]):
        edges += [(r * row + i, 3 * row + k), (3 * row + k, (r + 1) * row + i)]
    return edges


SHAPES = {"14": chain(14), "20": chain(20), "26 in a heavy hexagon": heavy(26), "50 in a heavy hexagon": heavy(50)}


@pytest.mark.parametrize("shape", [pytest.param(s, marks=pytest.mark.slow) if s.startswith("50") else s for s in SHAPES])
def test_means_and_correlations_are_those_of_light_cones_and_not_those_of_less_noise(shape):
    """χ² of the pulls of single letters and coupled pairs; with 0.8 of the noise, it fails."""
    wires, edges = int(shape.split()[0]), SHAPES[shape]
    circuit = layered(wires, edges, 2)
    values = np.random.default_rng(4).uniform(-0.4, 0.4, (1, circuit.num_parameters))
    strings = [(q,) for q in range(wires)] + edges
    for axes in ("Z" * wires, "X" * wires):
        (samples,) = drawn(device_under(noise()), circuit, axes, values)
        signs = 1.0 - 2.0 * samples.outcomes
        means = np.array([samples.weights @ signs[:, string].prod(axis=1) for string in map(list, strings)])
        labels = PauliList(["".join(axes[q] if q in string else "I" for q in reversed(range(wires))) for string in strings])
        for scale, right in ((1.0, True), (0.8, False)):
            exact = NoisyCones(circuit, noise(scale), labels, basis_change=lambda a: basis_change(a, ())).expectations(values)
            pulls = (means - exact[0]) / np.sqrt((1 - exact[0] ** 2) / SHOTS)
            assert bool(chi2.sf((pulls**2).sum(), len(pulls)) > 1e-4) is right


def test_shots_depend_neither_on_the_number_of_threads_nor_on_what_is_drawn_together(monkeypatch):
    circuit = layered(13, chain(13), 1)
    values = np.random.default_rng(1).uniform(-1, 1, (5, circuit.num_parameters))
    ways = []
    for threads, together in ((1, 1 << 13), (4, 100)):
        monkeypatch.setattr(density_engine, "cores", lambda threads=threads: threads)
        monkeypatch.setattr("qep_qiskit.simulation.density.drawing._SHOTS", together)
        ways.append(drawn(device_under(noise()), circuit, "Z" * 13, values, shots=300))
    for one, two in zip(*ways, strict=True):
        np.testing.assert_array_equal(one.outcomes, two.outcomes)
        np.testing.assert_array_equal(one.weights, two.weights)
    (other,) = drawn(device_under(noise()), circuit, "Z" * 13, values[:1], shots=300, seed=2)
    assert not np.array_equal(other.outcomes, ways[0][0].outcomes)


def test_rows_that_differ_in_flips_alone_share_a_state_and_are_not_mixed_up():
    device, circuit = device_under(noise()), layered(4, chain(4), 1)
    plain = as_it_is(circuit, simulator=density_engine.NAME)
    plain = replace(plain, gates=tuple(BASIS))
    flipped = twirling.construct(plain, "XXXX")
    rng = np.random.default_rng(2)
    flips = rng.random((6, 4)) < 0.5
    rows = np.repeat(rng.uniform(-1, 1, (2, circuit.num_parameters)), 3, axis=0)
    values = np.concatenate(
        [twirling.twirled_values(plain, flipped, row, flip[None]) for row, flip in zip(rows, flips, strict=True)]
    )
    program = density_engine._program_of(flipped, noise(), device.cache)
    assert sorted(map(len, program.groups(values))) == [3, 3]
    work = Work(flipped, "XXXX", values)
    exact = qep.aer(noise=device.noise).distribution([replace(work, compiled=flipped.run_by(aer_engine.NAME))])[0]
    for samples, chances in zip(device.sample([work], shots=SHOTS, seed=3)[0], exact, strict=True):
        assert_drawn_from(samples, chances)


@pytest.mark.parametrize("folding", ["global", "two_qubit"])
def test_folded_circuits(folding):
    device, circuit = device_under(noise()), layered(5, chain(5), 1)
    plain = replace(as_it_is(circuit, simulator=density_engine.NAME), gates=tuple(BASIS))
    deeper = folded(plain, 3, folding)
    values = np.random.default_rng(5).uniform(-1, 1, (1, circuit.num_parameters))
    work = Work(deeper.run_by(density_engine.NAME), "ZZZZZ", values)
    ((exact,),) = qep.aer(noise=device.noise).distribution([replace(work, compiled=deeper.run_by(aer_engine.NAME))])
    ((samples,),) = device.sample([work], shots=SHOTS, seed=3)
    assert_drawn_from(samples, exact)


def test_a_snapshot_with_a_broken_coupling_and_delays_is_drawn_as_aer_has_it():
    device = qep.fake("torino")
    target = device.snapshot.backend.target["cz"]
    broken = next(pair for pair, properties in target.items() if properties.error == 1.0)
    circuit = QuantumCircuit(2)
    circuit.rx(2.0, 0)
    circuit.rx(0.7, 1)
    circuit.delay(50_000, 0, "ns")
    circuit.cz(0, 1)
    circuit.rx(1.1, 0)
    compiled = device.compile(circuit, qubits=broken)
    assert "delay" in compiled.circuit.count_ops() and "cz" in compiled.circuit.count_ops()
    work = [Work(compiled.run_by(density_engine.NAME), axes, np.zeros((1, 0))) for axes in ("ZZ", "XY")]
    on_aer = [replace(item, compiled=compiled.run_by(aer_engine.NAME)) for item in work]
    exact = qep.fake("torino", engine="aer").distribution(on_aer)
    for (samples,), (chances,) in zip(device.sample(work, shots=SHOTS, seed=1), exact, strict=True):
        assert_drawn_from(samples, chances)


def test_the_share_of_the_states_that_is_done_is_reported(monkeypatch):
    monkeypatch.setattr(exact_engine, "FAST_NOISY_WIRES", 2)
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(1), x=[0.3], cost=qep.SquaredError([1.0]))
    options = {"preparer": qep.Adiabatic(time=1.0, steps=4), "device": qep.fake("manila"), "stencil": qep.symmetric(0.3)}
    stages = []
    qep.gradient(problem, **options, shots=50, progress=lambda stage, share: stages.append((stage, share)))
    assert {0.25, 0.5, 0.75, 1.0} <= {share for stage, share in stages if stage.startswith("running")}


def tangled(wires, layers):
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(wires)
    for _ in range(layers):
        for q in range(wires):
            circuit.rx(rng.uniform(0.5, 2.5), q)
            circuit.rz(rng.uniform(0.5, 2.5), q)
        for _ in range(wires):
            circuit.cz(*rng.choice(wires, 2, replace=False).tolist())
    return circuit


def test_circuits_that_are_too_entangled_are_left_to_aer_if_small_and_refused_if_large(monkeypatch):
    monkeypatch.setattr(density_shots, "BONDS", (8,))
    weak = NoiseModel(basis_gates=BASIS)
    weak.add_all_qubit_quantum_error(depolarizing_error(1e-3, 2), ["cz"])
    device = device_under(weak)
    assert device.compile(tangled(12, 3)).simulator == aer_engine.NAME
    assert device.compile(layered(12, [(0, 1)], 1)).simulator == density_engine.NAME
    large = device.compile(tangled(16, 3))
    assert large.simulator == density_engine.NAME
    with pytest.raises(InputError, match="16 wires is too entangled.*bond dimension of 8.*fewer layers"):
        device.sample([Work(large, "Z" * 16, np.zeros((1, 0)))], shots=10, seed=1)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_the_simulator_draws_shots_of_many_noisy_wires_as_snapshots_do():
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), "cz")
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.05, 0.95]]))
    network = qep.ising(sites=14, edges="chain", inputs=[0], outputs=[13])
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    options = {"preparer": qep.Adiabatic(time=1.0, steps=3), "stencil": qep.symmetric(0.3), "shots": 50}
    drawn = qep.gradient(problem, device=qep.simulator(noise=model, seed=3), **options)
    auto = qep.gradient(problem, device=replace(qep.simulator(noise=model, seed=3), engine="auto"), **options)
    assert drawn.provenance["device"]["simulator"] == density_engine.NAME
    np.testing.assert_array_equal(drawn.values, auto.values)
    limit = qep.gradient(problem, device=qep.simulator(noise=model), **{**options, "shots": None})
    assert limit.provenance["device"]["simulator"] == light_cones.NAME
    assert qep.aer(noise=model).compile(QuantumCircuit(14)).simulator == aer_engine.NAME
    small = qep.simulator(noise=model).compile(QuantumCircuit(12))
    assert small.simulator == exact_engine.NAME
