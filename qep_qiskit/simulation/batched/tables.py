"""The phases of a template: their factors for every column, and the slopes of their angles.

The factors of a step are products of two tables, one per basis state of the high qubits and one of the low qubits, so only the
entries of the tables need exponentials. Masks that act on both change their sign with the high qubits; the low table is
made for each pattern of these signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Phases
from qep_qiskit.simulation.adjoint.phases import PhaseTable, cis
from qep_qiskit.simulation.batched.operations import signs_of

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_SMALL = 12
"""Tables of up to this many qubits list every sign; for single columns of more qubits, `PhaseTable` does without."""


class PhaseTables:
    """All steps of phases of a template; those with the same masks form a `Family`.

    Attributes
    ----------
    families : list of Family
    places : list of (int, int)
        For each step, its family and its number within the family.
    weights : ndarray, shape (all angles of all steps, A)
        How these angles depend on the A angles of the template.
    """

    def __init__(self, num_qubits: int, steps: Sequence[Phases], num_angles: int) -> None:
        self.num_angles = num_angles
        members: dict[tuple[int, ...], list[int]] = {}
        for number, step in enumerate(steps):
            members.setdefault(tuple(step.angles), []).append(number)
        angles: list[Angle] = []
        self.families: list[Family] = []
        self.places = [(0, 0)] * len(steps)
        for masks, numbers in members.items():
            for i, number in enumerate(numbers):
                self.places[number] = len(self.families), i
            self.families.append(Family(num_qubits, masks, len(numbers), len(angles)))
            angles += [angle for number in numbers for angle in steps[number].angles.values()]
        self.weights = np.zeros((len(angles), num_angles))
        for row, angle in enumerate(angles):
            for k, weight in angle.weights.items():
                self.weights[row, k] = weight
        self._slopes_to_angles = np.ascontiguousarray(2.0 * self.weights.T)
        self._constants = np.array([[angle.constant] for angle in angles]).reshape(-1, 1)

    def write_factors(self, angles: Real, factors: Sequence[Complex]) -> None:
        """Write the factors of all steps to one array (steps, 2**m, B) per family, for angles (A, B)."""
        values = self.weights @ angles
        values += self._constants
        for family, out in zip(self.families, factors, strict=True):
            family.write_factors(values, out)

    def entries(self, columns: int) -> tuple[Real, Real, list[int]]:
        """Return what the angles of all entries of all tables are: a matrix (entries, A) times the angles, plus constants.

        Also return where each family's entries end, but for the last one; those of its steps follow one another.
        """
        matrices, constants = [], []
        for family in self.families:
            matrix = np.kron(np.eye(family.count), family.split(columns).matrix)
            matrices.append(matrix @ self.weights[family.rows])
            constants.append(matrix @ self._constants[family.rows])
        ends = np.cumsum([len(matrix) for matrix in matrices])[:-1].tolist()
        return np.concatenate(matrices), np.concatenate(constants), ends

    def slopes(self, terms: Sequence[Real], columns: int) -> Real:
        """Return the derivatives with respect to the angles, shape (A, B).

        ``terms`` are ``Im(conj(left) right)`` at all steps, in one array (steps, 2**m, B) per family.
        """
        values = np.empty((len(self.weights), columns))
        for family, each in zip(self.families, terms, strict=True):
            family.write_slopes(each, values)
        return np.asarray(self._slopes_to_angles @ values)


class Family:
    """Steps of phases with the same masks.

    Parameters
    ----------
    num_qubits, masks
        The number of qubits m, and K masks.
    count
        The number of steps F.
    first
        The row of the family's first angle among all angles; its F · K rows are contiguous, one step after the other.

    Attributes
    ----------
    masks : sequence of int
    rows : slice
        The rows of the family's angles among all angles.
    """

    def __init__(self, num_qubits: int, masks: Sequence[int], count: int, first: int) -> None:
        self.count = count
        self.rows = slice(first, first + count * len(masks))
        self._shape = (count, len(masks), -1)
        self._num_qubits, self.masks = num_qubits, masks
        self._splits: dict[int, Split] = {}

    def rows_of(self, place: int) -> NDArray[np.intp]:
        """Return the rows of one step's angles among all angles."""
        return self.rows.start + place * len(self.masks) + np.arange(len(self.masks))

    def write_factors(self, values: Real, out: Complex) -> None:
        """Write the factors (F, 2**m, B), given the values of all angles."""
        columns, angles = out.shape[-1], values[self.rows].reshape(self._shape)
        if self._is_large(columns):
            for step, shared, separate in zip(out, *self._large.factors(angles[..., 0]), strict=True):
                step[:] = self._large.block(shared, separate).reshape(-1, 1)
        else:
            self.split(columns).write(angles, out)

    def write_slopes(self, terms: Real, values: Real) -> None:
        """Write the sums of terms (F, 2**m, B) with the signs of the masks to the family's rows."""
        sums = values[self.rows].reshape(self._shape)
        if self._is_large(terms.shape[-1]):
            sums[..., 0] = self._large.sums(terms[..., 0])
        else:
            np.matmul(self.signs, terms, out=sums)

    def _is_large(self, columns: int) -> bool:
        return columns == 1 and self._num_qubits > _SMALL

    @cached_property
    def _large(self) -> PhaseTable:
        return PhaseTable(self._num_qubits, self.masks)

    @cached_property
    def signs(self) -> Real:
        """The signs of all masks, shape (K, 2**m)."""
        return np.ascontiguousarray(signs_of(self._num_qubits, self.masks).T)

    def split(self, columns: int) -> Split:
        """Return the fastest tables for a number of columns."""
        if columns not in self._splits:
            self._splits[columns] = min(self._possible, key=lambda split: split.duration(columns))
        return self._splits[columns]

    @cached_property
    def _possible(self) -> list[Split]:
        m = self._num_qubits
        return [Split(m, low, self.masks) for low in range(max(1, m - _SMALL), min(m, _SMALL) + 1)]


class Split:
    """Tables for the high and for the low qubits; either may be left out.

    Attributes
    ----------
    matrix : ndarray, shape (entries, masks)
        The angle of each entry for the angles of a step.
    """

    def __init__(self, num_qubits: int, low: int, masks: Sequence[int]) -> None:
        below = (1 << low) - 1
        mixed = np.array([mask & below > 0 for mask in masks])
        high = signs_of(num_qubits - low, [mask >> low for mask in masks])
        patterns, pattern = np.unique(np.where(mixed, high, 0.0), axis=0, return_inverse=True)
        table = (patterns[:, None, :] * signs_of(low, [mask & below for mask in masks])).reshape(-1, len(masks))
        self._pattern = pattern.reshape(-1) if len(patterns) > 1 else None
        self._upper = 0 if mixed.all() else len(high)
        self._lower = len(table) if mixed.any() else 0
        self.matrix = np.vstack([np.where(mixed, 0.0, high)[: self._upper], table[: self._lower]])
        self._grid = (len(high), 1 << low)

    def duration(self, columns: int) -> float:
        """Return about the microseconds per step."""
        high, low = self._grid
        amplitudes = high * low * columns
        lines = high * low if columns > 1 else high
        tables = 5e-3 * len(self.matrix) * columns
        if high == 1 and self._lower:
            return tables
        if self._upper and self._lower:
            return tables + 0.006 * lines + (8e-4 if self._pattern is None else 1.1e-3) * amplitudes
        return tables + (0.003 * lines if self._upper else 0.0) + 4e-4 * amplitudes

    def write(self, values: Real, out: Complex) -> None:
        """Write the factors, shape (F, 2**m, B), for angles (F, K, B)."""
        angles = np.matmul(self.matrix, values)
        if self._grid[0] == 1 and self._lower:
            cis(angles, out)
            return
        self.expand(cis(angles), out)

    def expand(self, factors: Complex, out: Complex) -> None:
        """Write the factors, shape (F, 2**m, B), given those of the entries, shape (F, entries, B)."""
        high, low = self._grid
        count, columns = len(out), out.shape[-1]
        grid = out.reshape(count, high, low, columns)
        upper = factors[:, : self._upper, None]
        if not self._lower:
            np.copyto(grid, upper)
            return
        lower = factors[:, self._upper :].reshape(count, -1, low, columns)
        if self._pattern is None and self._upper:
            np.multiply(lower, upper, out=grid)
        elif self._pattern is None:
            np.copyto(grid, lower)
        else:
            np.take(lower, self._pattern, axis=1, out=grid, mode="clip")
            if self._upper:
                grid *= upper
