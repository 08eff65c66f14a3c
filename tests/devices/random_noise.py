"""Random noise models over random gate sets, and what Qiskit and Aer alone make of circuits under them."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import CCXGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Kraus, SuperOp, random_quantum_channel, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    ReadoutError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)

BASES = (
    ("rz", "sx", "x", "cx"),
    ("rz", "sx", "x", "ecr"),
    ("rz", "sx", "cz", "sxdg"),
    ("rx", "ry", "rz", "cx"),
    ("rx", "rz", "rzz"),
    ("u3", "cx"),
    ("u", "cz"),
    ("u1", "u2", "u3", "cx"),
    ("r", "rz", "cz"),
    ("h", "p", "cx"),
    ("h", "rz", "cp"),
    ("h", "rz", "cu1"),
    ("rz", "rx", "rxx"),
    ("rz", "sx", "x", "cx", "ccx"),
    ("rz", "sx", "cx", "unitary"),
    ("h", "t", "cx"),
    ("h", "s", "t", "tdg", "cz"),
)
"""Gates of compilers and devices: superconducting, ion and atom gates, discrete sets, three-qubit gates, matrices."""
STANDARD = get_standard_gate_name_mapping()
DISCRETE = ("h", "s", "t", "x", "cx")
A, B = Parameter("a"), Parameter("b")
SIZES = {"ccx": 3, "unitary": 1, "slow": 1, "slow pair": 2, "measure": 1}


class Case:
    """A circuit in segments, some of which are single gates that no compiler may touch; a noise model; rows and axes."""

    def __init__(self, seed):
        self.rng = np.random.default_rng([31, seed])
        self.basis = BASES[seed % len(BASES)]
        self.standard = [name for name in self.basis if name in STANDARD]
        self.num_qubits = int(self.rng.integers(3 if "ccx" in self.basis else 1, 4))
        self.segments = [self._segment()]
        for _ in range(int(self.rng.integers("unitary" in self.basis, 3))):
            self.segments += [self._opaque(), self._segment()]
        self.model = self._model()
        self.axes = "".join(self.rng.choice(list("XYZ"), self.num_qubits))
        self.circuit = self._whole(self.segments)
        self.values = self.rng.uniform(-3, 3, (2, self.circuit.num_parameters))

    @property
    def discrete(self):
        return not any(STANDARD[name].params for name in self.standard)

    def _wires(self, number):
        return self.rng.choice(self.num_qubits, number, replace=False).tolist()

    def _segment(self):
        circuit = QuantumCircuit(self.num_qubits)
        names = DISCRETE if self.discrete else ("rx", "ry", "rz", "h", "cx", "cz", "rzz", "p", *self.standard)
        angles = [A, B, 0.7 - A / 2, 1.1, -0.4]
        for name in self.rng.choice(sorted(set(names)), 6):
            gate = STANDARD[str(name)]
            if gate.num_qubits <= self.num_qubits:
                free = [angles[int(i)] for i in self.rng.integers(len(angles), size=len(gate.params))]
                circuit.append(gate.base_class(*free), self._wires(gate.num_qubits))
        return circuit

    def _opaque(self):
        """Return a labelled gate of the basis, or a matrix."""
        if "unitary" in self.basis and self.rng.random() < 0.8:
            return UnitaryGate(random_unitary(2, seed=int(self.rng.integers(1000)))), self._wires(1)
        size = 2 if self.num_qubits > 1 and self.rng.random() < 0.4 else 1
        names = [name for name in self.standard if STANDARD[name].num_qubits == size]
        gate = STANDARD[str(self.rng.choice(names))]
        numbers = self.rng.uniform(-2, 2, len(gate.params)).tolist()
        return gate.base_class(*numbers, label="slow" if size == 1 else "slow pair"), self._wires(size)

    def _error(self, size):
        rng = self.rng
        seed = int(rng.integers(1000))
        if size == 3:
            return depolarizing_error(0.3, 3) if rng.random() < 0.5 else pauli_error([("XIY", 0.2), ("ZZI", 0.1), ("III", 0.7)])
        if size == 2:
            kinds = (
                lambda: depolarizing_error(rng.uniform(0.01, 0.3), 2),
                lambda: pauli_error([("XY", 0.1), ("IZ", 0.2), ("II", 0.7)]),
                lambda: coherent_unitary_error(random_unitary(4, seed=seed)),
                lambda: amplitude_damping_error(0.2).expand(reset_error(0.1, 0.05)),
                lambda: QuantumError(Kraus(random_quantum_channel(4, 4, rank=2, seed=seed))),
            )
        else:
            kinds = (
                lambda: depolarizing_error(rng.uniform(0.01, 0.3), 1),
                lambda: pauli_error([("X", 0.1), ("Y", 0.05), ("I", 0.85)]),
                lambda: coherent_unitary_error(random_unitary(2, seed=seed)),
                lambda: amplitude_damping_error(rng.uniform(0.05, 0.4), 0.1),
                lambda: thermal_relaxation_error(50.0, 60.0, 5.0, 0.1),
                lambda: QuantumError(Kraus(random_quantum_channel(2, 2, rank=2, seed=seed))),
                lambda: reset_error(0.1, 0.1),
            )
        return kinds[int(rng.integers(len(kinds)))]()

    def _model(self):
        model, rng = NoiseModel(basis_gates=list(self.basis)), self.rng
        for name in (*self.basis, "slow", "slow pair", "measure"):
            size = SIZES[name] if name in SIZES else STANDARD[name].num_qubits
            if rng.random() < 0.65:
                model.add_all_qubit_quantum_error(self._error(size), name)
            if rng.random() < 0.3 and size <= self.num_qubits:
                model.add_quantum_error(self._error(size), name, self._wires(size))
        if rng.random() < 0.6:
            model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
        if rng.random() < 0.3:
            model.add_readout_error(ReadoutError([[0.8, 0.2], [0.05, 0.95]]), [self._wires(1)[0]])
        return model

    def _whole(self, segments):
        """Return one circuit, with barriers around what no compiler may touch."""
        circuit = QuantumCircuit(self.num_qubits)
        for segment in segments:
            circuit.barrier()
            if isinstance(segment, QuantumCircuit):
                circuit.compose(segment, inplace=True)
            else:
                circuit.append(*segment)
        return circuit

    def transpiled(self, circuit):
        return transpile(circuit, basis_gates=self.standard, optimization_level=1)

    def reference(self):
        """Return the probabilities of each row: transpiled by Qiskit, the density matrix of plain Aer, readout by hand."""
        circuits = [self.transpiled(s) if isinstance(s, QuantumCircuit) else s for s in self.segments]
        whole = self._whole(circuits)
        for wire, axis in enumerate(self.axes):
            whole.compose(self._turn(axis), [wire], inplace=True)
        expectations = []
        for row in self.values:
            circuit = whole.assign_parameters(dict(zip(self.circuit.parameters, row, strict=True)))
            for wire in range(self.num_qubits):
                error = self.model._local_quantum_errors.get("measure", {}).get((wire,))
                error = error or self.model._default_quantum_errors.get("measure")
                if error is not None:
                    channel = Kraus(SuperOp(error)).to_instruction().to_mutable()
                    channel.label = "by hand"  # a unitary one would have the errors of "unitary"
                    circuit.append(channel, [wire])
            circuit.save_density_matrix()
            result = AerSimulator(method="density_matrix", noise_model=self.model).run(circuit).result()
            assert result.success, result.status
            chances = np.real(np.diag(np.asarray(result.data(0)["density_matrix"])))
            expectations.append(self._read(chances))
        return np.array(expectations)

    def _turn(self, axis):
        """Return the shortest way to turn an axis into Z that Qiskit finds."""
        ways = {"X": (_rz_sx, _ry, _h), "Y": (_sx, _rx, _sdg_h, _rz_ry), "Z": (lambda c: None,)}[axis]
        gates = []
        for way in ways:
            circuit = QuantumCircuit(1)
            way(circuit)
            if set(circuit.count_ops()) <= set(self.standard):
                gates.append(circuit)
            try:
                gates.append(self.transpiled(circuit))
            except QiskitError:
                continue
        return min(gates, key=len)

    def _read(self, chances):
        for wire in range(self.num_qubits):
            error = self.model._local_readout_errors.get((wire,), self.model._default_readout_error)
            if error is not None:
                flips = np.kron(
                    np.kron(np.eye(2 ** (self.num_qubits - 1 - wire)), np.array(error.probabilities).T), np.eye(2**wire)
                )
                chances = flips @ chances
        return chances

    @property
    def beyond_the_simulator(self):
        """Whether a gate or an error acts on more than two qubits."""
        return any(isinstance(item.operation, CCXGate) for item in self.circuit.data)


def _rz_sx(c):
    c.rz(np.pi / 2, 0)
    c.sx(0)


def _ry(c):
    c.ry(-np.pi / 2, 0)


def _h(c):
    c.h(0)


def _sx(c):
    c.sx(0)


def _rx(c):
    c.rx(np.pi / 2, 0)


def _sdg_h(c):
    c.sdg(0)
    c.h(0)


def _rz_ry(c):
    c.rz(-np.pi / 2, 0)
    c.ry(-np.pi / 2, 0)
