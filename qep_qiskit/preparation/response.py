"""First-order responses of prepared states to a nudge, which give the limit β → 0 of equilibrium propagation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Nudged = Callable[[], Sequence[tuple[float, NDArray[Any]]]]
"""A function that returns nudged states with their stencil factors, used as a first guess of the response."""


def nothing() -> Sequence[tuple[float, NDArray[Any]]]:
    """Return no nudged states."""
    return ()


@dataclass(frozen=True)
class Response:
    """The derivatives of a free phase's expectations with respect to β when H becomes H + βC.

    Attributes
    ----------
    reach : float
        How far a unit of β moves the state. First order holds if β · reach is small.
    changes : callable
        Strings → ndarray of shape (L,): d⟨P⟩/dβ of each at β = 0, computed on demand.
    of : str
        The name of the state, for reports.
    searched : bool
        Whether the states come from a search, so that a phase may be unconverged.
    details : mapping
        Further numbers, for reports.
    softer : callable or None
        A function from a flag `exact` to the difference that half the regulariser of the angles makes to `changes` of the frame's
        strings, shape (L,): in first order, or by another descent if `exact`. None without a regulariser, or if not computed.
    """

    reach: float
    changes: Callable[[Any], Vector]
    of: str
    searched: bool = False
    details: Mapping[str, object] = field(default_factory=dict)
    softer: Callable[[bool], Vector] | None = None


class Responsive(Protocol):
    """A function that gives the response of a free phase to a nudge."""

    def __call__(self, nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        """Return the response to C = Σ_l nudge_l P_l over the family's frame.

        Parameters
        ----------
        nudge : ndarray of shape (L,)
        nudged : callable
            Returns nudged states from which the computation starts.
        exact : bool
            Whether to compute the response to working accuracy, rather than just well enough to estimate the finite-β bias.
        """
        ...


class Together(Protocol):
    """The responses of several free phases that were prepared together."""

    def responses(self, numbers: Sequence[int], nudges: Sequence[Vector]) -> Sequence[Response | None]:
        """Return the responses of some of the free phases, each to its own nudge; None if it must be computed alone."""
        ...


@dataclass(frozen=True, eq=False)
class Member:
    """The response of one free phase of a batch. A call computes it alone; :func:`respond` computes several together.

    Attributes
    ----------
    batch : Together
    number : int
        The number of the free phase in the batch.
    alone : callable
        The function that computes the response alone.
    """

    batch: Together
    number: int
    alone: Responsive

    def __call__(self, nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        """Return the response to a nudge, as :class:`Responsive` does."""
        return self.alone(nudge, nudged, exact=exact)


def respond(asked: Mapping[int, tuple[Responsive | None, Vector]]) -> dict[int, Response]:
    """Return the responses to the given nudges that can be computed together with others; leave out the rest."""
    batches: dict[int, list[tuple[int, Member, Vector]]] = {}
    for key, (responsive, nudge) in asked.items():
        if isinstance(responsive, Member):
            batches.setdefault(id(responsive.batch), []).append((key, responsive, nudge))
    computed: dict[int, Response] = {}
    for members in batches.values():
        if len(members) > 1:
            numbers, nudges = [member.number for _, member, _ in members], [nudge for *_, nudge in members]
            responses = members[0][1].batch.responses(numbers, nudges)
            pairs = zip(members, responses, strict=True)
            computed.update({key: response for (key, *_), response in pairs if response is not None})
    return computed


def guessed(state: NDArray[Any], nudged: Nudged) -> NDArray[Any] | None:
    """Return Σ s_p ψ_p, the stencil's estimate of δψ, with the phase of every ψ_p aligned with ψ; None without nudged states."""
    total = None
    for factor, other in nudged():
        overlap = np.vdot(other, state)
        if abs(overlap) < 0.5:
            return None  # another level: no guess
        part = factor * (overlap / abs(overlap)) * other
        total = part if total is None else total + part
    return total
