"""The engine of equilibrium propagation: plan (pure), execute (touches a device), reduce (pure)."""

from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.second_round import advance

__all__ = ["Gradient", "Outcomes", "Plan", "advance", "execute", "plan", "reduce"]
