"""The evaluation of a few columns as a list of calls on fixed arrays: to choose the calls takes as long as small arrays do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.phases import cis
from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.batched.operations import Call, Operation
from qep_qiskit.simulation.batched.sweeps import Sweeps

Real = NDArray[np.float64]


class Recording:
    """The calls of one evaluation of energies and slopes by sweeps without dephasing.

    Parameters
    ----------
    sweeps
        The sweeps, with at least one step of phases with free angles.
    strings, columns
        The number of strings and of columns.
    """

    def __init__(self, sweeps: Sweeps, strings: int, columns: int) -> None:
        self._tables, self._room = sweeps.tables, sweeps.workspace(columns)
        self._weights = np.empty((strings, 2 * columns))
        self._matrix, self._constants, ends = self._tables.entries(columns)
        self._entries = np.empty((len(self._matrix), columns), dtype=np.complex128)
        self._calls: list[Call] = []
        for steps, part, factor in zip(self._tables.families, np.split(self._entries, ends), self._room.factors, strict=True):
            self._calls.append((steps.split(columns).expand, (part.reshape(steps.count, -1, columns), factor)))
        room, places = self._room, self._tables.places
        factors, spares, states = room.factors_of(places), list(room.spares), room.states[0]
        rights, lefts = ([np.empty_like(block) for block in room.factors] for _ in range(2))
        if sweeps.start is None:
            self._calls.append((np.copyto, (rights[places[0][0]][places[0][1]], states.array)))
        else:
            states = States(rights[places[0][0]][places[0][1]])
            self._calls.append((np.multiply, (factors[0], sweeps.start, states.array)))
        for number in range(1, len(factors)):
            family, place = places[number]
            states = self._through(sweeps.operations[number - 1], states, spares)
            target = States(rights[family][place])
            self._calls.append((np.multiply, (states.array, factors[number], target.array)))
            states = target
        held: dict[int, States] = {}
        for count in range(len(sweeps.operations[-1]) + 1):
            if count:
                states = self._through(sweeps.operations[-1][count - 1 : count], states, spares)
            if count in sweeps.readings:
                held[count] = states
                spares = [spare for spare in spares if spare is not states]
        pair, others = spares[:2], spares[2:5]
        bra = pair[0]
        for count in range(len(sweeps.operations[-1]), -1, -1):
            if count in sweeps.readings:
                arguments = (held[count], self._weights, bra, others, count == max(held))
                self._calls.append((sweeps.readings[count].add, arguments))
            if count:
                bra = self._through(sweeps.operations[-1][count - 1 : count], bra, pair, undo=True)
        for number in range(len(factors) - 1, -1, -1):
            family, place = places[number]
            left_there = States(lefts[family][place])
            self._calls.append((np.copyto, (left_there.array, bra.array)))
            if number:
                self._calls.append((np.multiply, (left_there.array, factors[number], bra.array)))
                bra = self._through(sweeps.operations[number - 1][::-1], bra, pair, undo=True)
        for left, right in zip(lefts, rights, strict=True):
            self._calls.append((np.multiply, (left, right, left)))
        for left, term in zip(lefts, room.terms, strict=True):
            self._calls.append((np.copyto, (term, left.imag)))
        family, place = places[-1]
        self._product = lefts[family][place].real

    def _through(self, operations: list[Operation], states: States, spares: list[States], *, undo: bool = False) -> States:
        for operation in operations:
            calls, states = operation.recorded(states, spares, undo=undo)
            self._calls += calls
        return states

    def evaluate(self, angles: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the energies (B,) and slopes (A, B), given the coefficients of all strings as `Reading.add` takes them."""
        self._weights[:] = coefficients
        values = self._matrix @ angles
        values += self._constants
        cis(values, self._entries)
        for function, arguments in self._calls:
            function(*arguments)
        return self._product.sum(axis=0), self._tables.slopes(self._room.terms, angles.shape[1])
