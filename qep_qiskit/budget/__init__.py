"""Error budgets: their rungs, the deviation of each from the exact gradient, and the names of the kinds of rungs."""

from qep_qiskit.budget.budget import Budget
from qep_qiskit.budget.deviation import Deviation, deviation
from qep_qiskit.budget.kept import Kept
from qep_qiskit.budget.measured import Measured
from qep_qiskit.budget.rung import Rung
from qep_qiskit.budget.rung_kind import RungKind

__all__ = ["Budget", "Deviation", "Kept", "Measured", "Rung", "RungKind", "deviation"]
