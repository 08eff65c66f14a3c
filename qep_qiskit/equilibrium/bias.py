"""The finite-β bias: the difference between a stencil on the prepared states and its limit β → 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.diagnostics import BetaBias
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.estimates import percent
from qep_qiskit.preparation.response import Response, respond

if TYPE_CHECKING:
    from qep_qiskit.equilibrium.plan import Plan
    from qep_qiskit.preparation.preparer import Prepared
    from qep_qiskit.problem import Problem

Vector = NDArray[np.float64]
WARNED = 0.05
"""A bias above this share of the gradient gives a warning."""
WANTED = 0.01
"""The bias, as a share of the gradient, that a recommended β aims at."""
STATE_ACCURACY = 1e-8
"""The accuracy of states. A stencil amplifies their error, which does not count as bias."""
STILL, SMALL_SIGNAL = 1e-9, 1e-3
"""Error signals below these belong to a network with correct or nearly correct predictions."""
FLAT_SHARE = 1e-3
"""The response is not defined if more than this share of the cost's slope lies in directions of flat energy."""
FLAT = (
    "the ansatz's energy is flat in directions that the cost depends on, so that its lowest states answer differently; "
    "take another ansatz or more layers"
)
SUSPECTED, TOO_STIFF = 0.005, 0.02
"""The estimated effect of half the regulariser above which it is computed, and the computed effect that gives a warning."""
FAINTEST = 1e-3
"""The least share of the β that the bias allows."""
LARGEST = 1e90
"""The largest β that the bias is taken to allow: hot thermal states hardly respond at all."""
DROWNED = 1e-7
"""The β · reach below which a search cannot follow a nudge."""
STEEPEST, NEAR = 50.0, 0.1
"""A bias is less than this multiple of (β · reach)**order if the farthest phase has β · reach < `NEAR`; a larger one is rounding.
At a crossing of two levels it is 3, 8 and 12 times the power, with corrections of higher order: see `safe_beta`."""


def nowhere() -> float:
    """Return 0, which is the reach of a nudge that does not move the state."""
    return 0.0


@dataclass(frozen=True)
class Bias:
    """The difference between the noise-free gradient at a finite β and its limit β → 0, for the prepared states.

    Attributes
    ----------
    beta : float
    order : int
        The bias is O(β**order).
    values, limit : ndarray of shape (K,) or None
        The bias, Σ_p s_p ⟨∂H/∂w⟩_p minus its limit β → 0, and that limit; None if they are not known.
    floor, zero : float
        The error in the norm of `values` due to the accuracy of the states; the norm of `limit` below which it counts as zero.
    still : float
        The norm below which no warning is given, because the predictions are nearly right and the nudge is weak.
    of : str
        The states to which the limit belongs.
    reach : callable
        A function without arguments; returns how far a unit of β moves the state.
    unknown : str
        The reason why the bias is not known.
    warned : bool
        Whether that reason is worth a warning.
    searched : bool
        Whether the states come from a search. Their differences are then attributed to rounding only if the nudge is very weak.
    regulariser : float or None
        The relative change of the limit if the regulariser of the angles is halved; None if that is not known. It is not part of
        `values`.
    inputs : ndarray of shape (2, num_inputs) or None
        The bias of dL/dx and its limit, as `values` and `limit` are for the weights; None unless dL/dx is wanted.
    """

    beta: float
    order: int
    values: Vector | None = None
    limit: Vector | None = None
    floor: float = 0.0
    zero: float = 0.0
    still: float = 0.0
    of: str = ""
    reach: Callable[[], float] = nowhere
    unknown: str = ""
    warned: bool = False
    searched: bool = False
    regulariser: float | None = None
    inputs: NDArray[np.float64] | None = None

    @property
    def relative(self) -> float | None:
        """‖bias‖ / ‖limit‖; None if the bias is not known or the limit is zero."""
        if self.values is None or self.limit is None:
            return None
        size = float(np.linalg.norm(self.limit))
        return float(np.linalg.norm(self.values)) / size if size > self.zero else None

    def warnings(self, noise: float) -> list[str]:
        """Return a warning if the bias exceeds both 5 % of the gradient and the shot error.

        Parameters
        ----------
        noise : float
            The norm of the gradient's error bars.
        """
        if self.values is None or self.limit is None:
            return [f"the limit β → 0 is not defined: {self.unknown}"] if self.warned else []
        size, limit = float(np.linalg.norm(self.values)), float(np.linalg.norm(self.limit))
        if size <= max(WARNED * limit, noise) or max(size, limit) <= self.still:
            return []
        if limit <= self.zero and size <= self.floor:
            return []
        share = self.relative
        what = "all of this gradient, whose limit β → 0 is zero" if share is None else f"{percent(share)} of the gradient"
        if self._rounding and (not self.searched or abs(self.beta) * self.reach() < DROWNED):
            return [
                f"β = {self.beta:g} is too small a nudge for double precision: rounding makes up {what} "
                f"(compared with the limit β → 0 of {self.of}); take β = {self._larger:g}"
            ]
        balanced = rounded(self.beta * (noise**2 / (self.order * size**2)) ** (0.5 / (self.order + 1)))
        if abs(balanced) > abs(self.smaller):
            remedy = f"take β = {balanced:g} for the least bias and shot noise together"
        else:
            remedy = f"take β = {self.smaller:g} for one of about {100 * WANTED:g} %"
        return [f"the bias of β = {self.beta:g} is {what} (compared with the limit β → 0 of {self.of}); {remedy}"]

    @property
    def relative_of_inputs(self) -> float | None:
        """‖bias‖ / ‖limit‖ of dL/dx; None if it is not known or the limit is zero."""
        if self.inputs is None:
            return None
        size, limit = np.linalg.norm(self.inputs, axis=1)
        return float(size / limit) if limit > self.zero else None

    def warnings_of_inputs(self, noise: float) -> list[str]:
        """Return a warning if the bias of dL/dx exceeds both 5 % of it and `noise`, the norm of its error bars."""
        share = self.relative_of_inputs
        if self.inputs is None or share is None or share <= WARNED:
            return []
        size, limit = np.linalg.norm(self.inputs, axis=1)
        if size <= max(noise, self.floor) or max(size, limit) <= self.still:
            return []
        return [
            f"the bias of β = {self.beta:g} is {percent(share)} of the gradient with respect to the inputs (compared with the "
            f"limit β → 0 of {self.of}); take a smaller β"
        ]

    @property
    def stiff(self) -> list[str]:
        """A warning if halving the regulariser would change the gradient by more than 2 %."""
        if self.regulariser is None or self.regulariser <= TOO_STIFF:
            return []
        return [
            f"half the regulariser of VQE's angles would change the gradient by {percent(self.regulariser)}: its energy is "
            "nearly flat in directions that the cost depends on; take a smaller preparation.regulariser"
        ]

    @property
    def _rounding(self) -> bool:
        moved = farthest(self.order) * abs(self.beta) * self.reach()
        return moved < NEAR and STEEPEST * moved**self.order < (self.relative or WARNED)

    @property
    def _larger(self) -> float:
        reach, share = self.reach(), self.relative or 1.0
        safe = safe_beta(reach, self.order, most=math.inf) if reach else 0.0
        larger = safe if safe > abs(self.beta) else 2.0 * abs(self.beta) * share / WANTED
        return rounded(math.copysign(larger, self.beta))

    @property
    def smaller(self) -> float:
        """A β whose bias is about 1 %."""
        share = self.relative
        safe = safe_beta(self.reach(), self.order)
        if share is None or share > 0.5:  # beyond the leading order
            return rounded(math.copysign(min(safe, 0.1 * abs(self.beta)), self.beta))
        return rounded(self.beta * (WANTED / share) ** (1.0 / self.order))

    def to_dict(self) -> BetaBias:
        """Return the bias in the form that the diagnostics contain."""
        if self.values is None or self.limit is None:
            return {"relative": None, "values": None, "of": None, "note": f"not known: {self.unknown}"}
        about: BetaBias = {
            "relative": self.relative,
            "values": self.values.tolist(),
            "limit": self.limit.tolist(),
            "of": self.of,
        }
        return about if self.inputs is None else {**about, "relative_of_inputs": self.relative_of_inputs}


def farthest(order: int) -> float:
    """Return the largest |β_p| of the stencil of this order, in units of its β."""
    return 1.0 if order < 4 else 2.0


def safe_beta(reach: float, order: int, *, most: float = 0.1) -> float:
    """Return a β at which the bias of a stencil of this order is well below one percent, or at most 1 % near a level crossing.

    Far from a crossing of two levels on one side, an expectation is a constant plus a multiple of 1/(1 + 2β · reach)². To leading
    order, with X = β · reach of the farthest phase, the bias is then 3X, 8X² or 12X⁴ times the derivative.

    It is at most `most`, but in a network of large coefficients no less than `FAINTEST` of what the bias allows, so that the
    nudge does not drown in rounding.
    """
    share = {1: 0.0033, 2: 0.035}.get(order, 0.16) / farthest(order)
    return above_rounding(share / reach, most) if reach > 0 else most


def above_rounding(allowed: float, most: float) -> float:
    """Return a β of at most `allowed`, and of at most `most` unless that is less than `FAINTEST` of what is allowed."""
    return rounded(min(max(most, FAINTEST * min(allowed, LARGEST)), allowed))


def rounded(beta: float) -> float:
    """Return β rounded to three significant digits, so that the value shown is the value used."""
    return float(f"{beta:.3g}")


def biases_of(plans: Sequence[Plan]) -> list[Bias]:
    """Return the bias of each plan of a batch; responses of states that were prepared together are computed together."""
    asked = {
        number: (plan.free.response, plan.nudge)
        for number, plan in enumerate(plans)
        if plan.error_signal is not None and plan.prepared.slopes is None and not _why_unknown(plan)
    }
    responses = respond(asked)
    return [bias_of(plan, responses.get(number)) for number, plan in enumerate(plans)]


def bias_of(plan: Plan, response: Response | None = None) -> Bias:
    """Return the finite-β bias of a complete plan, if the response of its states to the nudge can be computed.

    Parameters
    ----------
    plan : Plan
    response : Response, optional
        The response of the free phase, if it is already computed.
    """
    problem, stencil, free = plan.problem, plan.stencil, plan.free
    unknown = _why_unknown(plan)
    if unknown or plan.error_signal is None:
        return Bias(stencil.beta, stencil.order, unknown=unknown or "the error signal is not known yet")
    nudge = plan.nudge
    factors = stencil.phase_factors
    parts = [plan] if plan.earlier is None else [plan.earlier, plan]
    rows = [factors[p] * part.expectations[i] for part in parts for i, p in enumerate(part.phases) if factors[p]]
    try:
        if plan.prepared.slopes is not None:
            changes, of, searched = plan.prepared.slopes(), "the same preparation", False
        else:
            if response is None:
                assert free.response is not None
                response = free.response(nudge, lambda: _beside(plan))
            if float(response.details.get("flat_share", 0.0)) > FLAT_SHARE:  # type: ignore[arg-type]
                return Bias(stencil.beta, stencil.order, unknown=FLAT, warned=True)
            changes, of, searched = response.changes(problem.frame.strings), response.of, response.searched
    except (InputError, PreparationError) as error:
        return Bias(stencil.beta, stencil.order, unknown=str(error))
    slopes = problem.derivative_rows
    limit = np.asarray(slopes @ changes)
    values = np.asarray(slopes @ np.sum(rows, axis=0)) - limit
    size = float(abs(slopes).max()) * float(np.sqrt(len(limit)))
    zero = 1e-10 * float(np.abs(changes).max(initial=0.0)) * size
    floor = STATE_ACCURACY * size * max(1.0, float(np.abs(factors).sum()))
    signal = float(np.abs(plan.error_signal).max(initial=0.0))
    still = math.inf if signal < STILL else min(floor, 1e3 * STATE_ACCURACY * size) if signal < SMALL_SIGNAL else 0.0
    reach = _reach(free, nudge) if response is None else lambda: response.reach
    stiff = None if response is None else _effect_of_regulariser(problem, response, limit, zero)
    inputs = None
    if problem.input_gradient and problem.network.num_inputs:
        of_inputs = np.asarray(problem.input_rows @ changes)
        inputs = np.array([problem.input_rows @ np.sum(rows, axis=0) - of_inputs, of_inputs])
    fixed = (stencil.beta, stencil.order, values, limit, floor, zero, still, of, reach)
    return Bias(*fixed, searched=searched, regulariser=stiff, inputs=inputs)


def _effect_of_regulariser(problem: Problem, response: Response, limit: Vector, zero: float) -> float | None:
    """Return the relative change of the limit β → 0 if the regulariser is halved.

    The first-order estimate is right to a factor of two for most problems, but off by a factor of ten for some. A large estimate
    is therefore replaced by the result of another descent, unless that one ends at a saddle.
    """
    size = float(np.linalg.norm(limit))
    if response.softer is None or size <= zero:
        return None
    share: float | None = None
    for exact in (False, True):
        try:
            share = float(np.linalg.norm(problem.derivative_rows @ response.softer(exact))) / size
        except PreparationError:
            break
        if share <= SUSPECTED:
            break
    return share


def _why_unknown(plan: Plan) -> str:
    free = plan.free
    if not (free.computable and plan.prepared.computable):
        return f"states of {plan.problem.network.num_qubits} qubits are not computed"
    if plan.prepared.slopes is not None:
        return ""
    return free.silence or ("" if free.response is not None else "these states have no computed response to a nudge")


def _reach(free: Prepared, nudge: Vector) -> Callable[[], float]:
    def reach() -> float:
        try:
            return 0.0 if free.response is None else free.response(nudge).reach
        except (InputError, PreparationError):
            return 0.0

    return reach


def _beside(plan: Plan) -> list[tuple[float, NDArray[Any]]]:
    """Return the stencil's factor and the state for each nudged phase."""
    factors, states = plan.stencil.phase_factors, plan.prepared.states()
    return [(factors[p], state) for p, state in zip(plan.phases, states, strict=True) if plan.stencil.phases[p] and factors[p]]
