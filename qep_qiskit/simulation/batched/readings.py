"""Sums of Pauli strings with their own coefficients per column, and the expectations of the strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.batched.operations import signs_of
from qep_qiskit.simulation.batched.strings import String

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Reading:
    """The strings that are read at one place of the circuit, grouped by the qubits that they flip."""

    def __init__(self, num_qubits: int, strings: Sequence[String]) -> None:
        self._groups = []
        for x in sorted({string.x for string in strings}):
            members = [string for string in strings if string.x == x]
            index = np.array([string.index for string in members])
            signs = signs_of(num_qubits, [string.z for string in members])
            factors = np.array([string.factor for string in members])
            source = np.arange(1 << num_qubits) ^ x if x else None
            self._groups.append((index, signs, factors, source))

    def add(self, states: Complex, coefficients: Real, bra: Complex, energies: Real) -> None:
        """Add the conjugate of H|states⟩ to ``bra`` and the expectations of H to ``energies``."""
        for index, signs, factors, source in self._groups:
            parts = coefficients[index]
            if source is None:
                product = (signs @ (factors.real[:, None] * parts)) * states
            else:
                product = ((signs @ (factors[:, None] * parts)) * states)[source]
            energies += np.einsum("ib,ib->b", states.conj(), product).real
            bra += product.conj()

    def expectations(self, states: Complex, out: Real) -> None:
        """Write the expectation of each string to its row of ``out`` (S, B)."""
        for index, signs, factors, source in self._groups:
            left = states if source is None else states[source]
            out[index] = (factors[:, None] * (signs.T @ (left.conj() * states))).real
