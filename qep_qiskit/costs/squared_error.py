"""The squared error of expectations, and the corresponding observable cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import shown, unnamed
from qep_qiskit.costs.cost import OperatorCost, OutputCost, Vector
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS
from qep_qiskit.networks.network import Network, finite_vector

LARGEST_TARGET = 1e100


@dataclass(frozen=True, repr=False)
class _Targeted:
    """A cost with one target per output."""

    target: ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", _target(self.target))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown(np.atleast_1d(self.target).tolist())})"


@COSTS.register("squared_error_observable")
@dataclass(frozen=True, repr=False)
class SquaredErrorObservable(_Targeted, OperatorCost):
    """The cost L = ⟨Σ_m (O_m − y_m)²⟩, the expectation of the squared operators."""

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return (Σ_m (O_m − y_m)²,)."""
        return (network.squared_error(_matching(self.target, network)),)


@COSTS.register("squared_error")
@dataclass(frozen=True, repr=False)
class SquaredError(_Targeted, OutputCost):
    """The cost L = Σ_m (⟨O_m⟩ − y_m)².

    Parameters
    ----------
    target : array_like of shape (num_outputs,)

    Examples
    --------
    >>> SquaredError([1.0]).value(np.array([0.5]))
    0.25
    """

    def observable(self) -> SquaredErrorObservable:
        """Return the observable cost ⟨Σ_m (O_m − y_m)²⟩, a different objective, which includes the variance of the outputs."""
        return SquaredErrorObservable(self.target)

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        _matching(self.target, network)
        return network.outputs

    def value(self, v: Vector) -> float:
        return float(np.sum((v - np.asarray(self.target)) ** 2))

    def error_signal(self, v: Vector) -> Vector:
        """Return 2 (v − y)."""
        return 2.0 * (v - np.asarray(self.target))

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return twice the identity matrix."""
        return 2.0 * np.eye(len(v))

    def signal_error(self, v: Vector, error: Vector) -> Vector:
        """Return twice the error of the expectations."""
        return 2.0 * error


def _target(target: ArrayLike) -> tuple[float, ...]:
    values = unnamed("cost target y", target, "one per output of the network")
    number = isinstance(values, int | float | np.number) or (isinstance(values, np.ndarray) and values.ndim == 0)
    targets = finite_vector("cost target y", [values] if number else values, None, "one per output")
    if np.abs(targets).max(initial=0.0) > LARGEST_TARGET:
        raise InputError(
            f"cost target y: {targets[np.abs(targets).argmax()]:g} is too large: its square overflows; scale the targets"
        )
    return tuple(targets.tolist())


def _matching(target: ArrayLike, network: Network) -> Vector:
    return finite_vector("cost target y", target, network.num_outputs, "one per output of the network")
