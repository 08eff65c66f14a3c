"""Second derivatives of energies from tangents, the derivatives of the state with respect to all angles.

With the tangents |t_i⟩ = ∂_i|ψ⟩, the second derivative of ⟨ψ|H|ψ⟩ is 2 Re ⟨t_i|H|t_j⟩ + 2 Re ⟨ψ|H ∂_i∂_j|ψ⟩. Each tangent begins
at the step of its angle and moves on with the state. The second term is read at the later one of the two steps, where ∂_j is a
factor −i Z and where the backward sweep has brought ⟨ψ|H.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.batched.sweeps import AT_WORK, Sweeps
from qep_qiskit.simulation.batched.workspace import Workspace

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
_AT_ONCE = 1 << 15
"""The number of amplitudes of all tangents of the columns that are evaluated at once: more do not fit in the cache."""


class Curvatures:
    """The second derivatives of a template without dephasing.

    Parameters
    ----------
    sweeps
        The sweeps of the template, with at least one step of phases with free angles.
    """

    def __init__(self, sweeps: Sweeps) -> None:
        self._sweeps = sweeps
        families = [sweeps.tables.families[family] for family, _ in sweeps.tables.places]
        self._signs = [family.signs for family in families]
        self._turns = [-1j * signs.T for signs in self._signs]
        """The factors −i Z of each step, shape (2**m, masks)."""
        self._ends = np.cumsum([len(signs) for signs in self._signs]).tolist()
        rows = [family.rows_of(place) for family, (_, place) in zip(families, sweeps.tables.places, strict=True)]
        self._weights = sweeps.tables.weights[np.concatenate(rows)]
        self._size = self._signs[0].shape[1]
        self._together = max(1, _AT_ONCE // (self._size * self._ends[-1]))

    def evaluate(self, angles: Real, coefficients: Real, room: Workspace) -> tuple[Real, Real]:
        """Return the slopes (A, B) and the second derivatives (B, A, A) for angles (A, B).

        ``coefficients`` are those of all strings as `Reading.add` takes them, shape (strings, 2 B).
        """
        total, lefts = self._ends[-1], list[Complex]()
        swept = self._sweeps.forward(angles, room)
        _, slopes = self._sweeps.backward(coefficients, swept, room, lefts)
        lefts.reverse()
        result = np.empty((angles.shape[1], total, total))
        pairs = coefficients.reshape(len(coefficients), -1, 1, 2)
        for first in range(0, len(result), self._together):
            part = slice(first, first + self._together)
            self._write(room, lefts, pairs[:, part], part, result[part])
        result = self._weights.T @ result @ self._weights
        return slopes, result + result.swapaxes(1, 2)

    def _write(self, room: Workspace, lefts: list[Complex], pairs: Real, part: slice, result: Real) -> None:
        """Write half of the second derivatives of some columns, with respect to the angles of all steps."""
        columns, total = len(result), self._ends[-1]
        memory = list(room.further(len(self._sweeps.readings) + AT_WORK + 1, self._size * total * columns))
        tangents, left_over = self._tangents(room, lefts, part, memory, result)
        held, spares = self._sweeps.finished(tangents, left_over)
        left = self._sweeps.left(np.repeat(pairs, total, axis=2).reshape(len(pairs), -1), held, spares)
        shape = self._size, columns, total
        result += (tangents.array.reshape(shape).transpose(1, 2, 0) @ left.array.reshape(shape).transpose(1, 0, 2)).real

    def _tangents(
        self, room: Workspace, lefts: list[Complex], part: slice, memory: list[Complex], result: Real
    ) -> tuple[States, list[States]]:
        """Return the tangents after the last free phases, shape (2**m, B · angles of all steps), and spare arrays.

        The terms with two derivatives of the state are written to ``result`` (B, angles of all steps, the same).
        """
        columns, factors, place = len(result), room.factors_of(self._sweeps.tables.places), 0
        first = 0
        for number, (signs, last) in enumerate(zip(self._signs, self._ends, strict=True)):
            arrays = [self._part(block, first * columns) for block in memory[:3]]
            states = arrays[place]
            spares = [array for array in arrays if array is not states]
            for step in self._sweeps.operations[number - 1] if number else ():
                states = step.apply(states, spares)
            place = arrays.index(states)
            target, spare = (self._part(block, last * columns) for block in (memory[(place + 1) % 3], memory[(place + 2) % 3]))
            place = (place + 1) % 3
            grid = target.array.reshape(self._size, columns, last)
            np.multiply(states.array.reshape(self._size, columns, first), factors[number][:, part, None], out=grid[..., :first])
            np.multiply(self._turns[number][:, None], room.states[number].array[:, part, None], out=grid[..., first:])
            np.multiply(grid, lefts[number][:, part, None], out=spare.array.reshape(grid.shape))
            terms = (signs @ spare.reals((self._size, -1))).reshape(-1, columns, last, 2)[..., 1].swapaxes(0, 1)
            result[:, first:last, :last] = terms
            result[:, :first, first:last] = terms[..., :first].swapaxes(1, 2)
            first = last
        arrays = [self._part(block, first * columns) for block in memory]
        return arrays[place], arrays[:place] + arrays[place + 1 :]

    def _part(self, block: Complex, columns: int) -> States:
        return States(block[: self._size * columns].reshape(self._size, columns))
