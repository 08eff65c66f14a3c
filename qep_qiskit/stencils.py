"""Finite-difference stencils in the nudge β, with their phases and factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, overload

from qep_qiskit.checks import real, shown
from qep_qiskit.drawing.card import card
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import STENCILS, Key

LEAST_STEP = 1e-100
"""The smallest |β|; error bars contain 1/β², which overflows below it."""


@dataclass(frozen=True, repr=False)
class Stencil:
    """A stencil: phases β_p and factors s_p with Σ s_p = 0 and Σ s_p β_p = 1.

    Attributes
    ----------
    kind : str
    beta : float
        The step β.
    betas, factors : tuple of float
        The phases β_p and their factors s_p.
    order : int
        The bias is O(β**order).
    """

    kind: str
    beta: float
    betas: tuple[float, ...]
    factors: tuple[float, ...]
    order: int

    __array_ufunc__ = None  # otherwise == with a NumPy array returns an array

    def __repr__(self) -> str:
        return f"{self.kind}({self.beta:.6g})"

    def _repr_html_(self) -> str:
        rows = [(f"{beta:+.4g}", f"{factor:+.4g}") for beta, factor in zip(self.betas, self.factors, strict=True)]
        power = {1: "", 2: "²", 4: "⁴"}.get(self.order, f"^{self.order}")
        return card(repr(self), facts=(f"bias O(β{power})",), headings=("phase β", "factor"), rows=rows)

    @property
    def phases(self) -> tuple[float, ...]:
        """All phases, the free phase first; predictions, loss and error signal are measured in it."""
        return (0.0, *(b for b in self.betas if b != 0.0))

    @property
    def phase_factors(self) -> tuple[float, ...]:
        """The factors s_p of `phases`; 0 for a free phase that the stencil does not use."""
        by_beta = dict(zip(self.betas, self.factors, strict=True))
        return tuple(by_beta.get(b, 0.0) for b in self.phases)


@dataclass(frozen=True, repr=False)
class AutoStencil:
    """A stencil with a β that the planner chooses, for the least predicted mean squared error of the gradient.

    Attributes
    ----------
    kind : str
        ``"one_sided"``, ``"symmetric"`` or ``"extrapolated"``.
    """

    kind: str

    def __repr__(self) -> str:
        return f"{self.kind}('auto')"

    def at(self, beta: float) -> Stencil:
        """Return the stencil of this kind with the given β."""
        return stencil(self.kind, beta)


@dataclass(frozen=True, repr=False)
class AdaptiveStencil:
    """A stencil with a β chosen for each problem from the gap of the free phase, the nudge and the shots.

    Attributes
    ----------
    kind : str
        ``"one_sided"``, ``"symmetric"`` or ``"extrapolated"``.
    """

    kind: str = "symmetric"

    def __repr__(self) -> str:
        return f"{self.kind}()"

    def at(self, beta: float) -> Stencil:
        """Return the stencil of this kind with the given β."""
        return stencil(self.kind, beta)


AnyStencil: TypeAlias = Stencil | AutoStencil | AdaptiveStencil
LEFT_OPEN: dict[str, type[AutoStencil] | type[AdaptiveStencil]] = {"auto": AutoStencil, "adaptive": AdaptiveStencil}
ALLOWED = (
    'a finite number other than 0, such as 0.1, "adaptive" (from the gap, the nudge and the shots), '
    'or "auto" (where the predicted error is least)'
)
Beta: TypeAlias = Annotated[float | Literal["adaptive", "auto"], Key(ALLOWED)]


@overload
def one_sided(beta: float) -> Stencil: ...
@overload
def one_sided(beta: Literal["auto"]) -> AutoStencil: ...
@overload
def one_sided(beta: Literal["adaptive"] = "adaptive") -> AdaptiveStencil: ...
@STENCILS.register("one_sided")
def one_sided(beta: Beta = "adaptive") -> AnyStencil:
    """Return the stencil with phases 0 and β; its bias is O(β). β may be negative."""
    if isinstance(beta, str) and beta in LEFT_OPEN:
        return LEFT_OPEN[beta]("one_sided")
    b = _step(beta)
    return Stencil("one_sided", b, (0.0, b), (-1 / b, 1 / b), 1)


@overload
def symmetric(beta: float) -> Stencil: ...
@overload
def symmetric(beta: Literal["auto"]) -> AutoStencil: ...
@overload
def symmetric(beta: Literal["adaptive"] = "adaptive") -> AdaptiveStencil: ...
@STENCILS.register("symmetric")
def symmetric(beta: Beta = "adaptive") -> AnyStencil:
    """Return the stencil with phases ±β; its bias is O(β²) (Laborieux et al. 2021)."""
    if isinstance(beta, str) and beta in LEFT_OPEN:
        return LEFT_OPEN[beta]("symmetric")
    b = _step(beta)
    return Stencil("symmetric", b, (-b, b), (-1 / (2 * b), 1 / (2 * b)), 2)


@overload
def extrapolated(beta: float) -> Stencil: ...
@overload
def extrapolated(beta: Literal["auto"]) -> AutoStencil: ...
@overload
def extrapolated(beta: Literal["adaptive"] = "adaptive") -> AdaptiveStencil: ...
@STENCILS.register("extrapolated")
def extrapolated(beta: Beta = "adaptive") -> AnyStencil:
    """Return the Richardson stencil with phases ±β and ±2β; its bias is O(β⁴)."""
    if isinstance(beta, str) and beta in LEFT_OPEN:
        return LEFT_OPEN[beta]("extrapolated")
    b = _step(beta)
    near, far = 2 / (3 * b), 1 / (12 * b)
    return Stencil("extrapolated", b, (-b, b, -2 * b, 2 * b), (-near, near, far, -far), 4)


@overload
def stencil(kind: str, beta: float) -> Stencil: ...
@overload
def stencil(kind: str, beta: Literal["auto"]) -> AutoStencil: ...
@overload
def stencil(kind: str, beta: float | Literal["auto", "adaptive"]) -> AnyStencil: ...
def stencil(kind: str, beta: float | Literal["auto", "adaptive"]) -> AnyStencil:
    """Return the stencil of a kind. ``beta="auto"`` lets the planner choose β; ``"adaptive"`` derives β from the free phase."""
    found: AnyStencil = STENCILS[kind](beta)
    return found


def _step(beta: object) -> float:
    try:
        value = real("beta", beta)
    except InputError:
        value = 0.0
    if value == 0.0:
        what = 'give a finite number other than 0, such as 0.1, "adaptive" or "auto"'
        raise InputError(f"beta: {shown(beta)} is not allowed; {what}")
    if not LEAST_STEP <= abs(value) <= 1 / LEAST_STEP:
        raise InputError(
            f"beta: {shown(beta)} is not allowed; 1/β² must not overflow, so give |β| between {LEAST_STEP:g} and "
            f"{1 / LEAST_STEP:g}"
        )
    return value
