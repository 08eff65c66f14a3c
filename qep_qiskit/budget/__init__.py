"""The error budget as a value: its rungs, how far each is from the exact gradient, and the words for them."""

from qep_qiskit.budget.budget import Budget
from qep_qiskit.budget.deviation import Deviation, deviation
from qep_qiskit.budget.kinds import KINDS, RungKind
from qep_qiskit.budget.rung import Rung

__all__ = ["KINDS", "Budget", "Deviation", "Rung", "RungKind", "deviation"]
