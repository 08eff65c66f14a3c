"""Noise-free shots of circuits that are too large for a state vector."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector
from scipy.stats import chi2

import qep_qiskit as qep
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.statevector import rotated, statevector
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.circuit_shots import CircuitShots
from qep_qiskit.simulation.cones.light_cones import LightCones


def layered(num_qubits, edges, layers=2):
    circuit, names = QuantumCircuit(num_qubits), iter(range(10_000))
    circuit.h(range(num_qubits))
    for _ in range(layers):
        for a, b in edges:
            circuit.rzz(Parameter(f"theta_{next(names):04d}"), a, b)
        for q in range(num_qubits):
            circuit.rx(Parameter(f"theta_{next(names):04d}"), q)
            circuit.rz(Parameter(f"theta_{next(names):04d}"), q)
    return circuit


def tree(num_qubits):
    """A comb: a chain of which every second site carries one more."""
    back = 2 * num_qubits // 3
    return [(q, q + 1) for q in range(back - 1)] + [(2 * q, back + q) for q in range(num_qubits - back)]


@pytest.mark.parametrize("axes", ["ZZZZZZ", "XYZZYX"])
def test_small_circuits_have_the_distribution_of_their_state_vector(axes):
    edges = [(0, 4), (4, 2), (2, 5), (5, 1), (1, 3), (0, 3)]
    circuit = layered(6, edges)
    row = np.random.default_rng(0).normal(0, 0.9, circuit.num_parameters)
    shots = 40_000
    samples = CircuitShots(circuit, row[None])(0, axes, shots, np.random.default_rng(1))
    chances = np.abs(rotated(Statevector(circuit.assign_parameters(row)).data[None], axes)[0]) ** 2
    counts = np.zeros(64)
    np.add.at(counts, samples.outcomes @ (1 << np.arange(6)), samples.weights * shots)
    often = chances * shots > 5
    assert often.sum() > 20
    statistic = ((counts - chances * shots)[often] ** 2 / (chances * shots)[often]).sum()
    assert statistic < chi2.ppf(1 - 1e-6, often.sum())


@pytest.mark.parametrize("device", [statevector(), qep.aer()], ids=["statevector", "aer"])
def test_devices_draw_local_expectations_of_many_qubits(device):
    """Frequencies at 36 qubits against exact light cones, within error bars."""
    n, shots = 36, 4000
    edges = tree(n)
    circuit = layered(n, edges)
    row = np.random.default_rng(2).normal(0, 0.5, (1, circuit.num_parameters))
    draw = CircuitShots(circuit, row)
    compiled = device.compile(circuit)
    for letter in "ZX":
        labels = [pair(n, letter, a, b) for a, b in edges] + [pair(n, letter, q, q) for q in range(n)]
        work = Work(compiled, letter * n, row, draw=(lambda *rest: draw(0, *rest),))
        ((samples,),) = device.sample([work], shots=shots, seed=3)
        assert samples.shots == shots
        truth = LightCones(circuit, PauliList(labels)).expectations(row)[0]
        masks = np.array([[c != "I" for c in reversed(label)] for label in labels])
        means = samples.weights @ (-1.0) ** (samples.outcomes.astype(int) @ masks.T)
        pulls = (means - truth) / np.sqrt((1 - truth**2) / shots)
        assert np.abs(pulls).max() < 5 and np.abs(pulls.mean()) < 1 and 0.5 < np.std(pulls) < 1.6


def pair(num_qubits, letter, a, b):
    return "".join(letter if q in (a, b) else "I" for q in reversed(range(num_qubits)))


def test_the_same_stream_draws_the_same_shots_and_rows_differ():
    circuit = layered(30, [(q, q + 1) for q in range(29)], 1)
    rows = np.random.default_rng(4).normal(0, 0.5, (2, circuit.num_parameters))
    draw = CircuitShots(circuit, rows)
    first, again = (draw(0, "Z" * 30, 50, stream(5, "shots", 0)) for _ in range(2))
    np.testing.assert_array_equal(first.outcomes, again.outcomes)
    np.testing.assert_array_equal(first.weights, again.weights)
    other = draw(1, "Z" * 30, 50, stream(5, "shots", 0))
    assert first.outcomes.shape != other.outcomes.shape or (first.outcomes != other.outcomes).any()
