"""Exact expectations of noisy circuits of any size, from the causal cones of the strings."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.exact_engine import matrices_of
from qep_qiskit.simulation.cones.noisy import NoisyCones
from qep_qiskit.simulation.noise.aer_model import state_of

NAME = "qep-qiskit (light cones)"


def expectations(
    compiled: Compiled, model: NoiseModel | None, cache: Cache, values: NDArray[np.float64], labels: Sequence[str]
) -> NDArray[np.float64]:
    """Return the expectations of labelled strings, including readout errors, shape (B, L).

    Raises
    ------
    Unsuited
        If a cone is too large, or if the circuit or its noise cannot be treated exactly.
    """
    noise = NoiseModel() if model is None else model

    def make() -> NoisyCones:
        change = functools.partial(basis_change, gates=compiled.gates)
        paulis, matrices = PauliList(list(labels)), matrices_of(noise, cache)
        return NoisyCones(compiled.circuit, matrices, paulis, wires=compiled.wires, basis_change=change)

    state = None if model is None else state_of(model)
    cones: NoisyCones = cache.kept(("light cones", compiled.digest, state, tuple(labels)), make, anchor=model)
    return cones.expectations(values)
