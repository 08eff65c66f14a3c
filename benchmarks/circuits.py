"""The circuits of the variational tasks, as plain lists of gates that every package can translate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.problems import SEED, problem
from qep_qiskit.ansatz import build
from qep_qiskit.seeds import stream

LAYERS = 6


@dataclass(frozen=True)
class Gate:
    """A gate h, cx, rx, ry, rz or rzz; rotations are exp(−i θ/2 P) with θ the parameter of that number."""

    name: str
    qubits: tuple[int, ...]
    parameter: int | None


@dataclass(frozen=True)
class Circuit:
    """An ansatz, angles, and the Hamiltonian whose energy and gradient are wanted."""

    circuit: QuantumCircuit
    theta: NDArray[np.float64]
    op: SparsePauliOp

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return int(self.circuit.num_qubits)

    @cached_property
    def gates(self) -> list[Gate]:
        """All gates in order."""
        number = {parameter: i for i, parameter in enumerate(self.circuit.parameters)}
        return [
            Gate(
                step.operation.name,
                tuple(self.circuit.find_bit(qubit).index for qubit in step.qubits),
                number[step.operation.params[0]] if step.operation.params else None,
            )
            for step in self.circuit.data
        ]

    @cached_property
    def terms(self) -> list[tuple[str, list[int], float]]:
        """The Hamiltonian's (letters, qubits, coefficient)."""
        return [(letters, list(qubits), float(c.real)) for letters, qubits, c in self.op.to_sparse_list()]

    def columns(self, name: str) -> NDArray[np.int64]:
        """Return the parameter numbers of the rotations of that name on all qubits, shape (layers, n)."""
        gates = [gate for gate in self.gates if gate.name == name]
        rows = np.array([gate.parameter for gate in gates]).reshape(-1, self.num_qubits)
        order = np.array([gate.qubits[0] for gate in gates]).reshape(-1, self.num_qubits)
        return np.take_along_axis(rows, order.argsort(axis=1), axis=1)


def ansatz(kind: str, size: int, layers: int = LAYERS) -> Circuit:
    """Return the ansatz of that name for the shared problem, with small random angles."""
    sample = problem(size)
    op = sample.network.hamiltonian(sample.weights, sample.x)
    circuit = build(kind, num_qubits=size, paulis=op.paulis, layers=layers)
    theta = stream(SEED, "angles", size).normal(0.0, 0.4, circuit.num_parameters)
    return Circuit(circuit, theta, op)
