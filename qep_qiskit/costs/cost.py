"""The protocol of costs, and base classes for observable costs and for costs of the outputs."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.networks.network import Network

Vector = NDArray[np.float64]


@runtime_checkable
class Cost(Protocol):
    """A function ℓ of the expectations of a few observables."""

    needs_free_phase: bool
    """Whether the error signal depends on the free phase's result, so that a plan has two rounds."""

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the observables O_m. The cost depends on their expectations v."""
        ...

    def value(self, v: Vector) -> float:
        """Return ℓ(v)."""
        ...

    def error_signal(self, v: Vector) -> Vector:
        """Return ε_m = ∂ℓ/∂v_m."""
        ...

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return ∂²ℓ/∂v_m∂v_n, which propagates the error bar of v to that of ε."""
        ...


@runtime_checkable
class BoundedCost(Protocol):
    """A cost whose curvature is bounded for all expectations, so that an error of v bounds the error of ε."""

    def signal_error(self, v: Vector, error: Vector) -> Vector:
        """Bound |ε_m(v′) − ε_m(v)| for every v′ with |v′ − v| ≤ `error`, shape (M,)."""
        ...


class OperatorCost:
    """Base class of observable costs: ℓ(v) = v, the expectation of one operator."""

    needs_free_phase = False

    def value(self, v: Vector) -> float:
        return float(v[0])

    def error_signal(self, v: Vector) -> Vector:
        return np.ones(1)

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        return np.zeros((1, 1))

    def signal_error(self, v: Vector, error: Vector) -> Vector:
        return np.zeros(1)


class OutputCost:
    """Base class of costs of the outputs' expectations."""

    needs_free_phase = True

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return the network's outputs."""
        return network.outputs
