"""Response of an ansatz's stationary angles to a nudge, by implicit differentiation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.networks.frame import Frame
from qep_qiskit.preparation.evaluator import Evaluator, hessians, with_hessians
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.newton_steps import LEAST_CURVATURE, STEP, newton_steps, step_along
from qep_qiskit.preparation.response import Member, Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.preparation.true_states import true_ground_states
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.eigen.response import transitions
from qep_qiskit.simulation.threads import single_threaded

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
OF = "the ansatz, by implicit differentiation"
MOST_GAP_QUBITS = 14
"""Up to this number of qubits, the true gap is also computed, which takes a small part of the time of a search."""
FLAT = 1e-9
"""Directions count as redundant, with no effect on the state, if their curvature is below this share of the largest."""
SETTLED, MOST_ITERATIONS = 1e-5, 30
"""The relative residual of a response that is found by iterations, and the largest number of them."""
SOFT = 1e-3
"""The share of the slope that the regulariser may take up before the Hessian is computed to find flat directions."""
FLAT_IN_ROWS = 1e-6
"""The same share as `FLAT` for curvatures that come from differences of slopes."""
ROUNDING = 1e-13
"""A slope counts as zero if it is below this share of the nudge's coefficients: the angles then do not respond at all."""


def ansatz_response(family: Family, program: CircuitProgram, evaluator: Evaluator, theta: Vector, mu: float) -> Responsive:
    """Return a function for the response of stationary angles, −(∂²E + μ)⁻¹ ∂⟨C⟩, with the regulariser μ of the descent."""
    by_rows = isinstance(evaluator, LightCones)  # on many qubits they take a small part of the time of a state vector's Hessian

    @functools.cache
    def curvatures() -> tuple[Vector, NDArray[np.float64]]:
        with single_threaded(family.num_qubits):
            if by_rows or with_hessians(evaluator) is not None:
                hessian = hessians(evaluator, theta[None], family.free[None])[0]
            else:
                hessian = program.hessian(theta, bound(structure_of(family), family, family.betas.index(0.0)))
            values, directions = np.linalg.eigh(hessian)
        return values, directions

    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        values, directions = curvatures()
        with single_threaded(family.num_qubits):
            slope = program.energy_and_gradient(theta, structure_for(family.frame.paulis).bind(nudge))[1]
            slope = without_rounding(slope, nudge[family.frame.busy])
            moved = _moved(values, directions, slope, mu)
            state, step = program.state(theta), step_along(moved, STEP)
            ahead, behind = program.state(theta + step * moved), program.state(theta - step * moved)
            delta = (ahead - behind) / (2 * step) if np.any(moved) else np.zeros_like(state)
        turned = delta - np.vdot(state, delta) * state
        return Response(
            _reach(family, nudge) or 2.0 * float(np.linalg.norm(turned)),
            lambda paulis: transitions(structure_for(paulis), state, delta),
            OF,
            True,
            _details(values, directions, slope, FLAT_IN_ROWS if by_rows else FLAT),
        )

    return response


def without_rounding(slopes: NDArray[np.float64], nudges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes (P,) of a nudge or (R, P) of many, with zeros for those that are nothing but rounding errors.

    A network whose state cannot respond would otherwise respond by these errors, divided by its smallest curvatures.

    Parameters
    ----------
    slopes : ndarray
    nudges : ndarray of shape (L,) or (R, L)
        The coefficients of the nudges, without those of the identity.
    """
    sizes = np.linalg.norm(slopes, axis=-1, keepdims=True)
    return np.where(sizes <= ROUNDING * np.abs(nudges).sum(axis=-1, keepdims=True), 0.0, slopes)


def _moved(values: Vector, axes: Matrix, slope: Vector, mu: float) -> Vector:
    """Return the change of the angles with β, dθ/dβ, from the curvatures and their axes."""
    return -axes @ ((axes.T @ slope) / np.maximum(values + mu, LEAST_CURVATURE * mu))


def _details(values: Vector, axes: Matrix, slope: Vector, flat: float) -> dict[str, object]:
    """Return the range of the curvatures, the cost's slope, and the share of that slope in directions of flat energy."""
    curved = np.abs(values) > flat * np.abs(values).max(initial=0.0)
    size, rest = float(np.linalg.norm(slope)), float(np.linalg.norm(axes[:, ~curved].T @ slope))
    range_ = (
        [float(values[curved].min(initial=np.inf)), float(values[curved].max(initial=-np.inf))] if curved.any() else [0.0, 0.0]
    )
    return {"curvature_range": range_, "slope": size, "flat_share": rest / (size or 1.0)}


def _reach(family: Family, nudge: Vector) -> float | None:
    """Return how far a unit of β moves the true ground state; None if this is not computed.

    The ansatz's own response is not used here: along an almost flat direction it diverges in first order, but at practical β the
    state hardly moves.
    """
    if family.num_qubits > MOST_GAP_QUBITS:
        return None
    (truth,) = true_ground_states(family.frame, [family.free])
    return None if truth is None else truth.reach(family.frame, nudge)


class AnsatzResponses:
    """The responses of several samples' stationary angles, computed as rows of one array.

    Parameters
    ----------
    evaluator : Evaluator
        An evaluator of the ansatz and all strings of the frame.
    frame : Frame
    free : ndarray of shape (R, L)
        The coefficients of each sample's H.
    thetas : ndarray of shape (R, P)
        The stationary angles.
    mu : ndarray of shape (R,)
        The regulariser of each sample's descent.
    alone : sequence of callable
        The response of each sample, computed alone.
    inverses : sequence of ndarray of shape (P, P) or None, optional
        Approximations of (∂²E + μ)⁻¹, with which a response takes a few evaluations instead of a Hessian.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        frame: Frame,
        free: Matrix,
        thetas: Matrix,
        mu: Vector,
        alone: Sequence[Responsive],
        inverses: Sequence[Matrix | None] | None = None,
    ) -> None:
        self._evaluator, self._frame, self._free, self._thetas, self._alone = evaluator, frame, free, thetas, alone
        self._inverses = (None,) * len(thetas) if inverses is None else inverses
        self._mu = mu
        self._curvatures: dict[int, tuple[Vector, Matrix]] = {}

    def members(self) -> list[Responsive]:
        """Return the response of each sample; responses that are requested together are computed together."""
        return [Member(self, number, alone) for number, alone in enumerate(self._alone)]

    def responses(self, numbers: Sequence[int], nudges: Sequence[Vector]) -> list[Response]:
        """Return the responses of some samples, each to its own nudge."""
        listed = np.asarray(numbers)
        thetas = self._thetas[listed]
        slopes = self._evaluator.energies_and_gradients(thetas, np.array(nudges))[1]
        slopes = without_rounding(slopes, np.array(nudges)[:, self._frame.busy])
        moved, settled = self._iterated(listed, slopes)
        self._solve([number for number in listed[~settled].tolist() if number not in self._curvatures])
        details: list[dict[str, object]] = [{"slope": float(np.linalg.norm(slope)), "flat_share": 0.0} for slope in slopes]
        for k in np.flatnonzero(~settled).tolist():
            spectrum = self._curvatures[numbers[k]]
            moved[k] = _moved(*spectrum, slopes[k], self._mu[numbers[k]])
            details[k] = _details(*spectrum, slopes[k], FLAT_IN_ROWS)
        steps = step_along(moved, STEP)[:, None]
        ahead, behind = np.split(
            self._evaluator.expectations(np.concatenate([thetas + steps * moved, thetas - steps * moved])), 2
        )
        changes = np.where(np.any(moved != 0.0, axis=1, keepdims=True), (ahead - behind) / (2 * steps), 0.0)
        truths = true_ground_states(self._frame, [self._free[number] for number in numbers])
        results = []
        for k, (number, nudge, truth) in enumerate(zip(numbers, nudges, truths, strict=True)):
            alone = functools.partial(self._alone[number], nudge)
            reach = alone().reach if truth is None else truth.reach(self._frame, nudge)
            results.append(Response(reach, functools.partial(self._changes, changes[k], alone), OF, True, details[k]))
        return results

    def _iterated(self, numbers: NDArray[np.intp], slopes: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """Return −(∂²E + μ)⁻¹ slope where the inverse is nearly known, and the rows for which it is settled.

        Slopes in nearly flat directions, which the regulariser takes up, are left to the Hessian.
        """
        moved, settled = np.zeros_like(slopes), np.zeros(len(numbers), dtype=bool)
        live = np.flatnonzero([self._inverses[number] is not None for number in numbers])
        if len(live):
            of_live = numbers[live]
            mu, free = self._mu[of_live], self._free[of_live]

            def gradients(rows: NDArray[np.intp], thetas: Matrix) -> Matrix:
                return self._evaluator.energies_and_gradients(thetas, free[rows])[1] + mu[rows, None] * thetas

            inverses, thetas = np.array([self._inverses[number] for number in of_live]), self._thetas[of_live]
            here = gradients(np.arange(len(live)), thetas)
            moved[live], solved = newton_steps(
                gradients, thetas, slopes[live], mu, inverses, here, precision=SETTLED, most=MOST_ITERATIONS
            )
            taken_up = np.linalg.norm(mu[:, None] * moved[live], axis=1)
            settled[live] = solved & (taken_up <= SOFT * np.linalg.norm(slopes[live], axis=1))
        return moved, settled

    def _changes(self, changes: Vector, alone: Callable[[], Response], paulis: PauliList) -> Vector:
        ours = self._frame.paulis
        same = paulis is ours or (len(paulis) == len(ours) and paulis == ours)
        return changes if same else alone().changes(paulis)

    def _solve(self, numbers: list[int]) -> None:
        """Compute the Hessians of some samples, and their eigenvalues and directions."""
        if numbers:
            values, axes = np.linalg.eigh(hessians(self._evaluator, self._thetas[numbers], self._free[numbers]))
            self._curvatures.update(zip(numbers, zip(values, axes, strict=True), strict=True))
