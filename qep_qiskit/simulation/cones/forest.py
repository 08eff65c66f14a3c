"""Expectations and gradients of strings whose light cones are trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.cones.angle_map import AngleMap
from qep_qiskit.simulation.cones.chains import Complex, Real, Uses, opened
from qep_qiskit.simulation.cones.messages import Held, MessageGroup
from qep_qiskit.simulation.cones.trees import NONE, Forest
from qep_qiskit.simulation.threads import single_threaded

_TOGETHER = 1 << 13
"""Rows are computed together up to about this many paths of one group, which fit the cache."""


class ForestProgram:
    """All messages of a forest, ready to be evaluated."""

    def __init__(self, forest: Forest, angles: Sequence[Angle], num_slots: int) -> None:
        uses = Uses()
        where: dict[int, tuple[int, int]] = {}
        self._groups: list[MessageGroup] = []
        for numbers in forest.generations():
            members = [forest.messages[number] for number in numbers]
            group = MessageGroup(members[0].kind, members, where, [each.size for each in self._groups], uses)
            where.update({number: (len(self._groups), position) for position, number in enumerate(numbers)})
            self._groups.append(group)
        self._angles = AngleMap(angles, np.array([*range(len(angles)), NONE]), num_slots)
        self._uses = AngleMap(angles, np.concatenate(uses.index or [np.empty(0, dtype=np.intp)]), num_slots)
        readings: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
        for reading in forest.readings:
            group_number, position = where[reading.root]
            readings.setdefault((group_number, reading.letter), []).append((position, reading.index, reading.sign))
        self._readings = {
            key: (np.array([p for p, *_ in each]), np.array([i for _, i, _ in each]), np.array([[s] for *_, s in each]))
            for key, each in readings.items()
        }
        self._rows = max(1, int(_TOGETHER // max((group.size * group.kind.paths for group in self._groups), default=1)))

    def evaluate(self, slots: Real, weights: Real) -> tuple[Real, Real]:
        """Return energies (R,) and their derivatives with respect to the slots (R, slots), for coefficients (R, L)."""
        energies, gradients = np.zeros(len(slots)), np.zeros(slots.shape)
        with single_threaded(1):
            for start in range(0, len(slots), self._rows):
                part = slice(start, start + self._rows)
                energies[part], gradients[part] = self._evaluate(slots[part], weights[part])
        return energies, gradients

    def expectations(self, slots: Real, out: Real) -> None:
        """Write the expectations of the strings to their columns of ``out`` (R, L)."""
        with single_threaded(1):
            for start in range(0, len(slots), self._rows):
                part = slice(start, start + self._rows)
                outputs, held = self._forward(slots[part])
                for (number, letter), (positions, index, signs) in self._readings.items():
                    group = self._groups[number]
                    values = (outputs[number] * group.closing(letter, held[number])[0]).real.sum(axis=0).reshape(group.size, -1)
                    out[part, index] = (values[positions] * signs).T

    def _forward(self, slots: Real) -> tuple[list[Complex], list[Held]]:
        exponentials = np.exp(-1j * self._angles.angles(slots))
        outputs: list[Complex] = []
        held: list[Held] = []
        for group in self._groups:
            values, state = group.forward(exponentials, outputs)
            held.append(state)
            if group.kind.coupled:
                extended = np.ones((len(values), group.size + 1, len(slots)), dtype=np.complex128)
                extended[:, :-1] = values.reshape(len(values), group.size, len(slots))
                values = extended
            outputs.append(values)
        return outputs, held

    def _evaluate(self, slots: Real, weights: Real) -> tuple[Real, Real]:
        outputs, held = self._forward(slots)
        slopes = np.zeros((self._uses.size, len(slots)))
        adjoints = [np.zeros_like(each[:, :-1] if each.ndim == 3 else each) for each in outputs]
        energies = np.zeros(len(slots))
        last: dict[int, Complex] = {}
        for (number, letter), (positions, index, signs) in self._readings.items():
            group = self._groups[number]
            coefficients = np.zeros((group.size, len(slots)))
            np.add.at(coefficients, positions, weights.T[index] * signs)
            closing, half = group.closing(letter, held[number])
            scaled = closing * coefficients.reshape(-1)
            adjoints[number] += scaled
            energies += (outputs[number] * scaled).real.sum(axis=0).reshape(group.size, -1).sum(axis=0)
            each = opened(outputs[number] * coefficients.reshape(-1), half)
            last[number] = last[number] + each if number in last else each
        for number in range(len(self._groups) - 1, -1, -1):
            group = self._groups[number]
            if number in last:
                group.close_backward(last[number], held[number], slopes)
            group.backward(adjoints[number].reshape(len(adjoints[number]), -1), held[number], adjoints, slopes)
        return energies, self._uses.gradients(slopes)
