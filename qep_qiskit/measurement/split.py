"""The distribution of shots over the circuits of a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown, whole
from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.samples import MOST_SHOTS
from qep_qiskit.values import Brief


@dataclass(frozen=True, repr=False)
class Split(Brief):
    """The number of shots of every circuit, for the option ``shots`` in place of one number.

    Parameters
    ----------
    shots : sequence of sequences of int
        One row per phase of the stencil (``stencil.phases``, the free phase first), with one number per measurement basis; 0 if
        the basis is not measured in that phase.
    calibration : int, optional
        Shots per calibration circuit; the option ``calibration_shots`` has precedence.

    Examples
    --------
    >>> Split([[100, 0], [400, 300], [400, 300]]).total
    1500
    """

    shots: Sequence[Sequence[int]]
    calibration: int | None = None

    def __post_init__(self) -> None:
        try:
            rows = tuple(tuple(whole("split", n, most=MOST_SHOTS) for n in row) for row in self.shots)
        except TypeError:
            raise InputError(f"split: {shown(self.shots)} is not a table of whole numbers; give one row per phase") from None
        if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
            raise InputError("split: give one row per phase with one whole number per basis, all rows of one length")
        if not any(map(any, rows)):
            raise InputError("split: has no shots; give at least 2 for every circuit that is measured")
        object.__setattr__(self, "shots", rows)
        if self.calibration is not None:
            object.__setattr__(self, "calibration", whole("split: calibration", self.calibration))

    @property
    def table(self) -> NDArray[np.int64]:
        """The shots as an array of shape (phases, bases)."""
        return np.array(self.shots, dtype=np.int64)

    @property
    def total(self) -> int:
        """The total number of shots, without the calibration."""
        return int(self.table.sum())

    def fitting(self, measured: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the table for the measured (phase, basis) pairs. Raise InputError if it does not match them."""
        table = self.table
        if table.shape != measured.shape:
            raise InputError(
                f"measurement.split: has {_size(table)}, but the gradient has {_size(measured)}; give one row per phase with one "
                "number per basis"
            )
        short = np.argwhere(measured & (table < 2))
        if short.size:
            phase, basis = (int(i) for i in short[0])
            raise InputError(
                f"measurement.split: phase {phase} in basis {basis} has {int(table[phase, basis])} shots; "
                "every circuit that is measured needs at least 2"
            )
        return np.where(measured, table, 0)


def _size(table: NDArray[Any]) -> str:
    return f"{counted(table.shape[0], 'phase')} × {counted(table.shape[1], 'basis')}"


@dataclass(frozen=True)
class OptimalShots:
    """An average number of shots per circuit, to be distributed over phases, bases and calibration for the smallest error.

    The planner converts it to a :class:`Split`; see :func:`optimal_shots`.
    """

    shots: int


def optimal_shots(shots: int) -> OptimalShots:
    """Request `shots` per circuit on average, distributed for the smallest predicted error.

    Parameters
    ----------
    shots : int
        The average number per circuit. The total is this times the number of circuits: all measured pairs of a phase and a basis,
        and two calibration circuits if the mitigation needs them.

    Examples
    --------
    >>> optimal_shots(10_000).shots
    10000
    """
    from qep_qiskit.devices.device import check_shots

    checked = check_shots("shots", shots)
    if checked is None:
        raise InputError("shots: optimal_shots needs a whole number of at least 2")
    return OptimalShots(checked)
