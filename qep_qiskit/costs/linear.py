"""Costs that are a weighted sum of the outputs, whose gradients are vector-Jacobian products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from qep_qiskit.checks import shown
from qep_qiskit.costs.cost import OperatorCost
from qep_qiskit.kinds import COSTS, Key
from qep_qiskit.networks.network import Network, finite_vector

MEANING = "one per output of the network"
COTANGENT = Key("a list of finite numbers, one per output", form=list[float])


@COSTS.register("linear")
@dataclass(frozen=True, repr=False)
class LinearCost(OperatorCost):
    """The cost L = Σ_m v_m ⟨O_m⟩ of the outputs O_m.

    Its gradient is Σ_m v_m ∂⟨O_m⟩/∂w: see :func:`qep_qiskit.vjp`.

    Parameters
    ----------
    cotangent : array_like of shape (num_outputs,)
        The factors v_m.
    """

    cotangent: Annotated[ArrayLike, COTANGENT]

    def __post_init__(self) -> None:
        values = finite_vector("cotangent", self.cotangent, None, MEANING)
        object.__setattr__(self, "cotangent", tuple(values.tolist()))

    def __repr__(self) -> str:
        return f"LinearCost({shown(np.atleast_1d(self.cotangent).tolist())})"

    def observables(self, network: Network) -> tuple[Any, ...]:
        """Return (Σ_m v_m O_m,)."""
        factors = finite_vector("cotangent", self.cotangent, network.num_outputs, MEANING)
        first, *others = (float(v) * output for v, output in zip(factors, network.outputs, strict=True))
        return (sum(others, start=first),)
