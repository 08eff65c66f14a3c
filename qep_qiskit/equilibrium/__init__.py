"""The engine of equilibrium propagation: plan, execute and reduce. Only execute uses a device; the others are pure."""

from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.second_round import advance

__all__ = ["Gradient", "Outcomes", "Plan", "advance", "execute", "plan", "reduce"]
