"""Sweeps of many columns of states forward and backward through the steps of a template.

The left states of the backward sweep are stored as their complex conjugates: phases then have the same factors in both sweeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.layers import Phases
from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.batched.dephasing import Dephasing, Mixture
from qep_qiskit.simulation.batched.operations import operation
from qep_qiskit.simulation.batched.readings import Reading
from qep_qiskit.simulation.batched.steps import Hadamards, Step
from qep_qiskit.simulation.batched.tables import PhaseTables
from qep_qiskit.simulation.batched.workspace import Workspace

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

AT_WORK = 5
"""Arrays of states that the backward sweep uses at the same time."""


class Swept(NamedTuple):
    """The result of a forward sweep: states to read, by the number of operations after the last free phases, and spare arrays.

    `mixture` belongs to the strings that leaves dephase.
    """

    held: dict[int, States]
    spares: list[States]
    mixture: Mixture | None


class Sweeps:
    """The steps of a template: phases with free angles, and fixed operations after each of them.

    Parameters
    ----------
    num_qubits
        The number of qubits m.
    steps
        The steps that act on |0…0⟩.
    num_angles
        The number of angles A.
    readings
        The strings to read after each number of steps, none of them before the last free phases.
    dephasing
        The strings that leaves dephase; their qubits come last.

    Attributes
    ----------
    norm : float
        The squared norm of exact states over that of the states in the sweeps.
    tables : PhaseTables
        The phases with free angles.
    operations : list of list of Operation
        The fixed operations after each step of such phases.
    readings : dict
        The strings to read after each number of the last operations.
    dephasing : Dephasing or None
    start : ndarray, shape (2**m, 1), or None
        The state before the first of these phases; None for equal amplitudes.
    """

    def __init__(
        self,
        num_qubits: int,
        steps: Sequence[Step],
        num_angles: int,
        readings: Mapping[int, Reading],
        dephasing: Dephasing | None = None,
    ) -> None:
        self._size = 1 << num_qubits
        self.dephasing = dephasing
        free = [i for i, step in enumerate(steps) if isinstance(step, Phases) and any(a.weights for a in step.angles.values())]
        begin = free[0] if free else min(readings)
        uniform = bool(free) and list(steps[:begin]) == [Hadamards(self._size - 1)]
        self.norm = 1.0 / self._size if uniform else 1.0
        self.start = None if uniform else _start(num_qubits, steps[:begin])
        self.tables = PhaseTables(num_qubits, [step for i in free if isinstance(step := steps[i], Phases)], num_angles)
        places = [*free, len(steps)] if free else [begin - 1, len(steps)]
        self.operations = [[operation(num_qubits, step) for step in steps[first + 1 : last]] for first, last in pairwise(places)]
        self.readings = {position - places[-2] - 1: reading for position, reading in readings.items()}
        blocks = 1 if dephasing is None else 1 << dephasing.num_strings
        self._blocks = (blocks, self._size // blocks, -1)
        self._ones = np.ones((1, self._size // blocks))

    def workspace(self, columns: int) -> Workspace:
        """Return arrays that initially have this number of columns."""
        counts = [family.count for family in self.tables.families]
        first = self.tables.places[0] if self.start is None else None
        return Workspace(self._size, counts, len(self.readings) + AT_WORK, columns, first)

    def forward(self, angles: Real, room: Workspace) -> Swept:
        """Sweep forward."""
        room.arrange(angles.shape[1])
        factors = room.factors_of(self.tables.places)
        self.tables.write_factors(angles, room.factors)
        states, spares = room.states[0], list(room.spares)
        if self.start is not None:
            np.multiply(factors[0] if factors else 1.0, self.start, out=states.array)
        for number in range(1, len(factors)):
            for step in self.operations[number - 1]:
                states = step.apply(states, spares)
            np.multiply(states.array, factors[number], out=room.states[number].array)
            states = room.states[number]
        held, spares = self.finished(states, spares)
        return Swept(held, spares, None if self.dephasing is None else self.dephasing.mixture(angles))

    def finished(self, states: States, spares: list[States]) -> tuple[dict[int, States], list[States]]:
        """Apply the last operations. Return the states to read, by the number of operations before, and the arrays left over."""
        held: dict[int, States] = {}
        for count in range(len(self.operations[-1]) + 1):
            if count:
                states = self.operations[-1][count - 1].apply(states, spares)
            if count in self.readings:
                held[count] = states
                spares = [spare for spare in spares if spare is not states]
        return held, spares

    def left(self, coefficients: Real, held: Mapping[int, States], spares: Sequence[States]) -> States:
        """Return the complex conjugate of H times finished states, from before the last operations.

        ``coefficients`` are those of all strings as `Reading.add` takes them; five spare arrays are used.
        """
        pair, others = spares[:2], spares[2:5]
        bra = pair[0]
        for count in range(len(self.operations[-1]), -1, -1):
            if count in self.readings:
                self.readings[count].add(held[count], coefficients, bra, others, count == max(held))
            if count:
                bra = self.operations[-1][count - 1].undo(bra, pair)
        return bra

    def backward(
        self, coefficients: Real, swept: Swept, room: Workspace, lefts: list[Complex] | None = None
    ) -> tuple[Real, Real]:
        """Return the energies (B,) and slopes (A, B), given the coefficients of all strings as `Reading.add` takes them.

        The left states at all steps of phases are copied to ``lefts``, the last ones first.
        """
        pair, work = swept.spares[:2], swept.spares[2]
        bra = self.left(coefficients, swept.held, swept.spares)
        places = self.tables.places
        last = len(places) - 1
        np.multiply(bra.array, room.states[max(last, 0)].array, out=work.array)
        energies = np.matmul(self._ones, work.reals(self._blocks))[:, 0, ::2]
        if swept.mixture is not None:
            for each in (bra, work):
                each.reals(self._blocks)[:] *= swept.mixture.weights
        for number in range(last, -1, -1):
            family, place = places[number]
            if number < last:
                np.multiply(bra.array, room.states[number].array, out=work.array)
            np.copyto(room.terms[family][place], work.array.imag)
            if lefts is not None:
                lefts.append(bra.array.copy())
            if number:
                bra.array *= room.factors[family][place]
                for step in reversed(self.operations[number - 1]):
                    bra = step.undo(bra, pair)
        slopes = self.tables.slopes(room.terms, room.columns)
        if self.dephasing is None or swept.mixture is None:
            return energies[0], slopes
        total, further = self.dephasing.energies_and_slopes(swept.mixture, energies)
        slopes += further
        return total, slopes

    def expectations(self, angles: Real, room: Workspace, out: Real) -> None:
        """Write the expectations of the strings to ``out`` (strings, B), in the order in which they are read."""
        swept = self.forward(angles, room)
        weights = None if swept.mixture is None else swept.mixture.weights
        for count, states in swept.held.items():
            self.readings[count].expectations(states, swept.spares, weights, out)
        out *= self.norm


def _start(num_qubits: int, steps: Sequence[Step]) -> Complex:
    """Return the state after steps without free angles, shape (2**m, 1)."""
    states, *spares = (States.empty(1 << num_qubits, 1) for _ in range(3))
    states.array[:] = 0.0
    states.array[0] = 1.0
    for step in steps:
        states = operation(num_qubits, step).apply(states, spares)
    return states.array
