"""Large batches of small circuits without noise: one state a row of values, whatever the number of bases."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.measurement.samples import Samples, draw
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.circuits import CircuitProgram

MANY_ROWS = 16
"""A batch, not a single call: those stay on Aer, although six rows of 20 Trotter steps would gain, too (30 ms for 62)."""
MOST_QUBITS = 12


def worth_it(work: Sequence[Work]) -> bool:
    """Whether every circuit has enough rows of values, on few enough qubits."""
    rows: dict[int, int] = {}
    for item in work:
        rows[id(item.compiled)] = rows.get(id(item.compiled), 0) + len(item.values)
    return min(rows.values(), default=0) >= MANY_ROWS and all(len(item.axes) <= MOST_QUBITS for item in work)


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
