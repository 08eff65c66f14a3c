"""The states and circuits of a ramp for the phases of a family, with the nudge ramped together with H or after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.ansatz.nudge_ramp import NudgeRamp
from qep_qiskit.ansatz.ramp import Ramp, ramp_circuit
from qep_qiskit.ansatz.ramp_states import ramp_states
from qep_qiskit.errors import InputError
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared, StateCircuit
from qep_qiskit.progress import Progress, silent

States = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Path:
    """The way from the initial state to the phases of families over the same strings.

    Attributes
    ----------
    ramp : Ramp
        The ramp of H + βC, over the strings of both.
    time : float
        Its duration, or that of H alone.
    nudge : NudgeRamp or None
        The ramp of the nudge after that of H; None if the nudge is ramped together with H.
    """

    ramp: Ramp
    time: float
    nudge: NudgeRamp | None

    def states(
        self,
        families: Sequence[Family],
        betas: Sequence[tuple[float, ...]],
        free: Callable[[], States],
        progress: Progress = silent,
    ) -> States:
        """Return the states of several families at the given β, one after the other, shape (Σ β, 2**n).

        Parameters
        ----------
        families : sequence of Family
        betas : sequence of tuple of float
        free : callable
            () → the free state of each family, see :meth:`free`; only called for a ramp of the nudge alone.
        progress : callable
        """
        support = families[0].support
        owner = np.repeat(np.arange(len(families)), [len(each) for each in betas])
        every = np.array([beta for each in betas for beta in each])
        rows = np.array([family.free for family in families])[owner][:, support]
        pushes = every[:, None] * np.array([family.nudge for family in families])[owner][:, support]
        if self.nudge is None:
            return ramp_states(self.ramp, rows + pushes, self.time, progress=lambda share: progress("adiabatic ramp", share))
        states, moved = free()[owner], every != 0.0
        if moved.any():
            states[moved] = self.nudge.nudge(states[moved], rows[moved], pushes[moved], progress)
        return states

    def free(self, families: Sequence[Family], begun: Sequence[Prepared | None], progress: Progress = silent) -> States:
        """Return the free state of each family, shape (families, 2**n), before a ramp of the nudge alone.

        Parameters
        ----------
        families : sequence of Family
        begun : sequence of Prepared or None
            The free phase of each family, if it is prepared. All others are ramped, equal Hamiltonians once.
        progress : callable
        """
        assert self.nudge is not None
        starts = [_free_state(prepared) for prepared in begun]
        rows = np.array([family.free[family.support] for family in families])
        missing = [k for k, state in enumerate(starts) if state is None]
        if missing:
            distinct, place = np.unique(rows[missing], axis=0, return_inverse=True)
            states = self.nudge.free(distinct, progress)
            for k, which in zip(missing, place.reshape(-1), strict=True):
                starts[k] = states[which]
        return np.array(starts)

    def circuits(self, family: Family) -> tuple[StateCircuit, ...]:
        """Return the circuits of a family: one for all phases, or one for the free phase and one for the nudged ones."""
        support = family.support
        if self.nudge is None:
            phases = tuple(range(len(family.betas)))
            return (StateCircuit(ramp_of(self.ramp, self.time), phases, family.coefficients[:, support]),)
        free = tuple(p for p, beta in enumerate(family.betas) if beta == 0.0)
        moved = tuple(p for p, beta in enumerate(family.betas) if beta != 0.0)
        own, pushed = support[list(self.nudge.own)], support[list(self.nudge.nudged)]
        circuits = []
        if free:
            rows = np.tile(family.free[own], (len(free), 1))
            circuits.append(StateCircuit(ramp_of(self.nudge.before, self.time), free, rows))
        if moved:
            rows = np.array([[*family.free[own], *(family.betas[p] * family.nudge[pushed])] for p in moved])
            circuits.append(StateCircuit(_continued(self.nudge), moved, rows))
        return tuple(circuits)


def _free_state(prepared: Prepared | None) -> NDArray[np.complex128] | None:
    """Return the state of a prepared free phase; None if there is none, or it was lost when a result was stored."""
    if prepared is None or not prepared.computable or not prepared.phases or prepared.phases[0].beta != 0.0:
        return None
    try:
        return prepared.states()[0]
    except InputError:
        return None


@lru_cache(maxsize=8)
def ramp_of(ramp: Ramp, time: float) -> QuantumCircuit:
    """Return the same circuit object for the same arguments; structures are joined if they have the identical circuit object."""
    return ramp_circuit(ramp, time=time)


@lru_cache(maxsize=8)
def _continued(nudge: NudgeRamp) -> QuantumCircuit:
    return nudge.circuit()
