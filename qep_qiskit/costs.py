"""The functions that training minimises: observable costs and costs of expectations.

Every cost is a function ℓ of the expectations v of a few observables. For an observable cost there is one, the cost
operator itself, and ℓ(v) = v. The nudge operator is Σ_m ε_m O_m with ε = ∂ℓ/∂v taken once, at the free phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import numbers, shown, unnamed, whole
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS, Key
from qep_qiskit.networks.network import Network, finite_vector
from qep_qiskit.networks.pauli import OPERATOR, operator_from
from qep_qiskit.networks.quadratic.polynomial import EXAMPLE, Polynomial, polynomial_from, written_in_positions
from qep_qiskit.values import same

Vector = NDArray[np.float64]
LARGEST_TARGET = 1e100
OPERATOR_KEY = Key(f'{OPERATOR}; for oscillators also {{ "r[0] r[1]" = 1.0, "p[0]^2" = 0.5 }}', form=dict[str, float])


@runtime_checkable
class Cost(Protocol):
    """A function ℓ of the expectations of a few observables."""

    needs_free_phase: bool
    """Whether the error signal depends on the free phase's result, so that a plan has two rounds."""

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the observables O_m whose expectations v the cost depends on."""
        ...

    def value(self, v: Vector) -> float:
        """Return ℓ(v)."""
        ...

    def error_signal(self, v: Vector) -> Vector:
        """Return ε_m = ∂ℓ/∂v_m."""
        ...

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return ∂²ℓ/∂v_m∂v_n, which carries the error bar of v into that of ε."""
        ...


class _OperatorCost:
    """The part that all observable costs share: ℓ(v) = v of one operator."""

    needs_free_phase = False

    def value(self, v: Vector) -> float:
        return float(v[0])

    def error_signal(self, v: Vector) -> Vector:
        return np.ones(1)

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        return np.zeros((1, 1))


@COSTS.register("observable")
@dataclass(frozen=True)
class ObservableCost(_OperatorCost):
    """L = ⟨C⟩ for a given operator C (Scellier 2024).

    Parameters
    ----------
    operator : SparsePauliOp, mapping of label to coefficient, or Polynomial
        For oscillators also in positions and momenta: ``{"r[0] r[1]": 1.0, "r[0]^2": 0.5, "p[1]^2": 0.5}``.
    """

    operator: Annotated[SparsePauliOp | Mapping[str, float] | Polynomial, OPERATOR_KEY]

    def __post_init__(self) -> None:
        read = polynomial_from if written_in_positions(self.operator) else operator_from
        object.__setattr__(self, "operator", read(self.operator, None, "cost.operator"))

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return (C,)."""
        if isinstance(self.operator, Polynomial):
            return (network.in_positions(self.operator, "cost.operator"),)
        if network.closed_form:
            raise InputError(
                "cost.operator: Pauli labels act on qubits, and a network in closed form has none; write positions and momenta "
                f"such as {EXAMPLE}"
            )
        return (operator_from(self.operator, network.num_qubits, "cost.operator"),)


@COSTS.register("squared_error_observable")
@dataclass(frozen=True)
class SquaredErrorObservable(_OperatorCost):
    """L = ⟨Σ_m (O_m − y_m)²⟩, the operator whose square is taken before the expectation."""

    target: ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", _target(self.target))

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return (Σ_m (O_m − y_m)²,)."""
        return (network.squared_error(_matching(self.target, network)),)


class _OutputCost:
    """The part that all costs of the outputs' expectations share."""

    needs_free_phase = True

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the network's outputs."""
        return network.outputs


@COSTS.register("squared_error")
@dataclass(frozen=True)
class SquaredError(_OutputCost):
    """L = Σ_m (⟨O_m⟩ − y_m)².

    Parameters
    ----------
    target : array_like of shape (num_outputs,)

    Examples
    --------
    >>> SquaredError([1.0]).value(np.array([0.5]))
    0.25
    """

    target: ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", _target(self.target))

    def observable(self) -> SquaredErrorObservable:
        """Return the observable cost ⟨Σ_m (O_m − y_m)²⟩, another objective: it also counts the outputs' variance."""
        return SquaredErrorObservable(self.target)

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the network's outputs."""
        _matching(self.target, network)
        return network.outputs

    def value(self, v: Vector) -> float:
        """Return ℓ(v)."""
        return float(np.sum((v - np.asarray(self.target)) ** 2))

    def error_signal(self, v: Vector) -> Vector:
        """Return 2 (v − y)."""
        return 2.0 * (v - np.asarray(self.target))

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return twice the identity."""
        return 2.0 * np.eye(len(v))


@dataclass(frozen=True)
class ExpectationCost(_OutputCost):
    """Any ℓ(⟨O_1⟩, …, ⟨O_M⟩) of the network's outputs (Wanjura & Marquardt 2024).

    Parameters
    ----------
    loss : callable
        v of shape (M,) → float.
    gradient : callable
        v → ∂ℓ/∂v of shape (M,).
    hessian : callable, optional
        v → ∂²ℓ/∂v² of shape (M, M), for the error bar. Default: central differences of `gradient`.
    """

    loss: Callable[[Vector], float]
    gradient: Callable[[Vector], ArrayLike]
    hessian: Callable[[Vector], ArrayLike] | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "gradient"):
            if not callable(getattr(self, name)):
                raise InputError(f"ExpectationCost: {name} is {getattr(self, name)!r}; give a function of the predictions")

    def value(self, v: Vector) -> float:
        """Return ℓ(v)."""
        number = numbers(self.loss(v))
        if number is None or number.ndim:
            raise InputError(f"ExpectationCost: loss gave {shown(self.loss(v))}; it must be one number")
        value = float(number)
        if not np.isfinite(value):
            raise InputError(f"ExpectationCost: loss is {value} at predictions {v.tolist()}; it must be finite")
        return value

    def error_signal(self, v: Vector) -> Vector:
        """Return ∂ℓ/∂v."""
        return finite_vector("ExpectationCost: gradient", self.gradient(v), len(v), "one per output")

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return ∂²ℓ/∂v²."""
        if self.hessian is not None:
            return np.asarray(self.hessian(v), dtype=float).reshape(len(v), len(v))
        step = 1e-5
        rows = [(self.error_signal(v + e) - self.error_signal(v - e)) / (2 * step) for e in step * np.eye(len(v))]
        return (np.array(rows) + np.array(rows).T) / 2


@dataclass(frozen=True, eq=False, repr=False)
class SoftmaxCrossEntropy(ExpectationCost):
    """A cross entropy made by :func:`softmax_cross_entropy`; equal to another of the same target and scale."""

    target: int | ArrayLike = 0
    scale: float = 1.0

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the network's outputs."""
        if isinstance(self.target, int | np.integer) and not 0 <= self.target < network.num_outputs:
            raise InputError(
                f"softmax_cross_entropy: class {self.target} is out of range; give one from 0 to {network.num_outputs - 1}"
            )
        return network.outputs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SoftmaxCrossEntropy):
            return NotImplemented
        return same((self.target, self.scale), (other.target, other.scale))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"softmax_cross_entropy({shown(self.target)}, scale={self.scale:g})"

    def __reduce__(self) -> tuple[Callable[[Any, float], ExpectationCost], tuple[Any, float]]:
        return _softmax_cross_entropy, (self.target, self.scale)


def _softmax_cross_entropy(target: Any, scale: float) -> ExpectationCost:
    return softmax_cross_entropy(target, scale=scale)


def _class_or_probabilities(y: Any, folder: object) -> Any:
    if isinstance(y, list):
        if min(y, default=0.0) < 0 or not math.isclose(sum(y), 1.0, abs_tol=1e-9):
            raise InputError("give probabilities that sum to 1, or a class")
        return y
    return whole("softmax_cross_entropy: class", y, what="a class")


@COSTS.register("softmax_cross_entropy")
def softmax_cross_entropy(
    target: Annotated[int | ArrayLike, Key(read=_class_or_probabilities)],
    *,
    scale: Annotated[float, Key(above=0)] = 1.0,
) -> ExpectationCost:
    """Return −Σ_m y_m log softmax(scale · v)_m over the outputs' expectations.

    Parameters
    ----------
    target : int or array_like of shape (num_outputs,)
        The class, or its probabilities.
    scale : float
        The inverse temperature of the softmax; expectations of Z span only [−1, 1], so 2 to 5 is usual.
    """
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not np.isfinite(scale) or scale <= 0:
        raise InputError(f"softmax_cross_entropy: scale is {scale!r}; give a finite number above 0")

    def log_probabilities(v: Vector) -> Vector:
        z = scale * (v - np.max(v))
        return np.asarray(z - np.log1p(np.exp(np.delete(z, np.argmax(v))).sum()))

    def of_others(a: Vector) -> Vector:
        return np.asarray((1.0 - np.eye(len(a))) @ a)

    def probabilities(v: Vector) -> Vector:
        return np.exp(log_probabilities(v))

    def one_hot(v: Vector) -> Vector:
        if isinstance(target, int | np.integer):
            if not 0 <= target < len(v):
                raise InputError(f"softmax_cross_entropy: class {target} is out of range; there are {len(v)} outputs")
            return np.eye(len(v))[target]
        return finite_vector("softmax_cross_entropy: target", target, len(v), "one per output")

    def loss(v: Vector) -> float:
        y, logarithms = one_hot(v), log_probabilities(v)
        return 0.0 - float(y[y != 0.0] @ logarithms[y != 0.0])

    def gradient(v: Vector) -> Vector:
        y, p = one_hot(v), probabilities(v)
        return scale * (p * of_others(y) - y * of_others(p))  # 1 - p has no digits left where p is near 1

    def hessian(v: Vector) -> NDArray[np.float64]:
        p = probabilities(v)
        bend = -np.outer(p, p)
        np.fill_diagonal(bend, p * of_others(p))
        return scale**2 * one_hot(v).sum() * bend

    return SoftmaxCrossEntropy(loss, gradient, hessian, target, scale)


def _target(target: ArrayLike) -> tuple[float, ...]:
    values = unnamed("cost target y", target, "one per output of the network")
    number = isinstance(values, int | float | np.number) or (isinstance(values, np.ndarray) and values.ndim == 0)
    targets = finite_vector("cost target y", [values] if number else values, None, "one per output")
    if np.abs(targets).max(initial=0.0) > LARGEST_TARGET:
        raise InputError(
            f"cost target y: {targets[np.abs(targets).argmax()]:g} is too large, its square overflows; scale the targets"
        )
    return tuple(targets.tolist())


def _matching(target: ArrayLike, network: Network) -> Vector:
    return finite_vector("cost target y", target, network.num_outputs, "one per output of the network")
