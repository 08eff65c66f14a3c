"""Trotter circuits of a ramp from a sum of single-qubit fields to a Hamiltonian with parameters as coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.ansatz.rotations import Packing, evolve, pack
from qep_qiskit.ansatz.schedules import RampSchedule, schedule_of, shares

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ramp:
    """A ramp H(s) = (1 − λ(s)) H0 + λ(s) Σ_l c_l P_l in Trotter steps. The c_l and the total time are given later.

    Attributes
    ----------
    targets : PauliList of length L
        The strings P_l.
    fields : ndarray of shape (n, 3)
        The fields of H0 = Σ_q fields[q] · (X_q, Y_q, Z_q). No row is zero, so the ground state is a unique product state.
    steps : int
        The number of Trotter steps; each uses λ at its middle.
    schedule : str or callable
        The schedule λ(s), see `ansatz/schedules.py`.
    order : {1, 2}
        The order of the product formula. The second-order formula is symmetric, and half steps of neighbouring steps are merged.

    Notes
    -----
    In the second-order formula the group of H0 is outermost, and the group with the most entangling gates is innermost: it has
    one layer per step. The first layer of a group acts on the ground state of H0. If that is an eigenstate of all its strings,
    the layer is only a phase and is left out.
    """

    targets: PauliList
    fields: Vector
    steps: int
    schedule: str | RampSchedule = "cosine"
    order: int = 2

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return int(self.targets.num_qubits)

    @cached_property
    def paulis(self) -> PauliList:
        """The M strings of the ramp: the targets, then the strings of H0 that are not targets."""
        labels = list(self.targets.to_labels())
        return PauliList(labels + [label for label in field_labels(self.fields) if label not in set(labels)])

    @cached_property
    def start(self) -> Vector:
        """The coefficients of H0 for `paulis`, shape (M,)."""
        terms = field_labels(self.fields)
        return np.array([terms.get(label, 0.0) for label in self.paulis.to_labels()])

    @cached_property
    def packing(self) -> Packing:
        """The order of the strings in one step; of order 2, the first group is outermost and the last one innermost."""
        groups = list(pack(self.paulis))
        if self.order == 1 or len(groups) == 1:
            return tuple(groups)
        excess = np.maximum((self.paulis.x | self.paulis.z).sum(axis=1) - 1, 0)  # half of each string's CX gates

        def entangling(group: tuple[tuple[int, ...], ...]) -> int:
            return int(sum(excess[list(piece)].sum() for piece in group))

        outermost = min((group for group in groups if any(self.start[list(piece)].any() for piece in group)), key=entangling)
        groups.remove(outermost)
        innermost = max(groups, key=entangling)
        groups.remove(innermost)
        return (outermost, *groups, innermost)

    def _only_a_phase(self, group: int) -> bool:
        """Return whether the ground state of H0 is an eigenstate of every string of a group."""
        rows = [row for piece in self.packing[group] for row in piece]
        along = self.fields != 0
        letters = np.stack(
            [self.paulis.x & ~self.paulis.z, self.paulis.x & self.paulis.z, ~self.paulis.x & self.paulis.z], axis=2
        )
        acted = letters[rows].any(axis=2, keepdims=True)
        return bool((~acted | (letters[rows] == along)).all())

    def moves(self) -> list[tuple[int, float, float]]:
        """Return moves (group, a, b): apply exp(−i dt (a H0 + b H)) for this group of `packing`, with dt = time / steps."""
        path = shares(schedule_of(self.schedule), (np.arange(self.steps) + 0.5) / self.steps)
        moves = steps_of([(1 - share, share) for share in path.tolist()], len(self.packing), self.order)
        # the strings of the first group must appear again, since they are parameters of the circuit
        return moves[1:] if self.order == 2 and len(self.packing) > 1 and self._only_a_phase(0) else moves

    def bloch_angles(self) -> Vector:
        """Return the angles (ry, rz) that rotate |0…0⟩ to the ground state of H0, shape (n, 2), with |rz| ≤ π/2."""
        x, y, z = (-self.fields / np.linalg.norm(self.fields, axis=1)[:, None]).T
        polar, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
        back = np.abs(azimuth) > np.pi / 2 + 1e-12
        polar[back] *= -1
        azimuth[back] -= np.copysign(np.pi, azimuth[back])
        azimuth[np.hypot(x, y) == 0] = 0.0
        return np.stack([polar, azimuth], axis=1)


def steps_of(weights: Sequence[tuple[float, float]], groups: int, order: int) -> list[tuple[int, float, float]]:
    """Return the moves (group, a, b) of Trotter steps with weights (a, b); half steps of neighbouring steps are merged."""
    last = groups - 1
    forth = [(group, 0.5) for group in range(last)]
    one_step = [*forth, (last, 1.0), *reversed(forth)] if order == 2 else [(g, 1.0) for g in range(groups)]
    moves: list[tuple[int, float, float]] = []
    for first, second in weights:
        for group, part in one_step:
            a, b = part * first, part * second
            if moves and moves[-1][0] == group:
                a, b = moves[-1][1] + a, moves.pop()[2] + b
            moves.append((group, a, b))
    return moves


def field_labels(fields: Vector) -> dict[str, float]:
    """Return Σ_q fields[q] · (X_q, Y_q, Z_q) as a mapping of labels to coefficients, without zeros."""
    n = len(fields)
    return {
        "I" * (n - 1 - q) + letter + "I" * q: float(value)
        for q, row in enumerate(fields)
        for letter, value in zip("XYZ", row, strict=True)
        if value != 0
    }


def ramp_circuit(ramp: Ramp, *, time: float) -> QuantumCircuit:
    """Return the circuit of the ramp.

    Parameters
    ----------
    ramp : Ramp
    time : float
        The total time, in units of 1/H.

    Returns
    -------
    QuantumCircuit
        A circuit with the parameters ``c_000``, ``c_001``, …, which are the coefficients of ``ramp.targets``. On a sparse
        graph, the depth of a step does not depend on the number of strings.

    Notes
    -----
    The product formulas use the midpoint of each step: Hatano and Suzuki (2005), arXiv:math-ph/0506007.
    """
    labels = ramp.paulis.to_labels()
    coefficients = numbered(len(ramp.targets), "c")
    circuit = QuantumCircuit(ramp.num_qubits, name="adiabatic")
    for qubit, (polar, azimuth) in enumerate(ramp.bloch_angles()):
        if polar == np.pi / 2 and azimuth == 0:
            circuit.h(qubit)
            continue
        if polar != 0:
            circuit.ry(float(polar), qubit)
        if azimuth != 0:
            circuit.rz(float(azimuth), qubit)
    angle = 2 * time / ramp.steps
    for group, a, b in ramp.moves():
        for piece in ramp.packing[group]:
            for row in piece:
                turn: float | ParameterExpression = angle * a * float(ramp.start[row])
                if row < len(coefficients):
                    turn = turn + angle * b * coefficients[row] if turn else angle * b * coefficients[row]
                if not isinstance(turn, float) or turn:
                    evolve(circuit, labels[row], turn)
    return circuit
