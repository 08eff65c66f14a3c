"""Families of Hamiltonians H + βC, one for each phase, over one list of Pauli strings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.networks.frame import Frame

Vector = NDArray[np.float64]
T = TypeVar("T")
LARGEST = 1.5
"""The largest coefficient of H in a family's own unit, as in random networks whose terms have sizes around 1."""


@dataclass(frozen=True)
class Family:
    """The Hamiltonians H + βC for several β.

    Attributes
    ----------
    frame : Frame
        The Pauli strings; its `matrix` is not used here.
    free : ndarray of shape (L,)
        The coefficients of H in the frame.
    nudge : ndarray of shape (L,)
        The coefficients of C in the frame; zeros if there is only the free phase.
    betas : tuple of float
    strings : tuple of int or None
        Strings that ansätze and ramps contain in addition to those of H and C. A cost of expectations lists its outputs here
        before their weights in C are known, so that both rounds share a circuit.
    limit : bool
        Whether to also compute the limit β → 0 when that takes additional states.
    observed : ndarray of shape (M, L) or None
        The coefficients of the cost's observables O_m. A free phase is as accurate as the nudge that follows from them requires.
    signal : callable or None
        ⟨O_m⟩ of shape (M,) → the error signal ε_m, so that C = Σ ε_m O_m; None if no nudged phases follow.
    read : callable or None
        () → the coefficients of everything that is read from the states, as rows over the frame: ∂H/∂w (and ∂H/∂x), outputs,
        observables of the cost. A degenerate ground state is allowed if none of them differs between its states.
    """

    frame: Frame
    free: Vector
    nudge: Vector
    betas: tuple[float, ...]
    strings: tuple[int, ...] | None = None
    limit: bool = False
    observed: NDArray[np.float64] | None = None
    signal: Callable[[Vector], Vector] | None = None
    read: Callable[[], tuple[NDArray[np.float64], ...]] | None = None

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return int(self.frame.paulis.num_qubits)

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """The coefficients of H + βC, one row per phase, shape (P, L)."""
        return self.free + np.asarray(self.betas)[:, None] * self.nudge

    @property
    def support(self) -> NDArray[np.int64]:
        """The strings, without the identity, of ansätze and ramps: the strings of H and C, and `strings`."""
        used = (self.free != 0) | (self.nudge != 0)
        if self.strings is not None:
            used[list(self.strings)] = True
        return np.flatnonzero(used & self.frame.busy)

    @property
    def unit(self) -> float:
        """The unit of energy in which the largest coefficient of H is `LARGEST`; 1 if H is zero."""
        return float(np.abs(self.free[self.frame.busy]).max(initial=0.0)) / LARGEST or 1.0

    def in_unit(self, unit: float) -> Family:
        """Return the family with H and β in another unit of energy; C stays as it is."""
        return replace(self, free=self.free / unit, betas=tuple(beta / unit for beta in self.betas))

    def nudge_bound(self) -> float:
        """Return an upper bound on ‖C‖ without its constant term: the sum of the magnitudes of the other coefficients."""
        return float(np.abs(self.nudge[self.frame.busy]).sum())

    def hamiltonian(self, phase: int) -> SparsePauliOp:
        """Return H + β_p C."""
        return self.frame.operator(self.coefficients[phase])


def outwards(betas: Sequence[float]) -> list[int]:
    """Return the order of preparation, from the free phase to larger nudges, so that each phase can start from an earlier one."""
    return sorted(range(len(betas)), key=lambda p: abs(betas[p]))


def inward_neighbour(done: Mapping[int, T], betas: Sequence[float], phase: int, free: T | None) -> T | None:
    """Return the result of the nearest prepared phase between this one and β = 0, else of the free phase, else None."""
    same_side = [p for p in done if betas[p] * betas[phase] > 0.0]
    if same_side:
        return done[max(same_side, key=lambda p: abs(betas[p]))]
    return next((done[p] for p in done if betas[p] == 0.0), free)
