"""The steps of a template as operations on arrays of states, shape (2**m, columns)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.bound_layers import BoundRelabelling
from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling
from qep_qiskit.simulation.adjoint.phases import cis
from qep_qiskit.simulation.batched.steps import Step

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def signs_of(num_qubits: int, masks: Sequence[int]) -> Real:
    """Return ``(-1)**parity(i & mask)``, shape (2**m, masks)."""
    index = np.arange(1 << num_qubits)[:, None] & np.array(masks, dtype=np.int64).reshape(1, -1)
    return 1.0 - 2.0 * (np.bitwise_count(index) & 1)


@lru_cache(maxsize=16)
def hadamard(width: int) -> Real:
    """Return the matrix of a Hadamard gate on each of some qubits."""
    return signs_of(width, range(1 << width)) * 2.0 ** (-0.5 * width)


class Turn:
    """Hadamards on a set of qubits, as real matrix products."""

    def __init__(self, num_qubits: int, qubits: int) -> None:
        self._shapes = []
        qubit = 0
        while qubit < num_qubits:
            width = 0
            while width < 4 and qubit + width < num_qubits and qubits >> (qubit + width) & 1:
                width += 1
            if width:
                self._shapes.append((width, (1 << num_qubits - qubit - width, 1 << width, -1)))
            qubit += max(width, 1)

    def apply(self, states: Complex) -> Complex:
        for width, shape in self._shapes:
            states = (hadamard(width) @ states.view(np.float64).reshape(shape)).reshape(len(states), -1).view(np.complex128)
        return states

    undo = apply


class Move:
    """A permutation of amplitudes."""

    def __init__(self, num_qubits: int, step: Relabelling) -> None:
        bound = BoundRelabelling(step)
        self._source, self._target = bound._source, bound._target

    def apply(self, states: Complex) -> Complex:
        return states[self._source]

    def undo(self, states: Complex) -> Complex:
        return states[self._target]


class PhaseTables:
    """All phases of a template."""

    def __init__(self, num_qubits: int, steps: Sequence[Step], num_angles: int) -> None:
        self.numbers: list[int] = []
        self._signs: list[Real] = []
        self._parts: list[slice] = []
        angles: list[Angle] = []
        for step in steps:
            self.numbers.append(len(self._signs))
            if isinstance(step, Phases):
                self._signs.append(signs_of(num_qubits, list(step.angles)))
                self._parts.append(slice(len(angles), len(angles) + len(step.angles)))
                angles += step.angles.values()
        self._weights = np.zeros((len(angles), num_angles))
        for row, angle in enumerate(angles):
            for k, weight in angle.weights.items():
                self._weights[row, k] = weight
        self._constants = np.array([[angle.constant] for angle in angles]).reshape(-1, 1)

    def factors(self, angles: Real) -> list[Complex]:
        """Return the factors of every step of phases, shape (2**m, B)."""
        values = self._weights @ angles + self._constants
        return [cis(signs @ values[part]) for signs, part in zip(self._signs, self._parts, strict=True)]

    def slopes(self, terms: Sequence[Real]) -> Real:
        """Return the derivatives with respect to the angles, given ``Im(conj(left) right)`` at every step of phases."""
        parts = [2.0 * signs.T @ term for signs, term in zip(self._signs, terms, strict=True)]
        return self._weights.T @ np.concatenate(parts)
