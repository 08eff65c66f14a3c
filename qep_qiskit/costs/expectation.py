"""Costs that are any function of the outputs' expectations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.checks import numbers, shown
from qep_qiskit.costs.cost import OutputCost, Vector
from qep_qiskit.errors import InputError
from qep_qiskit.networks.network import finite_vector
from qep_qiskit.values import Brief


@dataclass(frozen=True, repr=False)
class ExpectationCost(Brief, OutputCost):
    """A cost ℓ(⟨O_1⟩, …, ⟨O_M⟩), any function of the network's outputs (Wanjura & Marquardt 2024).

    Parameters
    ----------
    loss : callable
        v of shape (M,) → float.
    gradient : callable
        v → ∂ℓ/∂v of shape (M,).
    hessian : callable, optional
        v → ∂²ℓ/∂v² of shape (M, M), used for the error bar. Default: central differences of `gradient`.
    """

    loss: Callable[[Vector], float]
    gradient: Callable[[Vector], ArrayLike]
    hessian: Callable[[Vector], ArrayLike] | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "gradient"):
            if not callable(getattr(self, name)):
                raise InputError(f"ExpectationCost: {name} is {shown(getattr(self, name))}; give a function of the predictions")

    def value(self, v: Vector) -> float:
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
