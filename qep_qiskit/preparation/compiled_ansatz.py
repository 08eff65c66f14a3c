"""Ansätze compiled for states, Hessians and the energies of many rows of angles."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.choice import build
from qep_qiskit.preparation.evaluator import Evaluator, evaluator_for
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.batched.program import BatchedProgram

Vector = NDArray[np.float64]
MOST_QUBITS = 24
"""The largest number of qubits of a state vector."""
MOST_BESIDE_CONES = 14
"""If light cones are requested, state vectors are kept in addition only up to this many qubits, since they cost more."""


@dataclass(frozen=True)
class Ansatz:
    """An ansatz identified by its content, so that a changed circuit counts as another ansatz."""

    content: str
    ansatz: str | QuantumCircuit = field(compare=False)


@dataclass(frozen=True, eq=False)
class Compiled:
    """An ansatz as a circuit, compiled for states and Hessians, and for the energies of many rows of angles."""

    circuit: QuantumCircuit
    program: CircuitProgram | None
    paulis: PauliList
    evaluator: Evaluator

    def expectations(self, thetas: Vector, paulis: PauliList) -> Vector:
        """Return the expectations of any strings, without state vectors."""
        same = len(paulis) == len(self.paulis) and paulis == self.paulis
        return (self.evaluator if same else evaluator_for(self.circuit, None, paulis)).expectations(thetas)

    def states(self, thetas: Vector) -> NDArray[np.complex128]:
        """Return the states of rows of angles, shape (R, 2**n)."""
        if isinstance(self.evaluator, BatchedProgram):
            return self.evaluator.states(thetas)
        assert self.program is not None
        return self.program.states(thetas)


@functools.lru_cache(maxsize=16)
def _circuit(
    content: Ansatz, num_qubits: int, labels: tuple[str, ...], layers: int, shared: bool, entanglement: str
) -> QuantumCircuit:
    return build(
        content.ansatz,
        num_qubits=num_qubits,
        paulis=PauliList(list(labels)),
        layers=layers,
        shared_angles=shared,
        entanglement=entanglement,
    )


@functools.lru_cache(maxsize=16)
def compiled_ansatz(
    content: Ansatz, num_qubits: int, labels: tuple[str, ...], strings: tuple[str, ...], simulation: str, *options: Any
) -> Compiled:
    """Return the compiled ansatz for the strings of H and C (`labels`) and the strings of expectations (`strings`)."""
    circuit = _circuit(content, num_qubits, labels, *options)
    most = MOST_BESIDE_CONES if simulation == "light_cones" else MOST_QUBITS
    program = CircuitProgram.from_circuit(circuit) if num_qubits <= most else None
    paulis = PauliList(list(strings))
    return Compiled(circuit, program, paulis, evaluator_for(circuit, program, paulis, simulation))
