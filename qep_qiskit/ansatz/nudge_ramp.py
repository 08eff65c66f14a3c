"""A ramp of the nudge alone, after the ramp of H: the free circuit is the first part of every nudged circuit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.ansatz.ramp import Ramp, ramp_circuit, steps_of
from qep_qiskit.ansatz.ramp_states import evolved, ramp_states
from qep_qiskit.ansatz.rotations import evolve
from qep_qiskit.ansatz.schedules import RampSchedule, schedule_of, shares
from qep_qiskit.progress import Progress, silent

Vector = NDArray[np.float64]
States = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class NudgeRamp:
    """The ramp H + r(s) βC from the state that a ramp of H has reached, with r from 0 to 1.

    Attributes
    ----------
    before : Ramp
        The ramp of H.
    before_time : float
        Its duration.
    strings : Ramp
        All strings of H and C, with the packing of one Trotter step; its own schedule is not used.
    own, nudged : tuple of int
        The positions in ``strings.targets`` of the strings of H, in the order of ``before.targets``, and of those of C.
    time, steps, schedule
        The duration, Trotter steps and schedule r(s) of the nudge.
    """

    before: Ramp
    before_time: float
    strings: Ramp
    own: tuple[int, ...]
    nudged: tuple[int, ...]
    time: float
    steps: int
    schedule: str | RampSchedule

    def moves(self) -> list[tuple[int, float, float]]:
        """Return moves (group, a, b): apply exp(−i dt (a H + b βC)) for this group of the packing, with dt = time / steps."""
        path = shares(schedule_of(self.schedule), (np.arange(self.steps) + 0.5) / self.steps)
        return steps_of([(1.0, share) for share in path.tolist()], len(self.strings.packing), self.strings.order)

    def free(self, coefficients: Vector, progress: Progress = silent) -> States:
        """Return the free states, shape (B, 2**n), of rows of coefficients of ``strings.targets``, shape (B, L)."""
        rows = coefficients[:, list(self.own)]
        return ramp_states(self.before, rows, self.before_time, progress=lambda share: progress("adiabatic ramp", share))

    def nudge(self, free: States, coefficients: Vector, pushes: Vector, progress: Progress = silent) -> States:
        """Return the nudged states, shape (B, 2**n).

        Parameters
        ----------
        free : ndarray of shape (B, 2**n)
        coefficients, pushes : ndarray of shape (B, L)
            The coefficients of H and of βC, for ``strings.targets``.
        progress : callable
        """
        full = np.zeros((2, len(coefficients), len(self.strings.paulis)))
        full[0, :, : coefficients.shape[1]], full[1, :, : pushes.shape[1]] = coefficients, pushes
        dt = np.full(len(coefficients), self.time / self.steps)
        return evolved(free, self.strings, self.moves(), full[0], full[1], dt, lambda share: progress("nudge", share))

    def circuit(self) -> QuantumCircuit:
        """Return the circuit of the nudged states: that of the free state, then the ramp of the nudge.

        Its parameters are ``c_000``, …, the coefficients of H, and ``d_000``, …, those of βC.
        """
        circuit = ramp_circuit(self.before, time=self.before_time)
        c, d = numbered(len(self.own), "c"), numbered(len(self.nudged), "d")
        field = dict(zip(self.own, c, strict=True))
        push = dict(zip(self.nudged, d, strict=True))
        labels, angle = self.strings.paulis.to_labels(), 2 * self.time / self.steps
        for group, a, b in self.moves():
            for row in (row for piece in self.strings.packing[group] for row in piece):
                turns: list[ParameterExpression] = [angle * a * field[row]] if row in field else []
                turns += [angle * b * push[row]] if row in push else []
                if turns:
                    evolve(circuit, labels[row], turns[0] if len(turns) == 1 else turns[0] + turns[1])
        return circuit
