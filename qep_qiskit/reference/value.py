"""The exact gradient of a problem, with an estimate of its numerical error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import counted, short
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.estimates import percent
from qep_qiskit.values import Value

Vector = NDArray[np.float64]
ALLOWED = 1e-6
"""A prepared energy may lie below the reference by this share of itself, due to rounding and truncation."""
SURE = 0.02
"""The largest relative uncertainty with which a reference can judge other gradients."""


@dataclass(frozen=True, eq=False, repr=False)
class Reference(Value):
    """An exact gradient, in the limit β → 0 or at the β of a stencil.

    Attributes
    ----------
    uncertainty : ndarray of shape (K,) or None
        An estimate of the error of each value, due to the bond dimension, the extrapolation in β and the convergence of the
        states. None if the values are exact up to rounding.
    method : str
        The method of computation, in words.
    gradient : Gradient
        The values with their loss, predictions and diagnostics.
    scale : float or None
        The scale of β: the gap over ‖C‖; for matrix product states, the mean excitation energy of the nudge over ‖C‖.
    warnings : tuple of str
        Reasons to doubt the values, such as a metastable state.
    """

    uncertainty: Vector | None
    method: str
    gradient: Gradient
    scale: float | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        unsure = f", uncertain by {percent(self.error)}" if self.error else ""
        return f"Reference({counted(len(self.values), 'weight')}, {short(self.method)}{unsure})"

    @property
    def values(self) -> Vector:
        """The values of the gradient, shape (K,)."""
        return self.gradient.values

    @property
    def error(self) -> float:
        """The norm of the uncertainty divided by the norm of the values; infinite if the values are zero and uncertain."""
        if self.uncertainty is None:
            return 0.0
        size, doubt = float(np.linalg.norm(self.values)), float(np.linalg.norm(self.uncertainty))
        return doubt / size if size else float("inf") if doubt else 0.0

    @property
    def sure(self) -> bool:
        """Whether this gradient can judge others: its uncertainty is small and there are no warnings."""
        return self.error <= SURE and not self.warnings

    @property
    def energy(self) -> float:
        """The energy of the free phase."""
        return next(phase.energy for phase in self.gradient.diagnostics.phases if phase.beta == 0.0)

    def above(self, energy: float) -> str:
        """Return a warning if another state of the free phase has a lower energy than the reference; otherwise an empty text."""
        return lower_energy(energy, self.energy)


def lower_energy(energy: float, reference: float) -> str:
    """Return a warning if a prepared state lies clearly below the reference; otherwise an empty text."""
    if not energy < reference - ALLOWED * abs(reference):
        return ""
    return (
        f"the prepared state has a lower energy ({energy:.8g}) than the reference ({reference:.8g}): "
        "the reference is a metastable state, and other gradients cannot be judged by it"
    )
