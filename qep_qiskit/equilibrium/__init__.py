"""The EP layer: plan (pure), execute (touches a device), reduce (pure), and their composition, gradient."""

from qep_qiskit.equilibrium.batch import gradients
from qep_qiskit.equilibrium.circuits import circuits
from qep_qiskit.equilibrium.estimate import gradient
from qep_qiskit.equilibrium.executed import Outcomes, execute
from qep_qiskit.equilibrium.planned import Plan, advance, plan
from qep_qiskit.equilibrium.prediction import Answer, answers, predictions
from qep_qiskit.equilibrium.reduced import reduce
from qep_qiskit.equilibrium.result import Gradient

__all__ = [
    "Answer",
    "Gradient",
    "Outcomes",
    "Plan",
    "advance",
    "answers",
    "circuits",
    "execute",
    "gradient",
    "gradients",
    "plan",
    "predictions",
    "reduce",
]
