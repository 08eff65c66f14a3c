"""Shots of circuits on many qubits under an Aer noise model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.simulation.density.drawing import draw_places
from qep_qiskit.simulation.density.operator import WEIGHT, DensityOperator, weighted
from qep_qiskit.simulation.density.schedule import schedule
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices
from qep_qiskit.simulation.noise.circuit import NoisyCircuit
from qep_qiskit.simulation.noise.transfer import Real, swapped, turns_of
from qep_qiskit.simulation.threads import single_threaded

TOLERANCE = 1e-10
"""The largest share of the squared norm of a state that is dropped at each step."""
BONDS = (128, 256, 512)
"""The largest bond dimensions, tried in turn until the error is small enough."""
MOST_ERROR = 0.01
"""The largest estimated error of expectations with which shots are drawn. It equals the statistical error of 10⁴ shots.

The estimate is the square root of the sum of all dropped shares. In circuits of two and three layers on up to 156 qubits, the
largest error of the expectations of single letters and of coupled pairs was 0.1 to 0.35 times the estimate.
"""


class EntangledError(Exception):
    """A state that is too entangled for the largest bond dimension; the message describes the circuit."""


class NoisyShots:
    """A sampler of a noisy circuit, which draws outcomes from the state as a matrix product density operator.

    There are no trajectories: one state serves all shots. It is exact up to the truncation by :class:`DensityOperator`. Rows of
    values share one state if they differ only in gates after the last coupling of each wire, for instance by random flips.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit in the gates that run, without measurements.
    noise : NoiseMatrices
    basis_change : callable
        A function that takes a letter X, Y or Z and returns the one-qubit circuit after which a Z measurement reads that axis.

    Raises
    ------
    Unsuited
        If the circuit or its noise is not supported.
    """

    def __init__(self, circuit: QuantumCircuit, noise: NoiseMatrices, basis_change: Callable[[str], QuantumCircuit]) -> None:
        self._circuit = NoisyCircuit(circuit, noise, basis_change, apart=True)
        self._blocks = self._circuit.blocks
        self._schedule = schedule(self._circuit.num_wires, [block.wires for block in self._blocks])
        self._angles = sorted({angle for block in self._blocks for angle in block.angles})

    @property
    def num_wires(self) -> int:
        """The number of wires."""
        return self._circuit.num_wires

    def groups(self, values: Real) -> list[list[int]]:
        """Return the numbers of the rows of values that share a state."""
        angles = self._circuit.angles(values)[:, self._angles]
        members: dict[bytes, list[int]] = {}
        for number, row in enumerate(angles):
            members.setdefault(np.ascontiguousarray(row).tobytes(), []).append(number)
        return list(members.values())

    def draw(
        self, values: Real, axes: str, wires: Sequence[int], shots: int, generators: Sequence[np.random.Generator]
    ) -> list[NDArray[np.bool_]]:
        """Return outcomes, shape (shots, measured wires), for each row of values; the rows share one state.

        Parameters
        ----------
        values : ndarray of shape (R, P)
        axes : str
            One letter of XYZ per measured wire.
        wires : sequence of int
            The measured wires.
        shots : int
            The number of shots of each row.
        generators : sequence of Generator
            One for each row.

        Raises
        ------
        EntangledError
            If too much of the state would be dropped.
        """
        turns, readings = self._turned(values, axes, wires)
        features = [_features(readings.get(wire)) for wire in range(self.num_wires)]
        order, outcomes = self._schedule.end, []
        columns = [order.index(wire) for wire in wires]
        with single_threaded(0):
            state = self._state(turns[:1], features, BONDS)
            for row, rng in enumerate(generators):
                chances = [_chances(readings[w][row] if w in readings else None, features[w]) for w in order]
                outcomes.append(draw_places(state.tensors, chances, shots, rng)[:, columns])
        return outcomes

    def check(self, values: Real, axes: str, wires: Sequence[int]) -> None:
        """Raise EntangledError if the state of one row of values does not fit into the smallest bond dimension."""
        turns, readings = self._turned(values, axes, wires)
        with single_threaded(0):
            self._state(turns, [_features(readings.get(wire)) for wire in range(self.num_wires)], BONDS[:1])

    def _turned(self, values: Real, axes: str, wires: Sequence[int]) -> tuple[Real, dict[int, Real]]:
        """Return 1, cos and sin of the angles of all rows, and the readings of the measured wires."""
        turns = turns_of(self._circuit.angles(values))
        return turns, {wire: self._readings(turns, letter, wire) for letter, wire in zip(axes, wires, strict=True)}

    def _readings(self, turns: Real, letter: str, wire: int) -> Real:
        """Return the probabilities of 0 and 1 as linear functions of the state before the last gates, shape (R, 2, 4)."""
        chances = self._circuit.chances(letter, wire) @ self._circuit.ending(wire, turns)
        return np.broadcast_to(chances, (len(turns), 2, 4))

    def _state(self, turns: Real, features: Sequence[Real], bonds: Sequence[int]) -> DensityOperator:
        for bond in bonds:
            state = self._attempt(turns, features, bond)
            if state is not None:
                return state
        raise EntangledError(
            f"this circuit on {self.num_wires} wires is too entangled for matrix product density operators with a bond dimension "
            f"of {bonds[-1]}"
        )

    def _attempt(self, turns: Real, features: Sequence[Real], bond: int) -> DensityOperator | None:
        """Return the state, or None if too much is dropped."""
        plan = self._schedule
        state = DensityOperator(self.num_wires, tolerance=TOLERANCE, most=bond)
        busy = {wire for block in self._blocks for wire in block.wires}
        for place, wire in enumerate(plan.start):
            if wire not in busy:
                state.read(place, features[wire])
        for step in plan.steps:
            if step.block is None:
                state.swap(step.place, leftwards=step.leftwards)
                continue
            matrix = self._blocks[step.block].matrices(turns)[0]
            if step.reversed:
                matrix = swapped(matrix)
            one, two = (features[wire] if end else np.eye(4) for wire, end in zip(step.wires, step.ends, strict=True))
            state.apply(step.place, np.kron(one, two) @ weighted(matrix), (len(one), len(two)), leftwards=step.leftwards)
            if state.dropped > MOST_ERROR**2:
                return None
        state.compress()
        return state


def _features(readings: Real | None) -> Real:
    """Return linear functions of a wire's weighted expectations from which all readings follow; the first is the trace."""
    trace = np.array([[1.0, 0.0, 0.0, 0.0]])
    if readings is None:
        return trace
    _, sizes, directions = np.linalg.svd(readings.reshape(-1, 4)[:, 1:], full_matrices=False)
    used = directions[sizes > 1e-13]
    return np.concatenate([trace, np.pad(used, ((0, 0), (1, 0)))])


def _chances(reading: Real | None, features: Real) -> Real:
    """Return the probabilities of 0 and 1 as functions of the features, shape (2, features). Unmeasured wires are always 0."""
    if reading is None:
        return np.array([[1.0], [0.0]])
    return np.concatenate([reading[:, :1], reading[:, 1:] @ features[1:, 1:].T / WEIGHT], axis=1)
