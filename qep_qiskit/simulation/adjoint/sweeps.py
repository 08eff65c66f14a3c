"""Energies and derivatives of layered circuits by sweeping states forward and backward through the layers.

A gradient costs one forward sweep and one backward sweep [1]_. The Hessian is exact as well: tangent states are swept together
with the states (forward over reverse).

References
----------
.. [1] T. Jones and J. Gacon, arXiv:2009.02823 (2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.bound_layers import (
    BoundLayer,
    BoundPhases,
    BoundRelabelling,
    BoundRotations,
    PhaseFamily,
    RotationFamily,
)
from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Layer, Phases, Relabelling, Rotations
from qep_qiskit.simulation.adjoint.states import States

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_KEPT_BYTES = 1 << 29
_BATCH_BYTES = 1 << 27
_ROWS_BYTES = 1 << 24


class Operator(Protocol):
    """A Hermitian operator that can be applied to a state vector, such as a `PauliSum`."""

    def apply(self, v: Complex, /) -> NDArray[np.number]:
        """Return the product of the operator and a vector of shape (2**n,)."""


class LayeredCircuit:
    """A circuit as layers, with sweeps through them. All derivatives are with respect to the *slots*.

    Parameters
    ----------
    num_qubits
        The number of qubits n.
    layers
        The layers, in the order in which they act on |0…0⟩.
    global_phase
        The state is multiplied by ``exp(i global_phase)``.
    num_slots
        The number of slots: the variables of which the angles are affine functions.
    """

    def __init__(self, num_qubits: int, layers: Sequence[Layer], global_phase: Angle, num_slots: int) -> None:
        self.num_qubits, self.num_slots = num_qubits, num_slots
        self._size = 1 << num_qubits
        self._layers = list(layers)
        angles = self._place()
        entries = [(i, slot, weight) for i, angle in enumerate(angles) for slot, weight in angle.weights.items() if weight]
        self._rows = np.array([row for row, *_ in entries], dtype=np.intp)
        self._columns = np.array([slot for _, slot, _ in entries], dtype=np.intp)
        self._data = np.array([weight for *_, weight in entries], dtype=np.float64)
        self._constants = np.array([angle.constant for angle in angles])
        self._fixed = [
            None if np.any((self._rows >= family.first) & (self._rows < family.last)) else family.bind(self._constants)
            for family in self._phases
        ]
        self._global_phase = global_phase
        self._directions = [self._directions_of(position) for position in range(len(self._layers))]
        trainable = [i for i, (slots, _) in enumerate(self._directions) if len(slots)]
        self._stop = trainable[0] if trainable else len(self._layers)
        self._kept_at = [
            i - 1 if i and isinstance(layer, Phases) and isinstance(self._layers[i - 1], Rotations) else i
            for i, layer in enumerate(self._layers)
        ]

    def _place(self) -> list[Angle]:
        families: dict[tuple[int, ...], list[int]] = {}
        turns: list[tuple[int, tuple[int, ...]]] = []
        self._relabellings: dict[int, BoundRelabelling] = {}
        bound: dict[Relabelling, BoundRelabelling] = {}
        for position, layer in enumerate(self._layers):
            if isinstance(layer, Phases):
                families.setdefault(tuple(layer.angles), []).append(position)
            elif isinstance(layer, Rotations):
                turns.append((position, tuple(layer.angles)))
            else:
                if layer not in bound:
                    bound[layer] = BoundRelabelling(layer)
                self._relabellings[position] = bound[layer]
        angles: list[Angle] = []
        self._ranges: dict[int, slice] = {}
        self._phases: list[PhaseFamily] = []
        for masks, positions in families.items():
            self._phases.append(PhaseFamily(self.num_qubits, masks, positions, len(angles)))
            for position in positions:
                angles += self._claim(position, len(angles))
        self._rotations = RotationFamily(self.num_qubits, turns, len(angles))
        for position, _ in turns:
            angles += self._claim(position, len(angles))
        return angles

    def _claim(self, position: int, first: int) -> list[Angle]:
        layer = self._layers[position]
        assert not isinstance(layer, Relabelling)
        self._ranges[position] = slice(first, first + len(layer.angles))
        return list(layer.angles.values())

    def _directions_of(self, position: int) -> tuple[NDArray[np.intp], Real]:
        if position not in self._ranges:
            return np.empty(0, dtype=np.intp), np.empty((0, 0))
        inside = self._ranges[position]
        rows = (self._rows >= inside.start) & (self._rows < inside.stop)
        slots, columns = np.unique(self._columns[rows], return_inverse=True)
        directions = np.zeros((len(slots), inside.stop - inside.start))
        directions[columns, self._rows[rows] - inside.start] = self._data[rows]
        return slots, directions

    def _coefficients(self, slots: Real) -> Real:
        return np.bincount(self._rows, self._data * slots[self._columns], len(self._constants)) + self._constants

    def _bind(self, slots: Real) -> list[BoundLayer]:
        coefficients = self._coefficients(slots)
        phases = (bound or family.bind(coefficients) for family, bound in zip(self._phases, self._fixed, strict=True))
        return self._arranged(coefficients, phases)

    def _arranged(self, coefficients: Real, phases: Iterable[Sequence[BoundPhases]]) -> list[BoundLayer]:
        layers: list[BoundLayer] = [None] * len(self._layers)  # type: ignore[list-item]
        for family, bound in zip(self._phases, phases, strict=True):
            for position, layer in zip(family.positions, bound, strict=True):
                layers[position] = layer
        for position, turn in zip(self._rotations.positions, self._rotations.bind(coefficients), strict=True):
            layers[position] = turn
        for position, move in self._relabellings.items():
            layers[position] = move
        return layers

    def _forward(self, layers: Sequence[BoundLayer], room: _Workspace) -> Complex:
        states, spare = room.first, room.second
        start = self._begin(layers, states)
        for layer in layers[start:]:
            states, spare = layer.apply(states, spare)
        room.first, room.second = states, spare
        return states.array[0]

    @staticmethod
    def _begin(layers: Sequence[BoundLayer], states: States) -> int:
        """Write the initial state; return the number of layers already applied to it: 1 if the first is of rotations, else 0."""
        if layers and isinstance(layers[0], BoundRotations):
            layers[0].prepare(states.array[0])
            return 1
        states.array[:] = 0.0
        states.array[0, 0] = 1.0
        return 0

    def _forward_kept(self, layers: Sequence[BoundLayer], room: _Workspace) -> Complex:
        """Sweep forward, keep some of the states in ``room.states``, and return the final state.

        It keeps the states after each rotation layer, and before each phase layer that does not follow a rotation layer.
        """
        room.states = [States.empty(1, self._size) for _ in layers]
        kept, spares = room.states, (room.first, room.second)
        states = kept[0] if layers and isinstance(layers[0], BoundRotations) else spares[0]
        start = self._begin(layers, states)
        for position in range(start, len(layers)):
            layer, other = layers[position], spares[states is spares[0]]
            if isinstance(layer, BoundRotations):
                layer.write(states, spares, kept[position])
                states = kept[position]
                continue
            if isinstance(layer, BoundPhases):
                if self._kept_at[position] == position:
                    np.copyto(kept[position].array, states.array)
                layer.write(states, other)
            else:
                layer.apply(states, other)
            states = other
        return states.array[0]

    def state(self, slots: Real) -> Complex:
        """Return the state, shape (2**n,)."""
        return self._forward(self._bind(slots), _Workspace(self._size)) * self._phase_factor(slots)

    def states(self, slots: Real) -> Complex:
        """Return the states for many rows of slots (R, slots), computed together, shape (R, 2**n); meant for few qubits."""
        depth = sum(len(family.positions) for family in self._phases)
        most = max(1, _ROWS_BYTES // (16 * self._size * (depth + 2)))
        parts = [self._states(slots[first : first + most]) for first in range(0, len(slots), most)]
        return np.concatenate(parts) if parts else np.empty((0, self._size), dtype=np.complex128)

    def _states(self, slots: Real) -> Complex:
        coefficients = np.array([self._coefficients(row) for row in slots])
        phases = (bound or family.bind_rows(coefficients) for family, bound in zip(self._phases, self._fixed, strict=True))
        states, spare = States.empty(len(slots), self._size), States.empty(len(slots), self._size)
        states.array[:] = 0.0
        states.array[:, 0] = [self._phase_factor(row) for row in slots]
        for layer in self._arranged(coefficients, phases):
            states, spare = layer.apply(states, spare)
        return states.array

    def _phase_factor(self, slots: Real) -> complex:
        phase = self._global_phase.constant + sum(w * slots[slot] for slot, w in self._global_phase.weights.items())
        return complex(np.exp(1j * phase))

    def energy_and_gradient(self, slots: Real, op: Operator) -> tuple[float, Real]:
        """Return the expectation value of an operator and its gradient (slots,), by one backward sweep."""
        layers = self._bind(slots)
        keep = len(layers) * self._size * 16 <= _KEPT_BYTES
        room = _Workspace(self._size)
        state = self._forward_kept(layers, room) if keep else self._forward(layers, room)
        room.left.array[0] = op.apply(state)
        energy = float(np.vdot(state, room.left.array[0]).real)
        return energy, self._backward(layers, room.left, room.spare, room, keep=keep)[0]

    def _backward(self, layers: Sequence[BoundLayer], left: States, spare: States, room: _Workspace, *, keep: bool) -> Real:
        overlaps: dict[int, Any] = {}
        right, other = room.first, room.second
        for position in range(len(layers) - 1, self._stop - 1, -1):
            layer = layers[position]
            turn = isinstance(layer, BoundRotations)
            if not turn:
                left, spare = layer.undo(left, spare)
                if not keep:
                    right, other = layer.undo(right, other)
            if not isinstance(layer, BoundRelabelling) and len(self._directions[position][0]):
                overlaps[position] = layer.overlaps(left, room.states[self._kept_at[position]] if keep else right)
            if turn and position > self._stop:
                left, spare = layer.undo(left, spare)
                if not keep:
                    right, other = layer.undo(right, other)
        if not keep:
            room.first, room.second = right, other
        return self._slopes(overlaps, len(left))

    def _slopes(self, overlaps: Mapping[int, Any], batch: int) -> Real:
        slopes = np.zeros((batch, len(self._constants) + 1))
        for family in self._phases:
            family.slopes(overlaps, slopes)
        self._rotations.slopes(overlaps, slopes)
        parts = self._data * slopes[:, self._rows]
        return np.array([np.bincount(self._columns, part, self.num_slots) for part in parts])

    def tangents(self, slots: Real) -> tuple[Complex, Complex]:
        """Return the state (2**n,) and its derivatives with respect to the slots, shape (slots, 2**n)."""
        layers = self._bind(slots)
        state, tangents = self._tangents(layers, np.arange(self.num_slots, dtype=np.intp))
        for slot, weight in self._global_phase.weights.items():
            tangents[slot] += 1j * weight * state
        factor = self._phase_factor(slots)
        return state * factor, tangents * factor

    def _tangents(self, layers: Sequence[BoundLayer], selected: NDArray[np.intp]) -> tuple[Complex, Complex]:
        states, spare = States.empty(1 + len(selected), self._size), States.empty(1 + len(selected), self._size)
        states.array[:] = 0.0
        states.array[0, 0] = 1.0
        for position, layer in enumerate(layers):
            states, spare = layer.apply(states, spare)
            self._differentiate(layer, position, selected, 1.0, states.array[0], states.array[1:])
        return states.array[0], states.array[1:]

    def _differentiate(
        self, layer: BoundLayer, position: int, selected: NDArray[np.intp], sign: float, state: Complex, out: Complex
    ) -> None:
        slots, directions = self._directions[position]
        rows, inside = _common(selected, slots)
        if len(rows) == 0 or isinstance(layer, BoundRelabelling):
            return
        if len(rows) == rows[-1] - rows[0] + 1:
            layer.differentiate(state, sign * directions[inside], out[rows[0] : rows[-1] + 1])
        else:
            part = out[rows]
            layer.differentiate(state, sign * directions[inside], part)
            out[rows] = part

    def hessian(self, slots: Real, op: Operator) -> Real:
        """Return the second derivatives of the expectation value of an operator, shape (slots, slots)."""
        layers = self._bind(slots)
        hessian = np.empty((self.num_slots, self.num_slots))
        batch = max(1, _BATCH_BYTES // (64 * self._size))
        for start in range(0, self.num_slots, batch):
            selected = np.arange(start, min(start + batch, self.num_slots), dtype=np.intp)
            hessian[selected] = self._hessian_rows(layers, selected, op)
        return (hessian + hessian.T) / 2

    def _hessian_rows(self, layers: Sequence[BoundLayer], selected: NDArray[np.intp], op: Operator) -> Real:
        count = len(selected)
        right, right_dot = self._tangents(layers, selected)
        states, spare = States.empty(2 + 2 * count, self._size), States.empty(2 + 2 * count, self._size)
        states.array[0], states.array[1 : 1 + count] = right, right_dot
        for row in range(1 + count):
            states.array[1 + count + row] = op.apply(states.array[row])
        overlaps: dict[int, Any] = {}
        for position in range(len(layers) - 1, self._stop - 1, -1):
            layer = layers[position]
            states, spare = layer.undo(states, spare)
            ket, kets, bra, bras = (States(part) for part in np.split(states.array, [1, 1 + count, 2 + count]))
            self._differentiate(layer, position, selected, -1.0, ket.array[0], kets.array)
            self._differentiate(layer, position, selected, -1.0, bra.array[0], bras.array)
            if len(self._directions[position][0]) == 0:
                continue
            if isinstance(layer, BoundRotations):
                pairs = zip(layer.overlaps(bras, ket), layer.overlaps(bra, kets), strict=True)
                overlaps[position] = [one + two for one, two in pairs]
            elif isinstance(layer, BoundPhases):
                overlaps[position] = layer.overlaps(bras, ket) + layer.overlaps(bra, kets)
        return self._slopes(overlaps, count)


def _common(selected: NDArray[np.intp], slots: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    _, rows, inside = np.intersect1d(selected, slots, assume_unique=True, return_indices=True)
    return rows, inside


class _Workspace:
    """The arrays of a forward and a backward sweep."""

    def __init__(self, size: int) -> None:
        self.first, self.second, self.left, self.spare = (States.empty(1, size) for _ in range(4))
        self.states: list[States] = []
