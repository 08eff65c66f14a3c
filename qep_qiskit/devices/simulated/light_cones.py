"""Exact joint distributions of a few qubits of noisy circuits of any size, from causal cones."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.programs import matrices_of, program_of
from qep_qiskit.local_samples import LocalSamples, Marginals, Support
from qep_qiskit.samples import Samples
from qep_qiskit.simulation.cones.causal import covering
from qep_qiskit.simulation.cones.noisy import NoisyMarginals

NAME = "qep-qiskit (light cones)"
MOST_DENSE = 14
"""Up to this many wires, Aer's density matrix (4.3 GB) is used if a light cone is too large."""


def distributions(item: Work, model: NoiseModel, cache: Cache) -> list[Samples]:
    """Return the exact distribution of every row, including readout errors, as joint distributions of a few qubits.

    Raises
    ------
    Unsuited
        If a cone of the item's supports is too large, or if the circuit or its noise cannot be treated exactly.
    """
    compiled = item.compiled

    def make() -> NoisyMarginals:
        change = functools.partial(basis_change, gates=compiled.gates)
        return NoisyMarginals(compiled.circuit, matrices_of(model, cache), wires=compiled.wires, basis_change=change)

    cones = program_of("light cones", compiled, model, cache, make)

    def wires(support: Support) -> frozenset[int]:
        return frozenset(cones.wires[q] for q in support)

    cones.check(covering([wires(support) for support in item.supports or ()]))
    marginals = Marginals(
        functools.partial(cones.probabilities, item.values, item.axes),
        lambda support: cones.fits(wires(support)),
        lambda one, two: cones.apart(wires(one), wires(two)),
        NAME,
    )
    whole = LocalSamples(
        shots=None, num_qubits=len(item.axes), marginals=marginals, rows=np.zeros(1, dtype=int), supports=item.supports or ()
    )
    return [replace(whole, rows=np.array([row])) for row in range(len(item.values))]
