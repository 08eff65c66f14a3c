"""Response of an ansatz's stationary angles to a nudge, by implicit differentiation."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.preparation.exact import ground_state_response
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.response import transitions
from qep_qiskit.simulation.threads import single_threaded

Vector = NDArray[np.float64]
MOST_GAP_QUBITS = 14
"""The largest number of qubits for which the true gap is also computed, in a small part of the time of a search."""
FLAT = 1e-9
"""Directions count as redundant, with no effect on the state, if their curvature is below this share of the largest."""
STEP = 1e-4
"""The largest angle of the step with which the state is differentiated."""


def ansatz_response(family: Family, program: CircuitProgram, theta: Vector) -> Responsive:
    """Return a function for the response of stationary angles, −(∂²E)⁺ ∂⟨C⟩."""

    @functools.cache
    def curvatures() -> tuple[Vector, NDArray[np.float64]]:
        with single_threaded(family.num_qubits):
            free = bound(structure_of(family), family, family.betas.index(0.0))
            values, directions = np.linalg.eigh(program.hessian(theta, free))
        curved = np.abs(values) > FLAT * np.abs(values).max()
        return values[curved], directions[:, curved]

    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        values, directions = curvatures()
        with single_threaded(family.num_qubits):
            slope = program.energy_and_gradient(theta, structure_for(family.frame.paulis).bind(nudge))[1]
            moved = -directions @ ((directions.T @ slope) / values)
            state, step = program.state(theta), STEP / max(float(np.abs(moved).max(initial=0.0)), 1e-300)
            ahead, behind = program.state(theta + step * moved), program.state(theta - step * moved)
            delta = (ahead - behind) / (2 * step) if np.any(moved) else np.zeros_like(state)
        turned = delta - np.vdot(state, delta) * state
        return Response(
            _reach(family, nudge) or 2.0 * float(np.linalg.norm(turned)),
            lambda paulis: transitions(structure_for(paulis), state, delta),
            "the ansatz, by implicit differentiation",
            True,
            {
                "curvature_range": [float(values.min()), float(values.max())],
                "slope": float(np.linalg.norm(slope)),
                "flat_share": float(np.linalg.norm(slope - directions @ (directions.T @ slope)) / (np.linalg.norm(slope) or 1.0)),
            },
        )

    return response


def _reach(family: Family, nudge: Vector) -> float | None:
    """Return how far a unit of β moves the true ground state; None if this is not computed.

    The ansatz's own response is not used here: along an almost flat direction it diverges in first order, but at practical β the
    state hardly moves.
    """
    if family.num_qubits > MOST_GAP_QUBITS:
        return None
    try:
        return ground_state_response(family)(nudge).reach
    except (InputError, PreparationError):
        return None
