"""How shots are shared out over the circuits of a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import whole
from qep_qiskit.errors import InputError


@dataclass(frozen=True)
class Split:
    """Shots of every circuit: what ``shots=`` may be in place of one number.

    Parameters
    ----------
    shots : sequence of sequences of int
        One row a phase of the stencil (``stencil.phases``, the free one first), one number a measurement basis; 0 where that
        basis is not measured in that phase.
    calibration : int, optional
        Of each calibration circuit; ``calibration_shots`` goes before it.

    Examples
    --------
    >>> Split([[100, 0], [400, 300], [400, 300]]).total
    1500
    """

    shots: Sequence[Sequence[int]]
    calibration: int | None = None

    def __post_init__(self) -> None:
        try:
            rows = tuple(tuple(whole("shots", n) for n in row) for row in self.shots)
        except TypeError:
            raise InputError(f"shots: {self.shots!r} is no table of whole numbers; give one row a phase") from None
        if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
            raise InputError("shots: a split is one row a phase and one whole number a basis, all rows of one length")
        object.__setattr__(self, "shots", rows)
        if self.calibration is not None:
            object.__setattr__(self, "calibration", whole("shots: calibration", self.calibration))

    @property
    def table(self) -> NDArray[np.int64]:
        """The shots as an array of shape (phases, bases)."""
        return np.array(self.shots, dtype=np.int64)

    @property
    def total(self) -> int:
        """All shots, calibration not counted."""
        return int(self.table.sum())

    def fitting(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the table for these (phase, basis) pairs. Raises InputError where it does not fit them."""
        table = self.table
        if table.shape != wanted.shape:
            raise InputError(
                f"shots: a split of {table.shape[0]} phases × {table.shape[1]} bases; this gradient has "
                f"{wanted.shape[0]} × {wanted.shape[1]}"
            )
        short = np.argwhere(wanted & (table < 2))
        if short.size:
            phase, basis = (int(i) for i in short[0])
            raise InputError(
                f"shots: phase {phase} in basis {basis} has {int(table[phase, basis])} shots; "
                "every circuit that is measured needs at least 2"
            )
        return np.where(wanted, table, 0)


@dataclass(frozen=True)
class OptimalShots:
    """As many shots a circuit in the mean, shared out over phases, bases and calibration so that the error is least.

    It stands for a :class:`Split` that the planner works out; see :func:`optimal_shots`.
    """

    shots: int


def optimal_shots(shots: int) -> OptimalShots:
    """Return a budget of `shots` a circuit, to be shared out where the predicted error is least.

    Parameters
    ----------
    shots : int
        Per circuit in the mean: the total is this times the number of circuits (phases × bases that are measured, and two
        calibration circuits where the mitigation has them), as with one number for all.

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
