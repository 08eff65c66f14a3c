"""Joint outcome distributions of a few qubits under noise, against density matrices and trajectories of the whole circuit."""

import functools
import itertools

import numpy as np
import pytest
from noisy_circuits import CHAIN, layered, strings_of, uneven
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, thermal_relaxation_error

import qep_qiskit as qep
from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.simulation.cones import causal
from qep_qiskit.simulation.cones.noisy import NoisyMarginals
from qep_qiskit.simulation.noise.aer_model import Unsuited


def chain(sites):
    return [(q, q + 1) for q in range(sites - 1)]


def marginals_of(compiled):
    change = functools.partial(basis_change, gates=compiled.gates)
    return NoisyMarginals(compiled.circuit, compiled.noise, wires=compiled.wires, basis_change=change)


def summed(samples, support):
    """The distribution of some qubits, from a list of all outcomes."""
    code = samples.outcomes[:, list(support)] @ (1 << np.arange(len(support)))
    return np.bincount(code, weights=samples.weights, minlength=2 ** len(support))


def compiled_chain(device, sites, layers):
    compiled = qep.fake(device).compile(hamiltonian_ansatz(strings_of(sites, chain(sites)), layers=layers))
    rows = np.random.default_rng(sites).normal(0, 0.8, (2, compiled.circuit.num_parameters))
    return compiled, rows


@pytest.mark.parametrize(
    ("device", "sites", "layers"),
    [("guadalupe", 6, 2), ("torino", 7, 1), pytest.param("torino", 11, 2, marks=pytest.mark.slow)],
)
def test_marginals_are_those_of_aers_density_matrix(device, sites, layers):
    compiled, rows = compiled_chain(device, sites, layers)
    assert compiled.circuit.num_qubits <= 11
    supports = [(0,), (2, 1), *chain(sites), (0, 3, 5), (4, 1, 0, 2)]
    for axes in ("Z" * sites, "X" * sites, ("XYZ" * sites)[:sites]):
        whole = qep.fake(device, engine="aer").distribution([Work(compiled, axes, rows)])[0]
        for support, chances in zip(supports, marginals_of(compiled).probabilities(rows, axes, supports), strict=True):
            truth = [summed(samples, support) for samples in whole]
            np.testing.assert_allclose(chances, truth, rtol=0, atol=1e-9)


def test_rows_that_differ_in_last_rotations_share_their_states(monkeypatch):
    circuit, model = layered(6, CHAIN[:5], 1), uneven(6, CHAIN)
    for q in range(6):
        circuit.rx(Parameter(f"zzz_{q}"), q)
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.normal(0, 1, (1, circuit.num_parameters)), 40, axis=0)
    rows[:, -6:] = rng.normal(0, 1, (40, 6))
    cones, supports = NoisyMarginals(circuit, model), [(0, 1), (2,), (3, 5)]
    together = cones.probabilities(rows, "ZXZXZX", supports)
    pair = frozenset((0, 1))
    states, place = cones.states({pair: cones.cone(pair)}, cones.turns(rows))
    assert len(states[pair]) == 1 and not place.any()
    for i in (0, 17, 39):
        for one, many in zip(cones.probabilities(rows[i], "ZXZXZX", supports), together, strict=True):
            np.testing.assert_allclose(many[i], one[0], rtol=0, atol=1e-14)


def test_supports_whose_cones_share_nothing_are_independent():
    circuit, model = layered(10, CHAIN[::2] + CHAIN[1::2], 1), uneven(10, CHAIN)
    rows = np.random.default_rng(2).normal(0, 1, (1, circuit.num_parameters))
    cones = NoisyMarginals(circuit, model)
    for a, b in itertools.combinations(range(10), 2):
        one, two, both = (chances[0] for chances in cones.probabilities(rows, "Z" * 10, [(a,), (b,), (a, b)]))
        apart = cones.apart(frozenset((a,)), frozenset((b,)))
        assert apart or b - a <= 3
        if b == a + 1:
            assert not apart and np.abs(np.outer(two, one).ravel() - both).max() > 1e-6
        if apart:
            np.testing.assert_allclose(both, np.outer(two, one).ravel(), rtol=0, atol=1e-14)


def heron_like(sites, edges):
    """Relaxation, depolarisation and uneven readout of the size of today's devices."""
    rng, model = np.random.default_rng(sites), NoiseModel(basis_gates=["rz", "rx", "cz", "h", "sdg"])
    for q in range(sites):
        up, down = rng.uniform(0.005, 0.03, 2)
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [q])
        model.add_quantum_error(depolarizing_error(3e-4, 1), "rx", [q])
    for a, b in edges:
        relaxed = [thermal_relaxation_error(150e3 * rng.uniform(0.5, 2), 100e3 * rng.uniform(0.4, 1.4), 100.0) for _ in range(2)]
        error = depolarizing_error(rng.uniform(0.002, 0.02), 2).compose(relaxed[0].expand(relaxed[1]))
        model.add_quantum_error(error, "cz", [a, b])
        model.add_quantum_error(error, "cz", [b, a])
    return model


@pytest.mark.parametrize(
    ("sites", "shots"),
    [(8, 1000), pytest.param(14, 2000, marks=pytest.mark.slow), pytest.param(20, 1000, marks=pytest.mark.slow)],
)
def test_marginals_are_those_of_aers_trajectories(sites, shots):
    """Aer draws one pure state per shot, here a matrix product state; the pulls of all strings and pairs are those of chance."""
    edges = chain(sites)
    circuit, model = layered(sites, edges[::2] + edges[1::2], 2), heron_like(sites, edges)
    row = np.random.default_rng(4).normal(0, 0.8, circuit.num_parameters)
    supports = [*((q,) for q in range(sites)), *edges, *((q, q + 4) for q in range(sites - 4))]
    chances = NoisyMarginals(circuit, model).probabilities(row, "Z" * sites, supports)
    measured = circuit.assign_parameters(row)
    measured.measure_all()
    simulator = AerSimulator(method="matrix_product_state", noise_model=model, seed_simulator=11, max_parallel_threads=1)
    counts = simulator.run(measured, shots=shots).result().get_counts()
    outcomes = np.array([[int(bit) for bit in reversed(label)] for label in counts], dtype=bool)
    weights = np.array(list(counts.values())) / shots
    signs = 1 - 2 * outcomes.astype(int)
    pulls = []
    for support, chance in zip(supports, chances, strict=True):
        bits = np.arange(2 ** len(support))[:, None] >> np.arange(len(support)) & 1
        mean = chance[0] @ (1 - 2 * bits).prod(axis=1)
        drawn = weights @ signs[:, list(support)].prod(axis=1)
        pulls.append((drawn - mean) / np.sqrt((1 - mean**2) / shots))
    assert np.abs(pulls).max() < 3.9, np.round(pulls, 1)
    assert np.mean(np.abs(pulls) > 3) < 0.03
    assert 0.3 < np.mean(np.square(pulls)) < 1.9


def test_cones_of_three_layers_on_a_heavy_hexagonal_graph_fit():
    """Beyond any density matrix: 43 wires of a device, in tensors of at most 4**8 numbers."""
    name = "fez"
    edges = [pair for pair in qep.fake(name).snapshot.backend.coupling_map.get_edges() if max(pair) < 50]
    paulis = strings_of(50, sorted({tuple(sorted(pair)) for pair in edges}))
    compiled = qep.fake(name).compile(hamiltonian_ansatz(paulis, layers=3), qubits=range(50))
    cones = marginals_of(compiled)
    supports = [frozenset((23,)), frozenset((23, 24)), frozenset((3, 16))]
    assert max(cones.cone(each).num_wires for each in supports) > 24
    assert all(cones.fits(each) for each in supports)


def test_a_circuit_too_deep_is_refused_before_an_order_is_searched():
    circuit = QuantumCircuit(40)
    for _ in range(20):
        for q in (*range(0, 39, 2), *range(1, 39, 2)):
            circuit.cz(q, q + 1)
    cones = NoisyMarginals(circuit, NoiseModel(basis_gates=["cz", "h"]))
    assert not cones.fits(frozenset((20,)))
    with pytest.raises(Unsuited, match=rf"two-qubit blocks \(at most {causal.MOST_BLOCKS}\)"):
        cones.cut([frozenset((20,))])
