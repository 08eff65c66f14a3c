"""Refusal of states that are not unique. Their response to a nudge is not defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.simulation.eigen.lanczos import DEGENERATE
from qep_qiskit.simulation.eigen.operators import PauliSum

DEGENERATE_SHARE = 1e-7
"""A ground state counts as degenerate if its gap is below this share of the median coefficient."""
OUTLIER = 10.0
"""A coefficient that exceeds the median by this factor is an outlier."""


def check_level(level: int, num_qubits: int) -> None:
    """Refuse a level above the highest eigenstate of this many qubits."""
    if level >= 2**num_qubits:
        raise InputError(
            f"preparation.level: {level} is not allowed; {num_qubits} qubits have the levels 0 to {2**num_qubits - 1}"
        )


def refuse_excited(level: int) -> None:
    """Refuse excited states of a network in closed form."""
    if level:
        raise InputError(
            f"preparation.level: {level} is not allowed; a network in closed form has its ground state only; leave it out"
        )


def refuse_degenerate(gap: float, operator: PauliSum, level: int = 0) -> None:
    """Raise if the gap above the ground state, or between a level and its neighbours, is zero to working accuracy."""
    what = "the ground state" if level == 0 else f"level {level}"
    if gap <= DEGENERATE_SHARE * max(ordinary_size(operator.coefficients), 1e-300):
        raise DegenerateGroundStateError(
            f"{what} is degenerate (gap {gap:.1e}), so its response to a nudge is not defined; "
            "break the symmetry, for instance by a longitudinal field h or another weight"
        )
    if gap <= DEGENERATE * operator.scale:
        raise DegenerateGroundStateError(
            f"{what} has the gap {gap:.1e}, which double precision cannot distinguish from zero: the coefficients sum to "
            f"{operator.scale:.1e}, and {gap / DEGENERATE:.1e} is the most for this gap; bring the weights closer together"
        )


def resolution(operator: PauliSum) -> float:
    """Return the distance below which two energies count as equal."""
    return max(DEGENERATE_SHARE * max(ordinary_size(operator.coefficients), 1e-300), DEGENERATE * operator.scale)


def ordinary_size(coefficients: NDArray[np.float64]) -> float:
    """Return the median magnitude of the nonzero coefficients, which one huge weight does not change."""
    sizes = np.sort(np.abs(coefficients[coefficients != 0]))
    count = len(sizes)
    return float(sizes[(count - 1) // 2] + sizes[count // 2]) / 2 if count else 0.0  # np.median takes ten times as long


def without_outliers(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the magnitudes of coefficients, each of at most `OUTLIER` times their median, so that none hides all others."""
    return np.minimum(np.abs(coefficients), OUTLIER * ordinary_size(coefficients))
