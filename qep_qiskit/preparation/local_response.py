"""Response of an ansatz's stationary angles to a nudge, computed from local expectations instead of state vectors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.ansatz_response import OF, without_rounding
from qep_qiskit.preparation.compiled_ansatz import Compiled
from qep_qiskit.preparation.evaluator import Evaluator, hessians
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.newton_steps import STEP, step_along
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.simulation.cones.light_cones import LightCones

Vector = NDArray[np.float64]
MIXED_STEP = 1e-3
"""The largest change of an angle in the finite differences of mixed derivatives of expectations."""
LONGEST, MOST_ANGLES = 20.0, 4000
"""The estimated seconds and the number of angles above which a Hessian is not computed."""
LEAST_SPREAD = 1e-3
"""The least variance of a string. Strings with a smaller variance hardly show how far a state moves."""
SADDLE = "the free phase is a saddle of the energy and not a minimum, so take more starts or another seed"


def affordable(evaluator: object) -> bool:
    """Return whether the Hessian of an evaluator is computed by light cones."""
    if not isinstance(evaluator, LightCones):
        return False
    return evaluator.num_parameters <= MOST_ANGLES and 2 * evaluator.partition.size * evaluator.sizes.seconds <= LONGEST


def local_response(
    family: Family,
    compiled: Compiled,
    theta: Vector,
    mu: float,
    centre: Vector,
    softened: Callable[[], Vector] | None = None,
) -> Responsive:
    """Return a function for the response of stationary angles, −(∂²E + μ)⁻¹ ∂⟨C⟩, with the regulariser μ of the descent.

    Its `reach` is a lower bound on how far the state moves: the largest |d⟨P⟩/dβ| / √(1 − ⟨P⟩²) of the family's strings. The
    bound is exact for a nudge by one string to which a single excited state responds.

    Parameters
    ----------
    family : Family
    compiled : Compiled
    theta : ndarray of shape (P,)
        The stationary angles of the free phase.
    mu : float
    centre : ndarray of shape (P,)
        The angles at which the regulariser is zero.
    softened : callable, optional
        Returns the stationary angles at μ/2, for `Response.softer`.
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
        slope = without_rounding(slope, nudge[family.frame.busy])
        moved = -cho_solve(factor(), slope)
        step = step_along(moved, STEP)
        around = theta + step * np.array([moved, -moved, np.zeros_like(moved)])

        def changes(values: NDArray[np.float64]) -> Vector:
            return (values[0] - values[1]) / (2 * step) if np.any(moved) else np.zeros(values.shape[1])

        def changes_of(paulis: PauliList) -> Vector:
            return ours if paulis is family.frame.strings else changes(compiled.expectations(around[:2], paulis))

        def softer(exact: bool) -> Vector:
            if not exact or softened is None:
                away = -cho_solve(factor(), theta - centre)
                solved = functools.partial(cho_solve, factor())
                return -0.5 * mu * _slope_in_mu(family, evaluator, theta, moved, away, nudge, solved)
            there = softened()
            turned = nudge + _nudge(family, evaluator, there) - _nudge(family, evaluator, theta)
            return local_response(family, compiled, there, mu / 2, centre)(turned).changes(family.frame.strings) - ours

        values = evaluator.expectations(around)
        ours = changes(values)
        reach = float((np.abs(ours) / np.sqrt(np.maximum(1.0 - values[2] ** 2, LEAST_SPREAD))).max(initial=0.0))
        return Response(reach, changes_of, OF, True, {"slope": float(np.linalg.norm(slope))}, softer)

    return response


def _slope_in_mu(
    family: Family,
    evaluator: Evaluator,
    theta: Vector,
    moved: Vector,
    away: Vector,
    nudge: Vector,
    solved: Callable[[Vector], Vector],
) -> Vector:
    """Return d²⟨P⟩/dμ dβ of the family's strings, shape (L,), along with the stationary angles.

    With A = ∂²E + μ, the angles move by d = dθ/dμ = −A⁻¹(θ − θ_c) and m = dθ/dβ = −A⁻¹∂C. Differentiating A m = −∂C gives
    A dm/dμ = −(m + ∂³E[d] m + d(∂C)/dμ), where C changes too, by the error signal; then d²⟨P⟩ = ∂²⟨P⟩[d, m] + ∂⟨P⟩·dm/dμ.
    """
    s, t = step_along(np.array([moved, away]), MIXED_STEP).tolist()
    corners = theta + np.array([t * away + s * moved, t * away - s * moved, s * moved - t * away, -t * away - s * moved])
    mixing = np.array([1.0, -1.0, -1.0, 1.0]) / (4 * s * t)
    third = mixing @ evaluator.energies_and_gradients(corners, np.tile(family.free, (4, 1)))[1]
    sides = theta + t * np.array([away, -away])
    nudges = nudge + np.array([_nudge(family, evaluator, side) for side in sides]) - _nudge(family, evaluator, theta)
    ahead, behind = evaluator.energies_and_gradients(sides, nudges)[1]
    turned = -solved(moved + third + (ahead - behind) / (2 * t))
    step = step_along(turned, STEP)
    values = evaluator.expectations(np.concatenate([corners, theta + step * np.array([turned, -turned])]))
    return np.asarray(mixing @ values[:4] + (values[4] - values[5]) / (2 * step))


def _nudge(family: Family, evaluator: Evaluator, theta: Vector) -> Vector:
    """Return the coefficients of C at these angles; zeros if the family does not know how they follow."""
    if family.signal is None or family.observed is None:
        return np.zeros_like(family.free)
    return np.asarray(family.signal(family.observed @ evaluator.expectations(theta[None])[0]) @ family.observed)
