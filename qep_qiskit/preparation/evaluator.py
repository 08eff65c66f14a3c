"""Energies of one parameterised circuit for many rows of angles, as a descent asks for them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.operators import PauliSum

Real = NDArray[np.float64]
MOST_BOUND = 512
"""The number of operators that a loop keeps compiled."""


class Evaluator(Protocol):
    """One circuit with P parameters and a list of L Pauli strings, evaluated for R independent rows of angles at once."""

    @property
    def num_parameters(self) -> int:
        """The number of parameters P."""
        ...

    def energies_and_gradients(self, thetas: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return Σ_l c_rl ⟨P_l⟩ of every row, shape (R,), and its gradient, shape (R, P), for thetas (R, P) and coefficients (R, L)."""
        ...

    def expectations(self, thetas: Real) -> Real:
        """Return ⟨P_l⟩ for thetas of shape (R, P), shape (R, L)."""
        ...


class Loop:
    """An evaluator that takes one row after the other on state vectors, for circuits that are too large to share an array.

    Parameters
    ----------
    program : CircuitProgram
    paulis : PauliList of length L
    """

    def __init__(self, program: CircuitProgram, paulis: PauliList) -> None:
        self._program, self._paulis = program, paulis
        self._bound: OrderedDict[bytes, PauliSum] = OrderedDict()

    @property
    def num_parameters(self) -> int:
        """The number of parameters P."""
        return self._program.num_parameters

    def energies_and_gradients(self, thetas: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the energies (R,) and their gradients (R, P)."""
        energies, gradients = np.empty(len(thetas)), np.empty(np.shape(thetas))
        for r, (theta, row) in enumerate(zip(thetas, coefficients, strict=True)):
            energies[r], gradients[r] = self._program.energy_and_gradient(theta, self._operator(row))
        return energies, gradients

    def expectations(self, thetas: Real) -> Real:
        """Return the expectations of all strings, shape (R, L)."""
        return np.atleast_2d(structure_for(self._paulis).expectations(self._program.states(thetas)))

    def _operator(self, row: Real) -> PauliSum:
        key = row.tobytes()
        if key not in self._bound:
            used = np.flatnonzero(row)
            used = used if len(used) else np.zeros(1, dtype=np.int64)  # H = 0 still acts on qubits
            self._bound[key] = structure_for(self._paulis[used]).bind(row[used])
            if len(self._bound) > MOST_BOUND:
                self._bound.popitem(last=False)
        self._bound.move_to_end(key)
        return self._bound[key]
