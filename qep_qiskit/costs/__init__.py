"""The functions that training minimises: observable costs and costs of expectations.

Every cost is a function ℓ of the expectations v of a few observables. An observable cost has one observable, the cost
operator, and ℓ(v) = v. The nudge operator is Σ_m ε_m O_m, where ε = ∂ℓ/∂v is taken once, at the free phase.
"""

from qep_qiskit.costs.cost import BoundedCost, Cost
from qep_qiskit.costs.cross_entropy import softmax_cross_entropy
from qep_qiskit.costs.expectation import ExpectationCost
from qep_qiskit.costs.linear import LinearCost
from qep_qiskit.costs.observable import ObservableCost
from qep_qiskit.costs.squared_error import SquaredError, SquaredErrorObservable

__all__ = [
    "BoundedCost",
    "Cost",
    "ExpectationCost",
    "LinearCost",
    "ObservableCost",
    "SquaredError",
    "SquaredErrorObservable",
    "softmax_cross_entropy",
]
