"""Energies, gradients and expectations of many small circuits of the same gates, as the columns of one array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.layers import Phases
from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.operations import Move, PhaseTables, Turn
from qep_qiskit.simulation.batched.readings import Reading
from qep_qiskit.simulation.batched.steps import Hadamards, Step, steps_of
from qep_qiskit.simulation.batched.strings import placed, strings_of
from qep_qiskit.simulation.threads import single_threaded

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TILE = 1 << 13
"""Columns are evaluated in tiles of about this many amplitudes, which fit the cache."""


class Template:
    """A small circuit and a list of Pauli strings, compiled once, for any number of columns of angles.

    Parameters
    ----------
    num_qubits
        The number of qubits m.
    steps
        The steps that act on |0…0⟩, in order: `Hadamards`, `Phases` and `Relabelling`. The angles of phases are affine functions
        of the template's angles: an `Angle` with the weights ``{k: 1.0}`` makes the phase ``exp(-i angles[k] Z_mask)``.
    paulis
        S Hermitian strings on m qubits.
    num_angles
        The number of angles A.

    Attributes
    ----------
    num_qubits, num_angles, num_strings : int
        m, A and S.
    """

    def __init__(self, num_qubits: int, steps: Sequence[Step], paulis: PauliList, *, num_angles: int) -> None:
        if paulis.num_qubits != num_qubits:
            raise InputError(f"paulis: strings of {paulis.num_qubits} letters do not fit {num_qubits} qubits")
        self.num_qubits, self.num_angles, self.num_strings = num_qubits, num_angles, len(paulis)
        kept, readings = placed(steps, strings_of(paulis))
        self._readings = {position: Reading(num_qubits, strings) for position, strings in readings.items()}
        self._tables = PhaseTables(num_qubits, kept, num_angles)
        self._steps = [
            None
            if isinstance(step, Phases)
            else Turn(num_qubits, step.qubits)
            if isinstance(step, Hadamards)
            else Move(num_qubits, step)
            for step in kept
        ]
        self._tile = max(1, _TILE >> num_qubits)

    @classmethod
    def from_circuit(cls, circuit: QuantumCircuit, paulis: PauliList) -> Template:
        """Compile a circuit; its angles are the slots of `adjoint.slots.layered`, that is, its parameters if all are affine."""
        layering, slots = layered(circuit)
        return cls(circuit.num_qubits, steps_of(layering.layers()), paulis, num_angles=len(slots))

    def evaluate(self, angles: ArrayLike, coefficients: ArrayLike) -> tuple[Real, Real]:
        """Return the energies ``sum_s c_s <P_s>`` of all columns and their derivatives with respect to the angles.

        Parameters
        ----------
        angles : array_like, shape (A, B)
        coefficients : array_like, shape (S, B) or (K, S, B)

        Returns
        -------
        energies : ndarray, shape (B,) or (K, B)
        slopes : ndarray, shape (A, B) or (K, A, B)
        """
        values = self._checked(angles)
        weights = np.asarray(coefficients, dtype=np.float64)
        shape = (self.num_strings, values.shape[1])
        if weights.ndim not in (2, 3) or weights.shape[-2:] != shape:
            raise InputError(f"coefficients has shape {weights.shape}; give {shape} or (K, {shape[0]}, {shape[1]})")
        stack = weights if weights.ndim == 3 else weights[None]
        energies = np.empty((len(stack), shape[1]))
        slopes = np.empty((len(stack), *values.shape))
        with single_threaded(self.num_qubits):
            for columns in self._tiles(shape[1]):
                energies[:, columns], slopes[:, :, columns] = self._evaluate(values[:, columns], stack[:, :, columns])
        return (energies[0], slopes[0]) if weights.ndim == 2 else (energies, slopes)

    def expectations(self, angles: ArrayLike) -> Real:
        """Return the expectations of all strings, shape (S, B), for angles (A, B)."""
        values = self._checked(angles)
        result = np.zeros((self.num_strings, values.shape[1]))
        with single_threaded(self.num_qubits):
            for columns in self._tiles(values.shape[1]):
                states, _ = self._forward(values[:, columns])
                for position, reading in self._readings.items():
                    reading.expectations(states[position], result[:, columns])
        return result

    def _checked(self, angles: ArrayLike) -> Real:
        values = np.asarray(angles, dtype=np.float64)
        if values.ndim != 2 or len(values) != self.num_angles:
            raise InputError(f"angles has shape {values.shape}; give ({self.num_angles}, B)")
        return values

    def _tiles(self, columns: int) -> list[slice]:
        return [slice(start, min(start + self._tile, columns)) for start in range(0, columns, self._tile)]

    def _forward(self, angles: Real) -> tuple[list[Complex], list[Complex]]:
        """Return the states after each number of steps, and the factors of the phases."""
        factors = self._tables.factors(angles)
        states = [np.zeros((1 << self.num_qubits, angles.shape[1]), dtype=np.complex128)]
        states[0][0] = 1.0
        for step, number in zip(self._steps, self._tables.numbers, strict=True):
            states.append(states[-1] * factors[number] if step is None else step.apply(states[-1]))
        return states, factors

    def _evaluate(self, angles: Real, stack: Real) -> tuple[Real, Real]:
        states, factors = self._forward(angles)
        energies, slopes = np.zeros((len(stack), angles.shape[1])), np.empty((len(stack), *angles.shape))
        for k, coefficients in enumerate(stack):
            bra = np.zeros_like(states[0])  # the conjugate of the left state
            terms = []
            for position in range(len(self._steps), -1, -1):
                if position in self._readings:
                    self._readings[position].add(states[position], coefficients, bra, energies[k])
                if position == 0:
                    break
                step = self._steps[position - 1]
                if step is None:
                    terms.append((bra * states[position]).imag)
                    bra = bra * factors[self._tables.numbers[position - 1]]
                else:
                    bra = step.undo(bra)
            slopes[k] = self._tables.slopes(terms[::-1]) if terms else 0.0
        return energies, slopes
