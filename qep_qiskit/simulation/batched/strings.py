"""Pauli strings of a template, each moved to a point of the circuit at which it is diagonal, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling
from qep_qiskit.simulation.batched.steps import Hadamards, Step, combined, pulled_back

_FEW = 2
"""Up to this many strings of X alone are read by moving amplitudes; more are read after Hadamards."""


@dataclass(frozen=True)
class String:
    """A Pauli string ``factor X^x Z^z``, with its position in the list of strings."""

    index: int
    x: int
    z: int
    factor: complex

    def before(self, step: Step) -> String:
        """Return the string before a step (Hadamards or a relabelling) that has the same expectation as this one after it."""
        if isinstance(step, Hadamards):
            swapped = step.qubits
            x, z = self.x & ~swapped | self.z & swapped, self.z & ~swapped | self.x & swapped
            return String(self.index, x, z, self.factor * (-1.0) ** (self.x & self.z & swapped).bit_count())
        assert isinstance(step, Relabelling)
        z, sign = pulled_back(step, self.z)
        return String(self.index, combined(step.columns, self.x), z, sign * self.factor)


def strings_of(paulis: PauliList) -> list[String]:
    """Return the strings of a list. Raise InputError if one is not Hermitian."""
    if np.any(paulis.phase % 2):
        raise InputError("a Pauli string with an imaginary phase is not Hermitian; use phases +1 and -1 only")
    strings = []
    for index, (x, z, phase) in enumerate(zip(paulis.x, paulis.z, paulis.phase, strict=True)):
        factor = 1j ** int((np.count_nonzero(x & z) - phase) % 4)  # Y is i X Z
        strings.append(String(index, _mask(x), _mask(z), factor))
    return strings


def _mask(bits: NDArray[np.bool_]) -> int:
    return sum(1 << int(qubit) for qubit in np.flatnonzero(bits))


def placed(steps: Sequence[Step], strings: Sequence[String]) -> tuple[list[Step], dict[int, list[String]]]:
    """Return the steps that the expectations depend on, and the strings to read after each number of steps.

    A final relabelling changes the strings instead of the state. Final phases do not change diagonal strings. A string that is
    diagonal before the last Hadamards is read there. Hadamards are appended if they make many of the others diagonal.
    """
    left, strings = list(steps), list(strings)
    while left and not (isinstance(left[-1], Phases) and any(string.x for string in strings)):
        last = left[-1]
        if isinstance(last, Hadamards):
            earlier = [string.before(last) for string in strings]
            if any(new.x and not string.x for string, new in zip(strings, earlier, strict=True)):
                break
            strings = earlier
        elif isinstance(last, Relabelling):
            strings = [string.before(last) for string in strings]
        left.pop()
    readings: dict[int, list[String]] = {}
    if left and isinstance(left[-1], Hadamards):
        earlier = [string.before(left[-1]) for string in strings]
        readings[len(left) - 1] = [new for new in earlier if not new.x]
        strings = [string for string, new in zip(strings, earlier, strict=True) if new.x]
    alone = [string for string in strings if string.x and not string.z]
    if len(alone) > _FEW:
        turn = Hadamards(reduce(or_, (string.x for string in alone)))
        readings[len(left) + 1] = [string.before(turn) for string in alone]
        readings[len(left)] = [string for string in strings if not string.x or string.z]
        left.append(turn)
    else:
        readings[len(left)] = strings
    return left, {position: members for position, members in readings.items() if members}
