"""Distance of an ansatz's states from eigenstates near the outputs, for networks on light cones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.preparation.compiled_ansatz import Compiled
from qep_qiskit.preparation.family import Family
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.cones.variance import share_of_variance

NEAR = 2
"""The number of couplings between the outputs and the terms of H that count as near: a response dies with distance."""
MOST_TRUE_QUBITS = 14
"""Up to this number of qubits the gradient's own diagnostics compare the state with the true ground state."""
LARGEST = 2.5e-4
"""The share of the energy variance above which there is a warning. Random paramagnets of 100 and 127 sites below it had gradients
within 5 % of the ground state's; another local minimum of a glass, which is nearly an eigenstate too, is not seen."""


def shortfall(family: Family, compiled: Compiled, theta: NDArray[np.float64]) -> float | None:
    """Return the energy variance of the free phase near the outputs as a share of Σ c².

    It is None where the true ground state is computed, where state vectors are, and if it takes too large cones.
    """
    if family.num_qubits <= MOST_TRUE_QUBITS or not isinstance(compiled.evaluator, LightCones):
        return None
    paulis, free = family.frame.paulis, family.free
    acts = paulis.x | paulis.z
    rows = family.observed if family.observed is not None and len(family.observed) else family.nudge[None]
    sites = acts[np.any(rows != 0.0, axis=0)].any(axis=0)
    used = acts[free != 0.0]
    for _ in range(NEAR):
        sites = sites | used[(used & sites).any(axis=1)].any(axis=0)
    near = (acts & sites).any(axis=1)
    if not np.any(free[near]):
        return None
    try:
        return share_of_variance(compiled.circuit, paulis, theta, free, near)
    except InputError:
        return None


def shortfall_warnings(share: float | None) -> list[str]:
    """Return a warning if the state is far from an eigenstate."""
    if share is None or share <= LARGEST:
        return []
    return [
        f"the state at β = 0 is not an eigenstate near the outputs: an energy variance of {share:.1e} of Σ c² there, and random "
        f"paramagnets with less than {LARGEST:.1e} had gradients within 5 % of the ground state's; this gradient is of the "
        "ansatz's own loss: compare it with one more layer, or with preparation.method = 'mps'"
    ]
