"""Trotter circuits of a ramp from a sum of single-qubit fields to a Hamiltonian with parameters as coefficients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.ansatz.rotations import Packing, evolve, pack

Vector = NDArray[np.float64]

SCHEDULES: dict[str, Callable[[Vector], Vector]] = {
    "cosine": lambda s: (1 - np.cos(np.pi * s)) / 2,
    "smoothstep": lambda s: 3 * s**2 - 2 * s**3,
    "linear": lambda s: np.asarray(s, dtype=float),
}
"""Schedules λ(s) on [0, 1]; the first two have zero slope at both ends."""


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
    schedule : str
        A key of `SCHEDULES`.
    order : {1, 2}
        The order of the product formula. The second-order formula is symmetric, and half steps of neighbouring steps are merged.
    """

    targets: PauliList
    fields: Vector
    steps: int
    schedule: str = "cosine"
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
        """The order of the strings in one step."""
        return pack(self.paulis)

    def moves(self) -> Iterator[tuple[int, float, float]]:
        """Yield moves (group, a, b): apply exp(−i dt (a H0 + b H)) for this group of `packing`, with dt = time / steps."""
        shares = SCHEDULES[self.schedule]((np.arange(self.steps) + 0.5) / self.steps)
        last = len(self.packing) - 1
        forth = [(group, 0.5) for group in range(last)]
        one_step = [*forth, (last, 1.0), *reversed(forth)] if self.order == 2 else [(g, 1.0) for g in range(last + 1)]
        pending = (-1, 0.0, 0.0)
        for share in shares.tolist():
            for group, part in one_step:
                turn = (group, part * (1 - share), part * share)
                if pending[0] == group:
                    pending = (group, pending[1] + turn[1], pending[2] + turn[2])
                    continue
                if pending[0] >= 0:
                    yield pending
                pending = turn
        yield pending

    def bloch_angles(self) -> Vector:
        """Return the angles (ry, rz) that rotate |0…0⟩ to the ground state of H0, shape (n, 2), with |rz| ≤ π/2."""
        x, y, z = (-self.fields / np.linalg.norm(self.fields, axis=1)[:, None]).T
        polar, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
        back = np.abs(azimuth) > np.pi / 2 + 1e-12
        polar[back] *= -1
        azimuth[back] -= np.copysign(np.pi, azimuth[back])
        azimuth[np.hypot(x, y) == 0] = 0.0
        return np.stack([polar, azimuth], axis=1)


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
