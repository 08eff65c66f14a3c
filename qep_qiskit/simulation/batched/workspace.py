"""Arrays that are reused from one evaluation of a template to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.states import States

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Place: TypeAlias = tuple[int, int]


class Workspace:
    """The arrays of one evaluation, all of ``columns`` columns.

    Parameters
    ----------
    size
        The number of amplitudes 2**m.
    families
        The number of steps of each family of phases.
    spares
        The number of spare arrays of states.
    columns
        The number of columns that there is memory for at first.
    first
        The family and the place of the step whose states are its factors, that is, which acts on equal amplitudes.

    Attributes
    ----------
    factors, terms : list of ndarray, shape (steps, 2**m, columns)
        One array per family.
    states : list of States
        One array of states per step of phases, and one more.
    spares : list of States
    """

    def __init__(self, size: int, families: Sequence[int], spares: int, columns: int, first: Place | None) -> None:
        self._size, self._families, self._spares = size, list(families), spares
        self._first = first
        self._count = 1 + spares + 2 * sum(families) + (sum(families) + 1) // 2
        self._memory = np.empty(0, dtype=np.complex128)
        self._further = np.empty(0, dtype=np.complex128)
        self.columns = -1
        self.arrange(columns)

    def further(self, count: int, size: int) -> Complex:
        """Return memory for other arrays, shape (count, size)."""
        if len(self._further) < count * size:
            self._further = np.empty(count * size, dtype=np.complex128)
        return self._further[: count * size].reshape(count, size)

    def arrange(self, columns: int) -> None:
        """Make the arrays have this number of columns."""
        if columns == self.columns:
            return
        self.columns, each = columns, self._size * columns
        if len(self._memory) < self._count * each:
            self._memory = np.empty(self._count * each, dtype=np.complex128)
        steps, start = sum(self._families), 0
        blocks = self._memory[: self._count * each].reshape(self._count, self._size, columns)
        self.spares = [States(block) for block in blocks[: self._spares]]
        self.states = [States(block) for block in blocks[self._spares : self._spares + steps + 1]]
        factors = blocks[self._spares + steps + 1 : self._spares + 2 * steps + 1]
        terms = blocks[self._spares + 2 * steps + 1 :].view(np.float64).reshape(-1, self._size, columns)
        self.factors: list[Complex] = []
        self.terms: list[Real] = []
        for count in self._families:
            self.factors.append(factors[start : start + count])
            self.terms.append(terms[start : start + count])
            start += count
        if self._first is not None:
            self.states[0] = States(self.factors[self._first[0]][self._first[1]])

    def factors_of(self, places: Sequence[Place]) -> list[Complex]:
        """Return the factors of all steps, in the order of the steps."""
        return [self.factors[family][number] for family, number in places]
