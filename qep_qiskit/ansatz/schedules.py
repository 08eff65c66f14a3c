"""Schedules of a ramp: how the share s of the final Hamiltonian grows from 0 to 1 with the share x of the time."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from qep_qiskit.checks import real, shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import RAMP_SCHEDULES, one_of

Vector = NDArray[np.float64]
RampSchedule: TypeAlias = Callable[[Any], Any]
"""A function s(x) on [0, 1] with s(0) = 0 and s(1) = 1, of a number or of an array."""

ALLOWED = "the name of a schedule, or a function s(x) on [0, 1] with s(0) = 0 and s(1) = 1"
ENDS = 1e-9
"""The largest distance of a schedule's ends from 0 and 1."""
POLYNOMIAL = 6.01
"""The largest boundary curvature of the polynomial schedules; above, the other form needs no huge constant."""
STRAIGHT = 1e12
"""The largest boundary curvature; the schedule is then a straight line but for rounding."""
STEP = 1e-3
SLOPES = np.array([-137 / 60, 5, -5, 10 / 3, -5 / 4, 1 / 5]) / STEP
CURVATURES = np.array([15 / 4, -77 / 6, 107 / 6, -13, 61 / 12, -5 / 6]) / STEP**2
"""One-sided finite differences over six points (Fornberg 1988, doi:10.1090/S0025-5718-1988-0935077-0)."""


@RAMP_SCHEDULES.register("cosine")
def cosine(x: Vector) -> Vector:
    """Return (1 − cos πx)/2, with no slope at the ends and the boundary curvature π²/2."""
    return np.asarray((1 - np.cos(np.pi * np.asarray(x))) / 2)


@RAMP_SCHEDULES.register("smoothstep")
def smoothstep(x: Vector) -> Vector:
    """Return 3x² − 2x³, with no slope at the ends and the boundary curvature 6."""
    x = np.asarray(x, dtype=float)
    return 3 * x**2 - 2 * x**3


@RAMP_SCHEDULES.register("quintic")
def quintic(x: Vector) -> Vector:
    """Return 10x³ − 15x⁴ + 6x⁵, with neither slope nor curvature at the ends."""
    x = np.asarray(x, dtype=float)
    return 10 * x**3 - 15 * x**4 + 6 * x**5


@RAMP_SCHEDULES.register("linear")
def linear(x: Vector) -> Vector:
    """Return x, whose slope at the ends leaves an error in the gradient at any duration."""
    return np.asarray(x, dtype=float)


@RAMP_SCHEDULES.register("curved_<number>")
@dataclass(frozen=True)
class Curved:
    """The schedule with a given boundary curvature λ: 0 is quintic, 6 smoothstep, and a large λ approaches the linear one.

    Parameters
    ----------
    curvature : float
        λ = s''(0) = −s''(1), at least 0.

    Notes
    -----
    Up to λ ≈ 6, s = 10x³ − 15x⁴ + 6x⁵ + ½λ x²(1 − x)²(1 − 2x). Above, s' ∝ u/(u + c) with u = x(1 − x): the slope rises from 0
    to that of a straight line within a share of about 1/λ of the time. Both are smooth and rise all the way.

    Examples
    --------
    >>> [round(float(curved(20)(x)), 3) for x in (0, 0.1, 0.5, 1)]
    [0.0, 0.054, 0.5, 1.0]
    """

    curvature: float

    def __post_init__(self) -> None:
        number = real("curvature", self.curvature, least=0)
        if number > STRAIGHT:
            raise InputError(f"curvature: {number:g} is not allowed; give at most {STRAIGHT:g}, or the schedule 'linear'")
        object.__setattr__(self, "curvature", number)

    def __call__(self, x: Vector) -> Vector:
        """Return s(x)."""
        x = np.asarray(x, dtype=float)
        if self.curvature <= POLYNOMIAL:
            return quintic(x) + self.curvature / 2 * x**2 * (1 - x) ** 2 * (1 - 2 * x)
        c = _width(self.curvature)
        half = math.sqrt(0.25 + c)
        return np.asarray(_height(c) * (x - c / half * (_artanh(0.5, half) + _artanh(x - 0.5, half))))


def curved(curvature: float) -> Curved:
    """Return the schedule with a given boundary curvature λ = s''(0) = −s''(1); see the notes of its class.

    Parameters
    ----------
    curvature : float
        λ, at least 0. In a spec, ``schedule = "curved_20"`` is λ = 20.

    Raises
    ------
    InputError
        If the number is negative or not finite.
    """
    return Curved(curvature)


def _artanh(y: Any, half: float) -> Any:
    return np.log((half + y) / (half - y)) / 2


def _height(c: float) -> float:
    """Return N such that N ∫ u/(u + c) dx = 1."""
    half = math.sqrt(0.25 + c)
    return float(1 / (1 - 2 * c / half * _artanh(0.5, half)))


@functools.cache
def _width(curvature: float) -> float:
    """Return c with the boundary curvature N/c."""
    return float(np.exp(brentq(lambda log: math.log(_height(math.exp(log)) / curvature) - log, -math.log(curvature) - 1, 8.0)))


def schedule_of(schedule: object, where: str = "schedule") -> RampSchedule:
    """Return the schedule with this name; a function is checked and returned unchanged.

    Raises
    ------
    InputError
        If there is no such schedule, or a function fails, is not finite, or does not run from 0 to 1.
    """
    if isinstance(schedule, str):
        if schedule not in RAMP_SCHEDULES:
            close = nearest(schedule, RAMP_SCHEDULES)
            raise InputError(f"{where}: unknown {shown(schedule)}; give {one_of(RAMP_SCHEDULES)}, or in Python a function{close}")
        kind = RAMP_SCHEDULES.named(schedule, where)
        if kind.value is not Curved:
            named: RampSchedule = kind.value
            return named
        number = schedule.partition("_")[2]
        try:
            return Curved(float(number))
        except (ValueError, InputError):
            raise InputError(
                f"{where}: {shown(schedule)} is not allowed; give a curvature from 0 to {STRAIGHT:g}, as in 'curved_20'"
            ) from None
    if not callable(schedule):
        raise InputError(f"{where}: {shown(schedule)} is not allowed; give {ALLOWED}")
    _check(schedule, where)
    return schedule


def shares(schedule: RampSchedule, x: Vector) -> Vector:
    """Return s at every x, also of a function that takes one number at a time.

    Raises
    ------
    InputError
        If a value is not finite.
    """
    try:
        values = _real(schedule(x))
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != x.shape:
        values = np.array([float(_real(schedule(float(each)))) for each in x])
    strange = np.flatnonzero(~np.isfinite(values))
    if strange.size:
        raise InputError(f"schedule: {title(schedule)} is {values[strange[0]]} at x = {x[strange[0]]:g}; give {ALLOWED}")
    return values


def _real(values: Any) -> Vector:
    values = np.asarray(values)
    if np.iscomplexobj(values):
        raise TypeError("values are complex")
    return values.astype(float)


def title(schedule: object) -> str:
    """Return the name of a schedule, for reports.

    Examples
    --------
    >>> title("cosine"), title(curved(20)), title(lambda x: x)
    ('cosine', 'curved_20', 'function <lambda>')
    """
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, Curved):
        return f"curved_{repr(schedule.curvature).removesuffix('.0')}"
    named = next((name for name, kind in RAMP_SCHEDULES.built_in.items() if kind.value is schedule), "")
    return named or f"function {getattr(schedule, '__name__', type(schedule).__name__)}"


def by_name(schedule: object, where: str = "schedule") -> str | RampSchedule:
    """Return the name of a schedule, or a function that has none unchanged, once it is checked as by :func:`schedule_of`."""
    function = schedule_of(schedule, where)
    name = title(function)
    return name if name in RAMP_SCHEDULES else function


def boundary_curvature(schedule: object) -> float | None:
    """Return the boundary curvature λ, the larger |s''| of the two ends; None if the schedule has a slope there.

    It governs the error that a slow ramp of duration T leaves in a gradient: about λ/T without a slope, and an error that does
    not fall with T otherwise.

    Examples
    --------
    >>> [boundary_curvature(name) for name in ("cosine", "smoothstep", "quintic", "curved_20", "linear")]
    [4.934802, 6.0, 0.0, 20.0, None]
    """
    return _boundary_curvature(schedule_of(schedule))


@functools.lru_cache(maxsize=32)
def _boundary_curvature(function: RampSchedule) -> float | None:
    if isinstance(function, Curved):
        return function.curvature
    near = STEP * np.arange(6.0)
    ends = shares(function, near), 1 - shares(function, 1 - near)
    if max(abs(float(SLOPES @ end)) for end in ends) > 1e-4:
        return None
    return abs(round(max(abs(float(CURVATURES @ end)) for end in ends), 6))


def _check(schedule: RampSchedule, where: str) -> None:
    name = title(schedule)
    x = np.linspace(0.0, 1.0, 101)
    try:
        hash(schedule)
        values = shares(schedule, x)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{where}: {name} fails ({reason}); give {ALLOWED}") from error
    for place, wanted in ((0, 0.0), (-1, 1.0)):
        if abs(values[place] - wanted) > ENDS:
            raise InputError(f"{where}: {name} is {values[place]:.4g} at x = {x[place]:g}, not {wanted:g}; give {ALLOWED}")
