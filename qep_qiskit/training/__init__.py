"""Training of networks, in steps that can be watched, stopped and resumed."""

from qep_qiskit.networks.weights import Weights
from qep_qiskit.training.fitting import task_of, train
from qep_qiskit.training.loop.steps import State, Step, first_state, steps
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.loop.trained import TrainingResult
from qep_qiskit.training.rules.optimizers import SGD, Adam, Adamax, AdaptiveShots, Momentum, Optimizer
from qep_qiskit.training.rules.planned_shots import PlannedShots

__all__ = [
    "SGD",
    "AdaptiveShots",
    "Adam",
    "Adamax",
    "Momentum",
    "Optimizer",
    "PlannedShots",
    "State",
    "Step",
    "Task",
    "TrainingResult",
    "Weights",
    "first_state",
    "steps",
    "task_of",
    "train",
]
