"""The package's own simulation of circuits: exact states, each computed once for all bases and any number of shots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.simulated import noiseless_rows as rows
from qep_qiskit.devices.simulated import noisy_program as noisy
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.seeds import stream

NAME = "qep-qiskit"


def fast_wires(noise_free: bool) -> int:
    """Return up to how many wires it is faster than Aer for any number of shots."""
    return rows.FAST_QUBITS if noise_free else noisy.FAST_WIRES


def suits(compiled: Compiled, model: NoiseModel | None, cache: Cache) -> bool:
    """Return whether the simulation of a circuit is faster than Aer's.

    Raises
    ------
    Unsuited
        If it cannot treat the circuit or its noise exactly.
    """
    if model is None:
        rows.program_of(compiled, cache)
    else:
        noisy.program_of(compiled, model, cache)
    return compiled.circuit.num_qubits <= fast_wires(model is None)


def run(
    work: Sequence[Work], models: Sequence[NoiseModel | None], cache: Cache, *, shots: int | None, seed: int
) -> list[list[Samples]]:
    """Return samples of every row of every item, or their exact distributions where shots is None.

    Raises
    ------
    Unsuited
        If a circuit or its noise cannot be treated exactly.
    """
    found: dict[int, NDArray[np.float64]] = {}
    for noise_free in (True, False):
        members = [i for i, model in enumerate(models) if (model is None) == noise_free]
        items = [work[i] for i in members]
        if noise_free:
            chances = rows.distributions(items, [rows.program_of(item.compiled, cache) for item in items])
        else:
            programs = [noisy.program_of(work[i].compiled, model, cache) for i in members if (model := models[i]) is not None]
            chances = noisy.distributions(items, programs)
        found.update(zip(members, chances, strict=True))
    results = []
    for number, item in enumerate(work):
        size, purpose = len(item.axes), "rows" if models[number] is None else "noisy rows"
        if shots is None:
            results.append([from_probabilities(p, size) for p in found[number]])
        else:
            results.append([draw(p, size, shots, stream(seed, purpose, number, row)) for row, p in enumerate(found[number])])
    return results
