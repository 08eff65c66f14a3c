"""First-order responses of prepared states to a nudge: the limit β → 0 of equilibrium propagation on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Nudged = Callable[[], Sequence[tuple[float, NDArray[Any]]]]
"""() → nudged states and the stencil's factor of each: together a first guess of the response."""


def nothing() -> Sequence[tuple[float, NDArray[Any]]]:
    """Return no nudged states."""
    return ()


@dataclass(frozen=True)
class Response:
    """The derivative of a free phase's expectations by β as H becomes H + βC.

    Attributes
    ----------
    reach : float
        How far a unit of β moves the state: first order holds as long as β · reach is small.
    changes : callable
        Strings → ndarray of shape (L,): d⟨P⟩/dβ at β = 0 of each. Computed on demand.
    of : str
        The state whose response it is, for reports.
    searched : bool
        Whether the states come from a search, so that a phase may be unconverged.
    details : mapping
        Further numbers, for reports.
    """

    reach: float
    changes: Callable[[Any], Vector]
    of: str
    searched: bool = False
    details: Mapping[str, object] = field(default_factory=dict)


class Responsive(Protocol):
    """A function that gives the response of a free phase to a nudge."""

    def __call__(self, nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        """Return the response to C = Σ_l nudge_l P_l over the family's frame.

        Parameters
        ----------
        nudge : ndarray of shape (L,)
        nudged : callable
            Gives nudged states to start from.
        exact : bool
            Whether to compute it to working accuracy, not just well enough to estimate the bias of β.
        """
        ...


def guessed(state: NDArray[Any], nudged: Nudged) -> NDArray[Any] | None:
    """Return Σ s_p ψ_p, the stencil's estimate of δψ, with the phase factor of every ψ_p matched to ψ's; None without states."""
    total = None
    for factor, other in nudged():
        overlap = np.vdot(other, state)
        if abs(overlap) < 0.5:
            return None  # another level: no guess
        part = factor * (overlap / abs(overlap)) * other
        total = part if total is None else total + part
    return total
