"""Circuits without noise: one state per row of values, whatever the number of bases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Work, distinct_rows
from qep_qiskit.devices.simulated.noisy_program import Unsuited
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.program import CircuitProgram

FAST_QUBITS = 12
"""Up to here it is not slower than Aer even for one row of values and with nothing kept: both compile first."""
MOST_QUBITS = 24
"""A state of 24 qubits takes 0.27 GB, as much again while a gate acts."""
GATES = ["rx", "ry", "rz", "rzz", "rxx", "ryy", "h", "x", "sx", "sxdg", "s", "sdg", "cx", "cz"]
_TOGETHER = 1 << 22
"""How many amplitudes are kept at once: 64 MB."""


def program_of(compiled: Compiled, cache: Cache) -> CircuitProgram:
    """Return the program of a compiled circuit.

    Raises
    ------
    Unsuited
        If it is too large or not unitary.
    """
    circuit = compiled.circuit
    if circuit.num_qubits > MOST_QUBITS:
        raise Unsuited(f"{circuit.num_qubits} qubits (at most {MOST_QUBITS})")

    def make() -> CircuitProgram | str:
        if circuit.num_clbits:
            return "a circuit with classical bits"
        try:
            return CircuitProgram.from_circuit(circuit)
        except InputError as error:
            return f"this circuit ({error})"

    program = cache.kept(("program", id(circuit)), make, anchor=circuit)
    if isinstance(program, str):
        raise Unsuited(program)
    return program


def distributions(work: Sequence[Work], programs: Sequence[CircuitProgram]) -> list[NDArray[np.float64]]:
    """Return the probabilities of every item's rows; each distinct row of a program is worked out once for all its bases."""
    members: dict[int, list[int]] = {}
    for number, program in enumerate(programs):
        members.setdefault(id(program), []).append(number)
    found: dict[int, NDArray[np.float64]] = {}
    for numbers in members.values():
        values, places = distinct_rows([work[i] for i in numbers])
        for i in numbers:
            found[i] = np.empty((len(work[i].values), 2 ** len(work[i].axes)))
        together = max(1, _TOGETHER >> programs[numbers[0]].num_qubits)
        for low in range(0, len(values), together):
            states = programs[numbers[0]].states(values[low : low + together])
            for i, place in zip(numbers, places, strict=True):
                here = np.flatnonzero((place >= low) & (place < low + together))
                if len(here):
                    found[i][here] = np.abs(rotated(states[place[here] - low], work[i].axes)) ** 2
    return [found[number] for number in range(len(work))]
