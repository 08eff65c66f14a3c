"""Circuits, strings and noise models for tests of light cones under noise."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error, thermal_relaxation_error

CHAIN = [(i, i + 1) for i in range(9)]


def labelled(num_qubits, letters):
    """The label of a string given by its letters on some qubits."""
    return "".join(letters.get(q, "I") for q in reversed(range(num_qubits)))


def strings_of(num_qubits, edges):
    pairs = [labelled(num_qubits, {a: "Z", b: "Z"}) for a, b in edges]
    return PauliList(pairs + [labelled(num_qubits, {q: letter}) for q in range(num_qubits) for letter in "ZX"])


def uneven(num_qubits, edges):
    """Noise that differs from qubit to qubit: relaxation, depolarisation, damping, and readout errors of both kinds."""
    rng = np.random.default_rng(num_qubits)
    model = NoiseModel(basis_gates=["rz", "rx", "cz", "h", "sdg"])
    for q in range(num_qubits):
        t1 = 80e3 * rng.uniform(0.5, 2)
        error = thermal_relaxation_error(t1, t1 * rng.uniform(0.4, 1.6), 300.0, 0.05)
        model.add_quantum_error(error.compose(depolarizing_error(0.01 * rng.random(), 1)), "rx", [q])
        model.add_quantum_error(amplitude_damping_error(0.02 * rng.random()), "h", [q])
        up, down = 0.05 * rng.random(2)
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [q])
    for pair in edges:
        for a, b in (pair, pair[::-1]):
            relaxed = [thermal_relaxation_error(5e4 * rng.uniform(0.8, 2), 5e4 * rng.uniform(0.5, 1.5), 500.0) for _ in range(2)]
            error = depolarizing_error(0.03 * rng.random(), 2).compose(relaxed[0].expand(relaxed[1]))
            model.add_quantum_error(error, "cz", [a, b])
    return model


def layered(num_qubits, edges, layers):
    """Layers of exp(−iθ/2 ZZ) from two CZ gates each, in either direction, and of rotations."""
    circuit, names = QuantumCircuit(num_qubits), iter(range(1000))
    for layer in range(layers):
        for number, pair in enumerate(edges):
            a, b = pair if (number + layer) % 2 else pair[::-1]
            circuit.h(b)
            circuit.cz(a, b)
            circuit.rx(Parameter(f"theta_{next(names):03d}"), b)
            circuit.cz(a, b)
            circuit.h(b)
        for q in range(num_qubits):
            circuit.rx(Parameter(f"theta_{next(names):03d}"), q)
            circuit.rz(Parameter(f"theta_{next(names):03d}"), q)
    return circuit
