"""Update rules: functions from an estimated gradient to a change of the weights, with plain arrays as memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import counts, flag, real, shown
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import OPTIMIZERS, one_of

Vector = NDArray[np.float64]
Memory = Mapping[str, Vector]
MOST_GROWTH = 20
"""The default `maximum` of `adaptive_shots`, as a multiple of the user's number of shots."""


@runtime_checkable
class Optimizer(Protocol):
    """An update rule with its options. Its memory between steps is passed in and returned."""

    def start(self, size: int) -> Memory:
        """Return the memory before the first step, for `size` weights."""
        ...

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return the change of the weights, and the updated memory.

        Parameters
        ----------
        gradient : ndarray of shape (K,)
        covariance : ndarray of shape (K, K) or None
            Covariance of the gradient's shot noise.
        shots : int or None
            The shots per circuit of the measured gradient.
        rate : float
            The learning rate of this step.
        """
        ...

    def shots(self, first: int | None, memory: Memory) -> int | None:
        """Return the shots per circuit for the next step; `first` is the user's number for the first step."""
        ...

    def describe(self) -> dict[str, object]:
        """Return the rule's name and options, for reports."""
        ...


class _FixedShots:
    """The base of rules that never change the number of shots, registered by their names in lower case."""

    def shots(self, first: int | None, memory: Memory) -> int | None:
        return first

    def describe(self) -> dict[str, object]:
        return {"name": type(self).__name__.lower(), **vars(self)}


@OPTIMIZERS.register("sgd")
@dataclass(frozen=True)
class SGD(_FixedShots):
    """Plain gradient descent, −η g.

    Parameters
    ----------
    normalized : bool
        Whether steps have length η: ``−η g/|g|`` (Wanjura & Marquardt 2024).
    """

    normalized: bool = False

    def __post_init__(self) -> None:
        flag("sgd: normalized", self.normalized)

    def start(self, size: int) -> Memory:
        """Return an empty memory."""
        return {}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return −η g."""
        size = float(np.linalg.norm(gradient)) if self.normalized else 1.0
        return -rate * gradient / (size or 1.0), memory


@OPTIMIZERS.register("momentum")
@dataclass(frozen=True)
class Momentum(_FixedShots):
    """Gradient descent with momentum: v ← μ v + g, then the step −η v, or −η (g + μ v) with `nesterov`.

    Parameters
    ----------
    decay : float
        The decay μ of the velocity v.
    nesterov : bool
    """

    decay: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        _share("momentum", "decay", self.decay)
        flag("momentum: nesterov", self.nesterov)

    def start(self, size: int) -> Memory:
        """Return a velocity of zero."""
        return {"velocity": np.zeros(size)}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return −η v, or −η (g + μ v) with `nesterov`."""
        velocity = self.decay * memory["velocity"] + gradient
        direction = gradient + self.decay * velocity if self.nesterov else velocity
        return -rate * direction, {"velocity": velocity}


@dataclass(frozen=True)
class _Averaging(_FixedShots):
    """The base of rules that average the gradient and its size over the steps."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        name = type(self).__name__.lower()
        _share(name, "beta1", self.beta1)
        _share(name, "beta2", self.beta2)
        real(f"{name}: epsilon", self.epsilon, above=0.0)


@OPTIMIZERS.register("adam")
@dataclass(frozen=True)
class Adam(_Averaging):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1).

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the running averages of g and g².
    epsilon : float
    """

    def start(self, size: int) -> Memory:
        """Return averages of zero."""
        return {"mean": np.zeros(size), "square": np.zeros(size), "count": np.zeros(1)}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return −η m̂/(√v̂ + ε)."""
        count = memory["count"] + 1.0
        mean = self.beta1 * memory["mean"] + (1.0 - self.beta1) * gradient
        square = self.beta2 * memory["square"] + (1.0 - self.beta2) * gradient**2
        step = (mean / (1.0 - self.beta1**count)) / (np.sqrt(square / (1.0 - self.beta2**count)) + self.epsilon)
        return -rate * step, {"mean": mean, "square": square, "count": count}


@OPTIMIZERS.register("adamax")
@dataclass(frozen=True)
class Adamax(_Averaging):
    """Adamax, the variant of Adam that divides by a decaying maximum of ``|g|`` (Kingma & Ba 2015, arXiv:1412.6980, algorithm 2).

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the running average of g and of the maximum of ``|g|``.
    epsilon : float
        Added to ``|g|`` before the maximum is taken, so that a gradient of zero changes nothing.
    """

    def start(self, size: int) -> Memory:
        """Return an average and a maximum of zero."""
        return {"mean": np.zeros(size), "largest": np.zeros(size), "count": np.zeros(1)}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return −η m̂/u."""
        count = memory["count"] + 1.0
        mean = self.beta1 * memory["mean"] + (1.0 - self.beta1) * gradient
        largest = np.maximum(self.beta2 * memory["largest"], np.abs(gradient) + self.epsilon)
        return -rate * mean / (1.0 - self.beta1**count) / largest, {"mean": mean, "largest": largest, "count": count}


@OPTIMIZERS.register("adaptive_shots")
@dataclass(frozen=True)
class AdaptiveShots:
    """An update rule that sets the shots of each step from the gradient's error bar: more shots for a smaller gradient.

    Parameters
    ----------
    base : Optimizer
        The rule that changes the weights; the theory assumes plain gradient descent.
    lipschitz : float, optional
        L, a bound on the curvature of the loss. Default: 1/η, which assumes the largest sensible learning rate.
    smoothing : float
        Decay of the running averages of the gradient and its variance.
    minimum, maximum : int
        Limits of the shots per circuit. Default maximum: 20 times the user's number for the first step.
    bias, bias_decay : float
        b and μ of the term b μᵏ in step k, which keeps the number of shots finite if the gradient is zero.

    Notes
    -----
    For a gradient g with per-shot variances that sum to V, a descent step with s shots gains at least
    ``(η − Lη²/2)|g|² − Lη²V/(2s)``. The gain per shot is largest at ``s = 2Lη/(2 − Lη) · V/|g|²`` (iCANS: Kübler, Arrasmith,
    Cincio & Coles 2020, arXiv:1909.09083). All weights share one number of shots, as in gCANS (Gu et al. 2021,
    arXiv:2108.10434), since they are read from the same shots. As published, the denominator is ``|g|² + b μᵏ``. Balles,
    Romero & Hennig 2017, arXiv:1612.05086, use the same rule for batch sizes. If the gradient and its variance are both zero,
    the number of shots does not change.
    """

    base: Optimizer = field(default_factory=SGD)
    lipschitz: float | None = None
    smoothing: float = 0.9
    minimum: int = 10
    maximum: int | None = None
    bias: float = 1e-6
    bias_decay: float = 0.99

    def __post_init__(self) -> None:
        base_rule("adaptive_shots", self.base)
        if self.lipschitz is not None:
            real("adaptive_shots: lipschitz", self.lipschitz, above=0.0)
        _share("adaptive_shots", "smoothing", self.smoothing)
        real("adaptive_shots: bias", self.bias, above=0.0)
        _share("adaptive_shots", "bias_decay", self.bias_decay)
        limits("adaptive_shots", self.minimum, self.maximum)

    def start(self, size: int) -> Memory:
        """Return the base rule's memory and averages of zero."""
        averages = {"average": np.zeros(size), "variance": np.zeros(1), "measured": np.zeros(1), "next": np.zeros(1)}
        return {**self.base.start(size), **averages}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return the base rule's step, and the memory with the best number of shots for the next step."""
        if covariance is None or shots is None:
            raise InputError("optimizer: adaptive_shots needs the gradient's error bar; give shots for the first step")
        step, base_memory = self.base.update(gradient, covariance, shots, rate, memory)
        count = memory["measured"] + 1.0
        average = self.smoothing * memory["average"] + (1.0 - self.smoothing) * gradient
        variance = self.smoothing * memory["variance"] + (1.0 - self.smoothing) * shots * np.trace(covariance)
        unbias = 1.0 - self.smoothing**count
        reach = 1.0 if self.lipschitz is None else min(self.lipschitz * rate, 1.9)
        signal = float(np.sum((average / unbias) ** 2))
        noise = float(variance[0] / unbias[0])
        floor = self.bias * self.bias_decay ** float(memory["measured"][0])
        best = 2.0 * reach / (2.0 - reach) * noise / max(signal + floor, 1e-300) if signal or noise else float(shots)
        after = np.array([float(np.ceil(max(best, self.minimum)))])
        return step, {**base_memory, "average": average, "variance": variance, "measured": count, "next": after}

    def shots(self, first: int | None, memory: Memory) -> int | None:
        """Return the best number of shots for the last gradient; before the first gradient, the user's number."""
        best = float(memory["next"][0])
        if best <= 0.0:
            return first
        most = self.maximum or max(MOST_GROWTH * (first or self.minimum), self.minimum)
        return int(min(best, most))

    def describe(self) -> dict[str, object]:
        options = {key: value for key, value in vars(self).items() if key != "maximum" or value is not None}
        return {"name": "adaptive_shots", **options, "base": self.base.describe()}


def optimizer_of(optimizer: object) -> Optimizer:
    """Return the optimizer with this name; an optimizer is returned unchanged."""
    if isinstance(optimizer, str):
        named: Optimizer = OPTIMIZERS[optimizer]()
        return named
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, type):
        raise InputError(
            f"optimizer: {shown(optimizer)} is not allowed; give {one_of(OPTIMIZERS)}, or an optimizer such as Adam()"
        )
    return optimizer


def base_rule(name: str, base: object) -> None:
    """Refuse a base that is not an update rule, or that chooses shots itself."""
    if isinstance(base, type | AdaptiveShots) or not isinstance(base, Optimizer) or hasattr(base, "planned"):
        raise InputError(
            f"{name}: base: {shown(base)} is not allowed; give a rule that does not choose shots, such as SGD() or Adam()"
        )


def limits(name: str, minimum: int, maximum: int | None) -> None:
    """Refuse limits of the shots that are not whole numbers with 2 <= minimum <= maximum."""
    if not (counts(minimum, 2) and (maximum is None or counts(maximum, minimum))):
        raise InputError(
            f"{name}: minimum {shown(minimum)} and maximum {shown(maximum)} are not allowed; "
            "give whole numbers with 2 <= minimum <= maximum"
        )


def _share(name: str, key: str, value: float) -> None:
    if real(f"{name}: {key}", value) != value or not 0.0 <= value < 1.0:
        raise InputError(f"{name}: {key} is {shown(value)}; give a number from 0 to below 1")
