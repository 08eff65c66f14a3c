"""The error of keeping a few levels of each oscillator, measured against the closed form."""

from __future__ import annotations

from qep_qiskit.networks.quadratic.encoded import EncodedNetwork
from qep_qiskit.problem import Problem


def truncation(problem: Problem, energy: float | None) -> dict[str, object]:
    """Return ``{"truncation": …}`` for a network of oscillators on qubits, and nothing for any other.

    Parameters
    ----------
    problem : Problem
    energy : float or None
        Of the free phase as it was prepared.

    Returns
    -------
    dict
        `levels`, `encoding`, `frequencies` and `displacements` of the reference oscillators; `leakage`, the probability that the
        true ground state has outside the levels of each site; `energy_error`, the prepared energy above the true one: the
        truncation's and the preparation's.
    """
    network = problem.network
    if not isinstance(network, EncodedNetwork):
        return {}
    state, details = network.truncation(problem.weights, problem.x)
    return {"truncation": {**details, "energy_error": None if energy is None else energy - state.energy}}
