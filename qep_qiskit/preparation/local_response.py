"""Response of an ansatz's stationary angles to a nudge, computed from local expectations instead of state vectors."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.compiled_ansatz import Compiled
from qep_qiskit.preparation.evaluator import hessians
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.simulation.cones.light_cones import LightCones

Vector = NDArray[np.float64]
OF = "the ansatz, by implicit differentiation"
STEP = 1e-4
"""The largest change of an angle in the finite differences of expectations."""
LONGEST, MOST_ANGLES = 20.0, 4000
"""The estimated seconds and the number of angles above which a Hessian is not computed."""
LEAST_SPREAD = 1e-3
"""The least variance of a string. Strings with a smaller variance hardly show how far a state moves."""
SADDLE = "the free phase is a saddle of the energy and not a minimum, so take more starts or another seed"


def affordable(evaluator: object) -> bool:
    """Return whether the Hessian of an evaluator is computed by light cones."""
    if not isinstance(evaluator, LightCones):
        return False
    angles = evaluator.num_parameters
    return angles <= MOST_ANGLES and 2 * angles * evaluator.sizes.seconds <= LONGEST


def local_response(family: Family, compiled: Compiled, theta: Vector, mu: float) -> Responsive:
    """Return a function for the response of stationary angles, −(∂²E + μ)⁻¹ ∂⟨C⟩, with the regulariser μ of the descent.

    Its `reach` is a lower bound on how far the state moves: the largest |d⟨P⟩/dβ| / √(1 − ⟨P⟩²) of the family's strings. The
    bound is exact for a nudge by one string to which a single excited state responds.
    """
    evaluator = compiled.evaluator

    @functools.cache
    def factor() -> tuple[Any, bool]:
        curvature = hessians(evaluator, theta[None], family.free[None])[0] + mu * np.eye(len(theta))
        try:
            return cho_factor(curvature, lower=True)
        except LinAlgError:
            raise PreparationError(SADDLE) from None

    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        slope = evaluator.energies_and_gradients(theta[None], nudge[None])[1][0]
        moved = -cho_solve(factor(), slope)
        step = STEP / max(float(np.abs(moved).max(initial=0.0)), 1e-300)
        around = theta + step * np.array([moved, -moved, np.zeros_like(moved)])

        def changes(values: NDArray[np.float64]) -> Vector:
            return (values[0] - values[1]) / (2 * step) if np.any(moved) else np.zeros(values.shape[1])

        def changes_of(paulis: PauliList) -> Vector:
            return ours if paulis is family.frame.strings else changes(compiled.expectations(around[:2], paulis))

        values = evaluator.expectations(around)
        ours = changes(values)
        reach = float((np.abs(ours) / np.sqrt(np.maximum(1.0 - values[2] ** 2, LEAST_SPREAD))).max(initial=0.0))
        taken_up = mu * float(np.linalg.norm(moved)) / (float(np.linalg.norm(slope)) or 1.0)
        return Response(reach, changes_of, OF, True, {"slope": float(np.linalg.norm(slope)), "regulariser_share": taken_up})

    return response
