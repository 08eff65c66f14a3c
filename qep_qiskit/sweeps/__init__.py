"""Sweeps: one experiment over all combinations of some of its keys."""

from qep_qiskit.sweeps.axes import Axis, axis_of, combinations
from qep_qiskit.sweeps.summary import summary
from qep_qiskit.sweeps.sweep import MEASURES, Row, points, rows

__all__ = ["MEASURES", "Axis", "Row", "axis_of", "combinations", "points", "rows", "summary"]
