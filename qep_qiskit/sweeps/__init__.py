"""Sweeps: one experiment repeated for all combinations of some of its keys' values."""

from qep_qiskit.sweeps.axes import Axis, axis_of, combinations
from qep_qiskit.sweeps.folder import Kept, opened
from qep_qiskit.sweeps.summary import Average, summary
from qep_qiskit.sweeps.sweep import MEASURES, Row, files_of, points, rows, unmade

__all__ = [
    "MEASURES",
    "Average",
    "Axis",
    "Kept",
    "Row",
    "axis_of",
    "combinations",
    "files_of",
    "opened",
    "points",
    "rows",
    "summary",
    "unmade",
]
