"""The error budget as a value: its rungs, how far each is from the exact gradient, and the words for them."""

from qep_qiskit.budget.budget import Budget
from qep_qiskit.budget.deviation import Deviation, deviation
from qep_qiskit.budget.rung import Rung
from qep_qiskit.budget.rung_kind import RungKind

__all__ = ["Budget", "Deviation", "Rung", "RungKind", "deviation"]
