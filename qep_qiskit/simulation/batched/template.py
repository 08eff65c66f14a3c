"""Energies, gradients and expectations of many small circuits of the same gates, as the columns of one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.curvatures import Curvatures
from qep_qiskit.simulation.batched.dephasing import without_leaves
from qep_qiskit.simulation.batched.readings import Reading
from qep_qiskit.simulation.batched.recordings import Recording
from qep_qiskit.simulation.batched.steps import Step, steps_of
from qep_qiskit.simulation.batched.strings import String, placed, strings_of
from qep_qiskit.simulation.batched.sweeps import Sweeps
from qep_qiskit.simulation.batched.workspace import Workspace
from qep_qiskit.simulation.threads import single_threaded

Real = NDArray[np.float64]

_SMALLEST_TILE, _LARGEST_TILE = 13, 15
"""Columns are evaluated in tiles of 2**13 to 2**15 amplitudes: fewer fit the cache better, but 10 qubits need some columns."""
_FEW, _MOST_RECORDED = 4, 10
"""The largest numbers of columns and of qubits for which calls are recorded: larger arrays take longer than choosing calls."""
_TOGETHER = 12
"""Columns of more qubits are evaluated one by one."""


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
        size, fewer, strings, dephasing = without_leaves(num_qubits, steps, strings_of(paulis), num_angles)
        needed, places = placed(fewer, strings)
        self._readings: dict[int, Reading] = {}
        ordered: list[String] = []
        for position, members in places.items():
            self._readings[position] = Reading(size, members, len(ordered))
            ordered += self._readings[position].strings
        self._order = np.array([string.index for string in ordered], dtype=np.intp)
        self._sweeps = Sweeps(size, needed, num_angles, self._readings, dephasing)
        self._scales = np.concatenate([reading.scales() for reading in self._readings.values()])[:, None] * self._sweeps.norm
        self._tile = _columns_per_tile(size)
        self._rooms: list[Workspace] = []
        self._recordings: dict[int, list[Recording]] = {}
        self._records = size <= _MOST_RECORDED and dephasing is None and bool(self._sweeps.tables.places)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the workspaces out, since their views would not refer to the arrays of the copy."""
        return {**self.__dict__, "_rooms": [], "_recordings": {}}

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
        if weights.ndim == 2 and 0 < shape[1] <= _FEW and self._records:
            return self._by_recording(values, weights)
        stack = weights if weights.ndim == 3 else weights[None]
        energies = np.empty((len(stack), shape[1]))
        slopes = np.empty((len(stack), *values.shape))
        with single_threaded(self.num_qubits), self._workspace() as room:
            for columns in self._tiles(shape[1]):
                swept = self._sweeps.forward(values[:, columns], room)
                for k, each in enumerate(stack):
                    result = self._sweeps.backward(self._scaled(each[:, columns]), swept, room)
                    energies[k, columns], slopes[k, :, columns] = result
        return (energies[0], slopes[0]) if weights.ndim == 2 else (energies, slopes)

    def _by_recording(self, values: Real, weights: Real) -> tuple[Real, Real]:
        idle = self._recordings.setdefault(values.shape[1], [])
        try:
            recording = idle.pop()
        except IndexError:
            recording = Recording(self._sweeps, self.num_strings, values.shape[1])
        try:
            with single_threaded(self.num_qubits):
                return recording.evaluate(values, self._scaled(weights))
        finally:
            idle.append(recording)

    def second_derivatives(self, angles: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the derivatives (A, B) of energies and the second ones (B, A, A), for angles (A, B) and coefficients (S, B)."""
        values = self._checked(angles)
        slopes, curvatures = np.zeros_like(values), np.zeros((values.shape[1], self.num_angles, self.num_angles))
        if self._curvatures is None:
            return slopes, curvatures
        with single_threaded(self.num_qubits), self._workspace() as room:
            for columns in self._tiles(values.shape[1]):
                result = self._curvatures.evaluate(values[:, columns], self._scaled(coefficients[:, columns]), room)
                slopes[:, columns], curvatures[columns] = result
        return slopes, curvatures

    @property
    def num_tangents(self) -> int | None:
        """The number of tangents of `second_derivatives`; None if leaves of the circuit have become dephasing: there are none."""
        return len(self._sweeps.tables.weights) if self._sweeps.dephasing is None else None

    @cached_property
    def _curvatures(self) -> Curvatures | None:
        return Curvatures(self._sweeps) if self._sweeps.tables.places else None

    def expectations(self, angles: ArrayLike) -> Real:
        """Return the expectations of all strings, shape (S, B), for angles (A, B)."""
        values = self._checked(angles)
        ordered, result = np.empty((2, self.num_strings, values.shape[1]))
        with single_threaded(self.num_qubits), self._workspace() as room:
            for columns in self._tiles(values.shape[1]):
                self._sweeps.expectations(values[:, columns], room, ordered[:, columns])
        result[self._order] = ordered
        return result

    def _scaled(self, coefficients: Real) -> Real:
        """Return the coefficients (S, B) as `Reading.add` takes them."""
        ordered = coefficients[self._order]
        pairs = np.empty((*ordered.shape, 2))
        for part in range(2):
            np.multiply(ordered, self._scales[..., part], out=pairs[..., part])
        return pairs.reshape(self.num_strings, -1)

    def _checked(self, angles: ArrayLike) -> Real:
        values = np.asarray(angles, dtype=np.float64)
        if values.ndim != 2 or len(values) != self.num_angles:
            raise InputError(f"angles has shape {values.shape}; give ({self.num_angles}, B)")
        return values

    def _tiles(self, columns: int) -> list[slice]:
        """Return tiles whose widths differ by at most one column."""
        count = -(-columns // self._tile)
        return [slice(columns * i // count, columns * (i + 1) // count) for i in range(count)]

    @contextmanager
    def _workspace(self) -> Iterator[Workspace]:
        try:
            room = self._rooms.pop()
        except IndexError:
            room = self._sweeps.workspace(self._tile)
        try:
            yield room
        finally:
            self._rooms.append(room)


def _columns_per_tile(num_qubits: int) -> int:
    if num_qubits > _TOGETHER:
        return 1
    wanted = _SMALLEST_TILE + max(num_qubits - 6, 0) // 2
    return 1 << min(wanted, _LARGEST_TILE) - num_qubits
