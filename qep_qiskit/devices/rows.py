"""Small circuits without noise: one state a row of values, whatever the number of bases."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work, distinct_rows
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.measurement.samples import Samples, draw
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.circuits import CircuitProgram

NAME = "qep-qiskit"
MOST_QUBITS = 12
GATES = ["rx", "ry", "rz", "rzz", "rxx", "ryy", "h", "x", "sx", "sxdg", "s", "sdg", "cx", "cz"]


def suits(circuit: QuantumCircuit) -> bool:
    """Whether a compiled circuit is small and unitary.

    It is then not slower than Aer even for one row of values and with nothing kept: both compile first.
    """
    return circuit.num_qubits <= MOST_QUBITS and not circuit.num_clbits and set(circuit.count_ops()) <= {*GATES, "barrier"}


def sampled(work: Sequence[Work], cache: Cache, *, shots: int, seed: int) -> list[list[Samples]]:
    """Draw from the exact distribution of every row; bases of the same circuit and values share its state."""
    states = _states(work, cache)
    results = []
    for number, item in enumerate(work):
        chances = np.abs(rotated(states[number], item.axes)) ** 2
        found = [draw(p, len(item.axes), shots, stream(seed, "rows", number, row)) for row, p in enumerate(chances)]
        results.append(found)
    return results


def _states(work: Sequence[Work], cache: Cache) -> list[NDArray[np.complex128]]:
    """Return the states of every item's rows, each distinct one computed once, together with all others of its circuit."""
    members: dict[int, list[int]] = {}
    for number, item in enumerate(work):
        members.setdefault(id(item.compiled), []).append(number)
    found: dict[int, NDArray[np.complex128]] = {}
    for numbers in members.values():
        compiled = work[numbers[0]].compiled
        make = functools.partial(CircuitProgram.from_circuit, compiled.circuit)
        program: CircuitProgram = cache.kept(("program", id(compiled)), make, anchor=compiled)
        values, places = distinct_rows([work[i] for i in numbers])
        states = program.states(values)
        found.update({i: states[place] for i, place in zip(numbers, places, strict=True)})
    return [found[number] for number in range(len(work))]
