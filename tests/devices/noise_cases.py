"""Circuits and noise models for the exact simulation of noise, and what Aer's density matrices make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from device_contract import frequencies
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import random_unitary
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    kraus_error,
    mixed_unitary_error,
    pauli_error,
    phase_amplitude_damping_error,
    reset_error,
    thermal_relaxation_error,
)

import qep_qiskit as qep
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.simulated.device import aer_engine
from qep_qiskit.simulation.noise import transfer

ONE = ("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg")
TWO = ("cx", "cy", "cz", "ecr", "swap")
BASIS = [*ONE, *TWO, *transfer.TURNING, "r"]
GATES = {name: kind for name, kind in transfer._gates().items() if name in BASIS}


def random_circuit(num_qubits, gates, seed):
    """Any gates on any wires, their angles numbers, parameters, and expressions of these."""
    rng = np.random.default_rng(seed)
    a, b, c = (Parameter(name) for name in "abc")
    angles = [a, b, c, 0.3 - 2 * a, a + b / 3, a * c, 1.3, -0.4]
    circuit = QuantumCircuit(num_qubits)
    names = sorted(name for name, kind in GATES.items() if kind.num_qubits <= num_qubits)
    circuit.rx(a + b + c, 0)
    for name in rng.choice(names, gates):
        kind = GATES[name]
        wires = rng.choice(num_qubits, kind.num_qubits, replace=False).tolist()
        free = angles if name in transfer.TURNING else angles[-2:]
        circuit.append(kind.base_class(*(free[i] for i in rng.integers(len(free), size=len(kind.params)))), wires)
    return circuit


def depolarizing():
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_quantum_error(depolarizing_error(0.03, 1), [*ONE, "rx", "rz", "u", "p"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.08, 2), [*TWO, "rzz", "rzx"])
    return model


def relaxation():
    """Thermal, with excited states, after gates and rz, and of both qubits of a pair."""
    model = NoiseModel(basis_gates=BASIS)
    one = thermal_relaxation_error(50.0, 60.0, 3.0, 0.2)
    model.add_all_qubit_quantum_error(one, ["rz", "sx", "x", "id", "h", "ry"])
    model.add_all_qubit_quantum_error(one.expand(thermal_relaxation_error(40.0, 30.0, 4.0)), ["cx", "cz", "rxx", "swap"])
    return model


def resets():
    """Neither unital nor the same everywhere, and asymmetric in the two qubits of a pair."""
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_quantum_error(reset_error(0.05, 0.02), ["sx", "u", "t"])
    model.add_quantum_error(reset_error(0.2, 0.0), ["sx", "rx"], [0])
    model.add_quantum_error(amplitude_damping_error(0.1, 0.3), ["rz", "y"], [0])
    model.add_all_qubit_quantum_error(reset_error(0.1).tensor(phase_amplitude_damping_error(0.2, 0.1)), ["cx", "rzz"])
    model.add_quantum_error(amplitude_damping_error(0.4).tensor(reset_error(0.0, 0.1)), ["cx", "cu1"], [0, 1])
    return model


def coherent():
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_quantum_error(coherent_unitary_error(random_unitary(2, seed=1)), ["sx", "rz", "u2"])
    model.add_all_qubit_quantum_error(coherent_unitary_error(random_unitary(4, seed=2)), ["cx", "cp", "ryy"])
    mixed = mixed_unitary_error([(random_unitary(4, seed=3).data, 0.7), (np.eye(4), 0.3)])
    model.add_quantum_error(mixed, ["cx", "ecr"], [1, 0])
    paulis = pauli_error([("XY", 0.1), ("ZI", 0.2), ("IX", 0.1), ("II", 0.6)])
    model.add_all_qubit_quantum_error(paulis.compose(kraus_error([np.sqrt(0.9) * np.eye(4), _jump()])), ["cy", "swap"])
    return model


def _jump():
    return np.sqrt(0.1) * random_unitary(4, seed=4).data


def readout():
    """Readout alone, asymmetric and different on one wire."""
    model = NoiseModel(basis_gates=BASIS)
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.11, 0.89]]))
    model.add_readout_error(ReadoutError([[0.8, 0.2], [0.05, 0.95]]), [0])
    return model


def everything():
    model = readout()
    for name, one in resets()._default_quantum_errors.items():
        model.add_all_qubit_quantum_error(one, [name])
    model.add_quantum_error(depolarizing_error(0.2, 1), ["sx"], [0])
    return model


MODELS = (depolarizing, relaxation, resets, coherent, readout, everything)


def as_it_is(circuit, wires=None, simulator="qep-qiskit"):
    """A circuit that was compiled already."""
    wires = tuple(range(circuit.num_qubits)) if wires is None else wires
    return Compiled(circuit, wires, wires, wires, simulator=simulator)


def both_distributions(device, exact, compiled, bases, values):
    """All outcomes' probabilities by a device and by Aer's density matrices, (bases, rows, 2**n)."""
    distributions = device.distribution([Work(compiled, axes, values) for axes in bases])
    other = exact.distribution([Work(replace(compiled, simulator=aer_engine.NAME), axes, values) for axes in bases])
    return [np.array([[frequencies(s) for s in batch] for batch in batches]) for batches in (distributions, other)]


def beside_aer(model):
    """The simulator under this noise, and Aer."""
    return qep.simulator(noise=model), qep.aer(noise=model)
