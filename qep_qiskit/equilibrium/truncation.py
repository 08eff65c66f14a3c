"""The error due to keeping a few levels of each oscillator, relative to the closed form."""

from __future__ import annotations

from qep_qiskit.networks.quadratic.encoded import EncodedNetwork
from qep_qiskit.problem import Problem


def truncation(problem: Problem, energy: float | None) -> dict[str, object]:
    """Return ``{"truncation": …}`` for a network of oscillators on qubits, and an empty dict for any other network.

    Parameters
    ----------
    problem : Problem
    energy : float or None
        The energy of the prepared free phase.

    Returns
    -------
    dict
        `levels`, `encoding`, `frequencies` and `displacements` of the reference oscillators; `leakage`, the probability of the
        true ground state outside the kept levels, for each site; and `energy_error`, the prepared energy minus the true one, due
        to both truncation and preparation.
    """
    network = problem.network
    if not isinstance(network, EncodedNetwork):
        return {}
    state, details = network.truncation(problem.weights, problem.x)
    return {"truncation": {**details, "energy_error": None if energy is None else energy - state.energy}}
