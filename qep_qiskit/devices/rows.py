"""Small circuits without noise: one state a row of values, whatever the number of bases."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
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
    states: dict[tuple[int, bytes], NDArray[np.complex128]] = {}
    results = []
    for number, item in enumerate(work):
        make = functools.partial(CircuitProgram.from_circuit, item.compiled.circuit)
        program: CircuitProgram = cache.kept(("program", id(item.compiled)), make, anchor=item.compiled)
        found = []
        for row, values in enumerate(item.values):
            key = id(item.compiled), values.tobytes()
            if key not in states:
                states[key] = program.state(values)
            chances = np.abs(rotated(states[key][None], item.axes)[0]) ** 2
            found.append(draw(chances, len(item.axes), shots, stream(seed, "rows", number, row)))
        results.append(found)
    return results
