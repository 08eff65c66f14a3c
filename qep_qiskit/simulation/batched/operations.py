"""The fixed steps of a template as operations on arrays of states of shape (2**m, B), the columns last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.bound_layers import BoundRelabelling
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling
from qep_qiskit.simulation.adjoint.rotations import partition
from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.batched.steps import Hadamards, Step
from qep_qiskit.simulation.products import product_of

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments."""

_CALL, _SMALL_PRODUCT = 0.7, 0.12
"""The duration of a matrix product, and of each further product in a stack, in microseconds."""
_RATE = (13e3, 26e3, 33e3, 42e3, 48e3)
"""Operations per microsecond in products with the matrix of 1 to 5 qubits, on one core with OpenBLAS."""
_WIDEST_FROM_THE_RIGHT = 64


class Operation(Protocol):
    """A fixed unitary that is applied to every column.

    All methods read ``states`` and write to one of two spare arrays, which may include ``states``; they return that array.
    """

    def apply(self, states: States, spares: Sequence[States]) -> States:
        """Apply the operation."""

    def undo(self, states: States, spares: Sequence[States]) -> States:
        """Apply the inverse to states whose complex conjugates are given."""

    def recorded(self, states: States, spares: Sequence[States], *, undo: bool) -> tuple[list[Call], States]:
        """Return the calls of `apply` or `undo` for these arrays, and the array that they write to."""


def operation(num_qubits: int, step: Step) -> Operation:
    """Return the operation of a step whose angles are all fixed."""
    if isinstance(step, Hadamards):
        return Turn(num_qubits, step.qubits)
    return Move(step) if isinstance(step, Relabelling) else FixedPhases(num_qubits, step)


def signs_of(num_qubits: int, masks: Sequence[int]) -> Real:
    """Return ``(-1)**parity(i & mask)``, shape (2**m, masks)."""
    index = np.arange(1 << num_qubits)[:, None] & np.array(masks, dtype=np.int64).reshape(1, -1)
    return np.asarray(1.0 - 2.0 * (np.bitwise_count(index) & 1))


class _Product(NamedTuple):
    """A product of a real matrix, from the right or the left, with the states viewed as a real array of some shape."""

    multiply: Callable[..., Any]
    matrix: Real
    shape: tuple[int, ...]
    from_the_right: bool


class Turn:
    """Hadamards on a set of qubits: real matrix products for a few neighbouring qubits at a time."""

    def __init__(self, num_qubits: int, qubits: int) -> None:
        self._num_qubits, self._qubits = num_qubits, qubits
        self._plans: dict[int, list[_Product]] = {}

    def apply(self, states: States, spares: Sequence[States]) -> States:
        columns = states.array.shape[1]
        plan = self._plans.get(columns) or self._planned(columns)
        for multiply, matrix, shape, from_the_right in plan:
            target = spares[states is spares[0]]
            if from_the_right:
                multiply(states.reals(shape), matrix, out=target.reals(shape))
            else:
                multiply(matrix, states.reals(shape), out=target.reals(shape))
            states = target
        return states

    undo = apply

    def recorded(self, states: States, spares: Sequence[States], *, undo: bool) -> tuple[list[Call], States]:
        columns, calls = states.array.shape[1], list[Call]()
        for multiply, matrix, shape, from_the_right in self._plans.get(columns) or self._planned(columns):
            target = spares[states is spares[0]]
            pair = (states.reals(shape), matrix) if from_the_right else (matrix, states.reals(shape))
            calls.append((multiply, (*pair, target.reals(shape))))
            states = target
        return calls, states

    def _planned(self, columns: int) -> list[_Product]:
        m = self._num_qubits
        turned = [qubit for qubit in range(m) if self._qubits >> qubit & 1]
        products, multiply = [], product_of(2 * columns << m)
        for low, width in partition(m, turned, partial(_duration, columns)):
            matrix = _matrix(self._qubits >> low & (1 << width) - 1, width)
            rows, inner = 1 << (m - low - width), 2 * columns << low
            if _from_the_right(columns, m, low, width) < _from_the_left(columns, m, low, width):
                products.append(
                    _Product(multiply, np.kron(matrix, np.eye(inner)).astype(np.float64), (rows, inner << width), True)
                )
            elif rows == 1:
                products.append(_Product(multiply, matrix, (1 << width, inner), False))
            else:
                products.append(_Product(np.matmul, matrix, (rows, 1 << width, inner), False))
        self._plans[columns] = products
        return products


def _duration(columns: int, num_qubits: int, low: int, width: int) -> float:
    return min(_from_the_left(columns, num_qubits, low, width), _from_the_right(columns, num_qubits, low, width))


def _from_the_left(columns: int, num_qubits: int, low: int, width: int) -> float:
    stacked = 1 << (num_qubits - low - width)
    return _CALL + _SMALL_PRODUCT * stacked + (4.0 * columns * 2.0 ** (num_qubits + width)) / _RATE[width - 1]


def _from_the_right(columns: int, num_qubits: int, low: int, width: int) -> float:
    size = 2 * columns << (low + width)
    return np.inf if size > _WIDEST_FROM_THE_RIGHT else _CALL + (4.0 * columns * size * 2.0**num_qubits) / _RATE[-2]


@cache
def _matrix(qubits: int, width: int) -> Real:
    """Return the matrix of Hadamards on some of ``width`` qubits."""
    index = np.arange(1 << width)
    row, column = index[:, None], index[None, :]
    signs = 1.0 - 2.0 * (np.bitwise_count(row & column & qubits) & 1)
    return np.asarray(signs * ((row ^ column) & ~qubits == 0) * 2.0 ** (-0.5 * qubits.bit_count()))


class Move:
    """A permutation of amplitudes."""

    def __init__(self, step: Relabelling) -> None:
        bound = BoundRelabelling(step)
        self._source, self._target = bound.source, bound.target

    def apply(self, states: States, spares: Sequence[States]) -> States:
        return self._take(self._source, states, spares)

    def undo(self, states: States, spares: Sequence[States]) -> States:
        return self._take(self._target, states, spares)

    def recorded(self, states: States, spares: Sequence[States], *, undo: bool) -> tuple[list[Call], States]:
        index = self._target if undo else self._source
        return [(self._take, (index, states, spares))], spares[states is spares[0]]

    @staticmethod
    def _take(index: NDArray[np.intp], states: States, spares: Sequence[States]) -> States:
        target = spares[states is spares[0]]
        np.take(states.array, index, axis=0, out=target.array, mode="clip")
        return target


class FixedPhases:
    """A layer of phases with fixed angles."""

    def __init__(self, num_qubits: int, step: Phases) -> None:
        angles = np.array([angle.constant for angle in step.angles.values()])
        self._factors = np.exp(-1j * (signs_of(num_qubits, list(step.angles)) @ angles))[:, None]

    def apply(self, states: States, spares: Sequence[States]) -> States:
        target = spares[states is spares[0]]
        np.multiply(states.array, self._factors, out=target.array)
        return target

    undo = apply

    def recorded(self, states: States, spares: Sequence[States], *, undo: bool) -> tuple[list[Call], States]:
        target = spares[states is spares[0]]
        return [(np.multiply, (states.array, self._factors, target.array))], target
