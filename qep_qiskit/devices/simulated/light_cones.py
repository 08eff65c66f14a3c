"""Joint distributions of a few qubits of noisy circuits of any size, from causal cones: exact, or with cones cut to balls."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.programs import matrices_of, program_of
from qep_qiskit.local_samples import Approximation, LocalSamples, Marginals, Support
from qep_qiskit.samples import Samples
from qep_qiskit.simulation.cones.causal import covering
from qep_qiskit.simulation.cones.noisy import NoisyMarginals

NAME = "qep-qiskit (light cones)"
CUT = "qep-qiskit (light cones, some cut to balls)"
MOST_DENSE = 14
"""Up to this many wires, Aer's density matrix (4.3 GB) is used if a light cone is too large."""


def distributions(item: Work, model: NoiseModel, cache: Cache) -> list[Samples]:
    """Return the distribution of every row, including readout errors, as joint distributions of a few qubits.

    It is exact for up to 14 wires. Beyond that, cones that do not fit are cut to balls, and `LocalSamples.coarse` has the
    distributions from smaller balls, by which the error is estimated.

    Raises
    ------
    Unsuited
        If a cone of the item's supports is too large and cannot be cut, or if its gates or its noise cannot be simulated.
    """
    compiled = item.compiled

    def make() -> NoisyMarginals:
        change = functools.partial(basis_change, gates=compiled.gates)
        balls = compiled.circuit.num_qubits > MOST_DENSE
        matrices = matrices_of(model, cache)
        return NoisyMarginals(compiled.circuit, matrices, wires=compiled.wires, basis_change=change, balls=balls)

    cones = program_of("light cones", compiled, model, cache, make)

    def wires(support: Support) -> frozenset[int]:
        return frozenset(cones.wires[q] for q in support)

    def fits(support: Support) -> bool:
        return cones.fits(wires(support)) or cones.ball(wires(support)) is not None

    def marginals(approximation: Approximation | None, *, coarse: bool = False) -> Marginals:
        return Marginals(
            functools.partial(cones.probabilities, item.values, item.axes, coarse=coarse),
            fits,
            lambda one, two: cones.apart(wires(one), wires(two)),
            NAME if approximation is None else CUT,
            approximation,
        )

    sources = covering([wires(support) for support in item.supports or ()])
    balls = cones.cut(sources)
    approximation = None
    if balls:
        cut = sum(source in balls for source in sources)
        approximation = Approximation(
            marginals(None, coarse=True), cut, len(sources), min(ball.radius for ball in balls.values())
        )
    whole = LocalSamples(
        shots=None,
        num_qubits=len(item.axes),
        marginals=marginals(approximation),
        rows=np.zeros(1, dtype=int),
        supports=item.supports or (),
    )
    return [replace(whole, rows=np.array([row])) for row in range(len(item.values))]
