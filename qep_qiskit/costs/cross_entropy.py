"""The softmax cross entropy of the outputs' expectations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import real, shown, whole
from qep_qiskit.costs.cost import OutputCost, Vector
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS, Key
from qep_qiskit.networks.network import Network, finite_vector
from qep_qiskit.values import Value


@dataclass(frozen=True, eq=False, repr=False)
class SoftmaxCrossEntropy(OutputCost, Value):
    """The cost that :func:`softmax_cross_entropy` returns."""

    target: int | ArrayLike
    scale: float = 1.0

    def __repr__(self) -> str:
        return f"softmax_cross_entropy({shown(self.target)}, scale={self.scale:g})"

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        self._shares(network.num_outputs)
        return network.outputs

    def value(self, v: Vector) -> float:
        y, logarithms = self._shares(len(v)), self._logarithms(v)
        return 0.0 - float(y[y != 0.0] @ logarithms[y != 0.0])

    def error_signal(self, v: Vector) -> Vector:
        """Return scale · (p Σ y − y), where p is the softmax."""
        y, p = self._shares(len(v)), np.exp(self._logarithms(v))
        return self.scale * (p * _of_others(y) - y * _of_others(p))  # 1 - p has no digits left where p is near 1

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        """Return scale² · (diag p − p pᵀ) Σ y, where p is the softmax."""
        p = np.exp(self._logarithms(v))
        bend = -np.outer(p, p)
        np.fill_diagonal(bend, p * _of_others(p))
        return self.scale**2 * self._shares(len(v)).sum() * bend

    def signal_error(self, v: Vector, error: Vector) -> Vector:
        """Return ½ scale² Σ|y| max error: a row of |diag p − p pᵀ| sums to 2p(1 − p), which is at most ½."""
        largest = 0.5 * self.scale**2 * float(np.abs(self._shares(len(v))).sum()) * float(np.max(error, initial=0.0))
        return np.full(len(v), largest)

    def _logarithms(self, v: Vector) -> Vector:
        """Return log p, where p is the softmax."""
        z = self.scale * (v - np.max(v))
        return np.asarray(z - np.log1p(np.exp(np.delete(z, np.argmax(v))).sum()))

    def _shares(self, outputs: int) -> Vector:
        """Return the target probabilities y, one per output."""
        if outputs < 2:
            raise InputError("softmax_cross_entropy: the softmax of a single output is always 1; give one output per class")
        if not isinstance(self.target, int | np.integer):
            return finite_vector("softmax_cross_entropy: target", self.target, outputs, "one per output")
        if not 0 <= self.target < outputs:
            raise InputError(
                f"softmax_cross_entropy: class {shown(self.target)} is out of range; give one from 0 to {outputs - 1}"
            )
        return np.eye(outputs)[self.target]


def _of_others(a: Vector) -> Vector:
    return np.asarray((1.0 - np.eye(len(a))) @ a)


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
) -> SoftmaxCrossEntropy:
    """Return the cost −Σ_m y_m log softmax(scale · v)_m of the outputs' expectations v.

    Parameters
    ----------
    target : int or array_like of shape (num_outputs,)
        The class, or the probabilities of all classes.
    scale : float
        The inverse temperature of the softmax; expectations of Z span only [−1, 1], so 2 to 5 is usual.
    """
    return SoftmaxCrossEntropy(target, real("softmax_cross_entropy: scale", scale, above=0.0))
