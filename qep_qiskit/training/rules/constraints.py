"""Constraints of a training: trainable weights, bounds, penalties on weights, and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import flag, named, real, shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.networks.network import Network

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class SoftCutoff:
    """The penalty Σ_k a_k max(|w_k| − c_k, 0): beyond its cutoff a weight is drawn back with a constant force.

    Wanjura & Marquardt (2024, arXiv:2406.06482) use it for couplings, with c = 0.1 and a = 0.02.

    Attributes
    ----------
    cutoff : ndarray of shape (K,)
        c_k; infinite for weights without a cutoff.
    slope : ndarray of shape (K,)
        a_k.
    """

    cutoff: Vector
    slope: Vector

    def gradient(self, weights: Vector) -> Vector:
        """Return the derivative of the penalty; at the cutoff itself it is a_k."""
        return np.where(np.abs(weights) >= self.cutoff, self.slope * np.sign(weights), 0.0)


@dataclass(frozen=True)
class Constraints:
    """Changes to a gradient before a step, and to the weights after it.

    Attributes
    ----------
    trained : ndarray of bool, shape (K,)
    low, high : ndarray of shape (K,)
    l2 : float
        λ in the penalty λ Σ w² over the trained weights; the reported loss does not include it.
    clip : float or None
        The largest allowed norm of the gradient.
    soft_cutoff : SoftCutoff or None
        Another penalty, which the reported loss does not include either.
    """

    trained: NDArray[np.bool_]
    low: Vector
    high: Vector
    l2: float = 0.0
    clip: float | None = None
    soft_cutoff: SoftCutoff | None = None

    def gradient(self, values: Vector, weights: Vector) -> Vector:
        """Return the gradient for the trained weights, with the penalties, clipped."""
        penalty = 2.0 * self.l2 * weights
        if self.soft_cutoff is not None:
            penalty = penalty + self.soft_cutoff.gradient(weights)
        gradient = np.where(self.trained, values + penalty, 0.0)
        with np.errstate(over="ignore"):
            size = float(np.linalg.norm(gradient))
        if not math.isfinite(size):
            raise InputError(
                "training: the gradient with its penalties is too large for double precision; take a smaller l2, or smaller "
                "slopes in soft_cutoff"
            )
        return gradient * (self.clip / size) if self.clip is not None and size > self.clip else gradient

    def covariance(self, covariance: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """Return the covariance for the trained weights; it is zero for the others."""
        return None if covariance is None else covariance * np.outer(self.trained, self.trained)

    def stepped(self, weights: Vector, step: Vector) -> Vector:
        """Return the weights after a step, within their bounds."""
        moved = np.clip(weights + step, self.low, self.high)
        return np.where(self.trained, moved, weights)

    def describe(self, names: Iterable[str]) -> dict[str, object]:
        """Return the constraints, for reports."""
        frozen = [name for name, on in zip(names, self.trained, strict=True) if not on]
        limits = {
            name: [None if np.isinf(a) else float(a), None if np.isinf(b) else float(b)]
            for name, a, b in zip(names, self.low, self.high, strict=True)
            if not (np.isinf(a) and np.isinf(b))
        }
        described: dict[str, object] = {"frozen": frozen, "bounds": limits, "l2": self.l2, "clip": self.clip}
        if self.soft_cutoff is not None:
            limited = zip(names, self.soft_cutoff.cutoff, self.soft_cutoff.slope, strict=True)
            described["soft_cutoff"] = {name: [float(c), float(a)] for name, c, a in limited if np.isfinite(c)}
        return described


def constraints(
    network: Network,
    *,
    trainable: object = None,
    bounds: object = None,
    l2: float = 0.0,
    soft_cutoff: object = None,
    clip: float | None = None,
) -> Constraints:
    """Return the constraints of a training after checking them.

    Parameters
    ----------
    trainable : sequence of str or mapping of str to bool, optional
        Names or groups of the trained weights, such as ``["J", "h[0]"]``. Default: all. A mapping changes only the named ones,
        such as ``{"g": False}``.
    bounds : (low, high) or mapping of name or group to (low, high), optional
        None for `low` or `high` means no bound on that side.
    soft_cutoff : (cutoff, slope) or mapping of name or group to (cutoff, slope), optional
        The penalty slope · max(|w| − cutoff, 0), for all weights or the named ones.

    Raises
    ------
    InputError
        If the network has no weight of a given name, or a value is not allowed.
    """
    names = list(network.names)
    trained = np.ones(len(names), dtype=bool)
    switched = None if isinstance(trainable, tuple) else named("trainable", trainable)
    if switched is not None:
        for key, on in switched.items():
            trained[_members(names, key, "trainable")] = flag(f"trainable: {key}", on)
    elif isinstance(trainable, str) or (trainable is not None and not np.iterable(trainable)):
        raise InputError(f"trainable: {shown(trainable)} is not allowed; give a list of names or groups such as ['J', 'h']")
    elif trainable is not None:
        trained[:] = False
        for key in trainable:
            trained[_members(names, key, "trainable")] = True
    if not trained.any():
        raise InputError("trainable: no weight is trained; name at least one")
    low, high = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    for members, key, pair in _pairs(names, bounds, "bounds"):
        low[members], high[members] = _bound(key, pair)
    penalty = None
    if soft_cutoff is not None:
        penalty = SoftCutoff(np.full(len(names), np.inf), np.zeros(len(names)))
        for members, key, pair in _pairs(names, soft_cutoff, "soft_cutoff"):
            penalty.cutoff[members], penalty.slope[members] = _cutoff(key, pair)
    shortened = None if clip is None else real("clip", clip, above=0.0)
    return Constraints(trained, low, high, real("l2", l2, least=0.0), shortened, penalty)


def _pairs(names: list[str], given: object, where: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (weights, key, pair) of an option that is one pair for all weights, or a mapping of names or groups to pairs."""
    if given is None:
        return
    by_name: Mapping[Any, Any] | None = None if isinstance(given, tuple) else named(where, given)
    if by_name is None:
        yield slice(None), None, given
        return
    for key, pair in by_name.items():
        yield _members(names, key, where), key, pair


def _members(names: list[str], key: object, where: str) -> list[int]:
    members = [k for k, name in enumerate(names) if key in (name, name.split("[")[0])]
    if not members:
        groups = sorted({name.split("[")[0] for name in names})
        close = nearest(key, [*groups, *names])
        raise InputError(f"{where}: no weight and no group is called {shown(key)}; the groups are {', '.join(groups)}{close}")
    return members


def _number(value: Any) -> float:
    if isinstance(value, str | bool | np.bool_):
        raise TypeError
    return float(value)


def _bound(key: object, pair: Any) -> tuple[float, float]:
    try:
        low, high = pair
        a, b = -np.inf if low is None else _number(low), np.inf if high is None else _number(high)
    except (TypeError, ValueError):
        a, b = np.inf, -np.inf
    if not a <= b:
        raise InputError(
            f"bounds{'' if key is None else f'[{key!r}]'}: {shown(pair)} is not allowed; give (low, high), None for no bound"
        )
    return a, b


def _cutoff(key: object, pair: Any) -> tuple[float, float]:
    try:
        cutoff, slope = (_number(value) for value in pair)
    except (TypeError, ValueError):
        cutoff, slope = -1.0, -1.0
    if not (0.0 <= cutoff < np.inf and 0.0 <= slope < np.inf):
        raise InputError(
            f"soft_cutoff{'' if key is None else f'[{key!r}]'}: {shown(pair)} is not allowed; give (cutoff, slope), two "
            "finite numbers of at least 0"
        )
    return cutoff, slope
