"""The Hamiltonians H + βC of all phases, over one list of Pauli strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.networks.frame import Frame

Vector = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Family:
    """H + β C for several β.

    Attributes
    ----------
    frame : Frame
        The Pauli strings; its `matrix` is not used here.
    free : ndarray of shape (L,)
        H over the frame.
    nudge : ndarray of shape (L,)
        C over the frame; zeros for the free phase alone.
    betas : tuple of float
    strings : tuple of int or None
        Strings that ansätze and ramps contain in addition to those of H and C. A cost of expectations lists its outputs here
        before their weights in C are known, so that both rounds share a circuit.
    limit : bool
        Whether to compute the limit β → 0 too if that takes additional states.
    """

    frame: Frame
    free: Vector
    nudge: Vector
    betas: tuple[float, ...]
    strings: tuple[int, ...] | None = None
    limit: bool = False

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return int(self.frame.paulis.num_qubits)

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """One row per phase, shape (P, L)."""
        return self.free + np.asarray(self.betas)[:, None] * self.nudge

    @property
    def support(self) -> NDArray[np.int64]:
        """The strings, identity excluded, that ansätze and ramps are made of: those of H, of C and of `strings`."""
        used = (self.free != 0) | (self.nudge != 0)
        if self.strings is not None:
            used[list(self.strings)] = True
        return np.flatnonzero(used & self.frame.busy)

    def nudge_bound(self) -> float:
        """Return an upper bound of ‖C‖ without its constant term: the sum of the magnitudes of the other coefficients."""
        return float(np.abs(self.nudge[self.frame.busy]).sum())

    def hamiltonian(self, phase: int) -> SparsePauliOp:
        """Return H + β_p C."""
        return self.frame.operator(self.coefficients[phase])


def outwards(betas: Sequence[float]) -> list[int]:
    """Return the order in which phases are prepared, each starting from an earlier one: from the free phase to larger nudges."""
    return sorted(range(len(betas)), key=lambda p: abs(betas[p]))


def inward_neighbour(done: Mapping[int, T], betas: Sequence[float], phase: int, free: T | None) -> T | None:
    """Return the result of the nearest phase between this one and β = 0, else of the free phase; None if neither is done."""
    same_side = [p for p in done if betas[p] * betas[phase] > 0.0]
    if same_side:
        return done[max(same_side, key=lambda p: abs(betas[p]))]
    return next((done[p] for p in done if betas[p] == 0.0), free)
