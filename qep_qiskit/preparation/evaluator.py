"""Energies and gradients of one parameterised circuit for many rows of angles, as a descent needs them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.progress import Progress
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.batched.program import BatchedProgram
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.eigen.operators import PauliSum

Real = NDArray[np.float64]
MOST_BOUND = 512
"""The number of operators that a loop keeps compiled."""
MOST_BATCHED_QUBITS = 10
"""The largest number of qubits for which rows of one array are faster than a loop."""
STATE_SECONDS = 1.2e-8
"""The duration of an energy and its gradient on a state vector, per amplitude and layer of gates."""
EVERY = 1.0
"""The number of seconds between two reports."""
SHIFT = 1e-3
"""The step of one angle in the finite differences of gradients, in radians."""
TINY_SHIFT = 1e-6
"""The same step for one-sided differences of the gradient."""
LEAST_TANGENTS = 1 << 14
"""The number of angles times amplitudes from which exact Hessians take less time than one-sided differences."""
MOST_SHIFTED = 4096
"""The number of rows of shifted angles that are evaluated at once."""


class Evaluator(Protocol):
    """One circuit with P parameters and a list of L Pauli strings, evaluated for R independent rows of angles at once."""

    @property
    def num_parameters(self) -> int:
        """The number of parameters P."""
        ...

    def energies_and_gradients(self, thetas: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the energies Σ_l c_rl ⟨P_l⟩, shape (R,), and their gradients, shape (R, P), for coefficients of shape (R, L)."""
        ...

    def expectations(self, thetas: Real) -> Real:
        """Return the expectations ⟨P_l⟩, shape (R, L), for angles of shape (R, P)."""
        ...


def hessians(evaluator: Evaluator, thetas: Real, coefficients: Real) -> Real:
    """Return the Hessians of rows of energies, shape (R, P, P): exact ones, or differences of exact gradients.

    Differences are exact for angles that occur in one gate, and to a share of SHIFT²/6 for others.
    """
    exact = with_hessians(evaluator)
    if exact is not None:
        return exact.hessians(thetas, coefficients)
    directions, hessians_of = _directions(evaluator)
    slopes = _shifted(evaluator, thetas, coefficients, SHIFT * np.concatenate([directions, -directions]))
    ahead, behind = np.split(slopes, 2, axis=1)
    return _symmetric(hessians_of((ahead - behind) / (2 * np.sin(SHIFT))))


def quick_hessians(evaluator: Evaluator, thetas: Real, coefficients: Real) -> Real:
    """Return the same Hessians, or one-sided differences in half the time, with an error of about 1e-6 of the coefficients."""
    size, exact = thetas.shape[1], with_hessians(evaluator)
    if exact is not None and size << exact.num_qubits >= LEAST_TANGENTS:
        return exact.hessians(thetas, coefficients)
    directions, hessians_of = _directions(evaluator)
    slopes = _shifted(evaluator, thetas, coefficients, TINY_SHIFT * np.concatenate([np.zeros((1, size)), directions]))
    return _symmetric(hessians_of((slopes[:, 1:] - slopes[:, :1]) / TINY_SHIFT))


def with_hessians(evaluator: Evaluator) -> BatchedProgram | None:
    """Return the program of an evaluator if it has exact Hessians, otherwise None."""
    inner = _bare(evaluator)
    return inner if isinstance(inner, BatchedProgram) and inner.has_hessians else None


def _bare(evaluator: Evaluator) -> Evaluator:
    return evaluator.evaluator if isinstance(evaluator, Reported) else evaluator


def _directions(evaluator: Evaluator) -> tuple[Real, Callable[[Real], Real]]:
    """Return steps of the angles, shape (S, P), and a function from derivatives of gradients (R, S, P) to Hessians (R, P, P)."""
    inner = _bare(evaluator)
    if isinstance(inner, LightCones):
        return inner.partition.directions, inner.partition.hessians
    return np.eye(evaluator.num_parameters), np.asarray


def _shifted(evaluator: Evaluator, thetas: Real, coefficients: Real, shifts: Real) -> Real:
    """Return the gradients at every shift of every row of angles, shape (R, S, P)."""
    count, size = thetas.shape
    result = np.empty((count, len(shifts), size))
    for part in np.array_split(np.arange(count), -(-len(shifts) * count // MOST_SHIFTED) or 1):
        shifted = (thetas[part, None] + shifts).reshape(len(part) * len(shifts), size)
        rows = np.repeat(coefficients[part], len(shifts), axis=0)
        result[part] = evaluator.energies_and_gradients(shifted, rows)[1].reshape(len(part), len(shifts), size)
    return result


def _symmetric(matrices: Real) -> Real:
    return (matrices + matrices.swapaxes(1, 2)) / 2


class Loop:
    """An evaluator on state vectors that processes one row after another, for states too large to share one array.

    Parameters
    ----------
    program : CircuitProgram
    paulis : PauliList of length L
    """

    def __init__(self, program: CircuitProgram, paulis: PauliList) -> None:
        self._program, self._paulis = program, paulis
        self._bound: OrderedDict[bytes, PauliSum] = OrderedDict()

    @property
    def num_parameters(self) -> int:
        """The number of parameters P."""
        return self._program.num_parameters

    def energies_and_gradients(self, thetas: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the energies (R,) and their gradients (R, P)."""
        energies, gradients = np.empty(len(thetas)), np.empty(np.shape(thetas))
        for r, (theta, row) in enumerate(zip(thetas, coefficients, strict=True)):
            energies[r], gradients[r] = self._program.energy_and_gradient(theta, self._operator(row))
        return energies, gradients

    def expectations(self, thetas: Real) -> Real:
        """Return the expectations of all strings, shape (R, L)."""
        return np.atleast_2d(structure_for(self._paulis).expectations(self._program.states(thetas)))

    def _operator(self, row: Real) -> PauliSum:
        key = row.tobytes()
        if key not in self._bound:
            used = np.flatnonzero(row)
            used = used if len(used) else np.zeros(1, dtype=np.int64)  # H = 0 still acts on qubits
            self._bound[key] = structure_for(self._paulis[used]).bind(row[used])
            if len(self._bound) > MOST_BOUND:
                self._bound.popitem(last=False)
        self._bound.move_to_end(key)
        return self._bound[key]


def evaluator_for(
    circuit: QuantumCircuit, program: CircuitProgram | None, paulis: PauliList, simulation: str = "auto"
) -> Evaluator:
    """Return the requested evaluator of a circuit and Pauli strings, by default the fastest one.

    Parameters
    ----------
    circuit : QuantumCircuit
    program : CircuitProgram or None
        The circuit compiled for state vectors; None if these do not fit.
    paulis : PauliList
    simulation : {"auto", "statevector", "light_cones"}

    Raises
    ------
    InputError
        If light cones are the only way and one of them is too large.
    """
    qubits = circuit.num_qubits
    if simulation == "light_cones" or program is None:
        try:
            return LightCones(circuit, paulis)
        except InputError as error:
            why = f"{qubits} qubits do not fit in a state vector, and " if program is None else ""
            raise InputError(f"preparation.simulation: {why}{error}") from None
    if qubits <= MOST_BATCHED_QUBITS:
        return BatchedProgram(circuit, paulis)
    if simulation == "auto":
        try:
            cones = LightCones(circuit, paulis)
        except InputError:
            return Loop(program, paulis)
        if cones.sizes.seconds < STATE_SECONDS * 2.0**qubits * circuit.depth():
            return cones
    return Loop(program, paulis)


NAMES: dict[type, str] = {BatchedProgram: "statevector", Loop: "statevector", LightCones: "light_cones"}
"""The name of each evaluator in reports."""


class Reported:
    """An evaluator that counts its rows and reports them during a long search.

    Parameters
    ----------
    evaluator : Evaluator
    progress : callable
    """

    def __init__(self, evaluator: Evaluator, progress: Progress) -> None:
        self.evaluator, self._progress = evaluator, progress
        self._share: float | None = None
        self._stage, self._count, self._at = "VQE", 0, time.monotonic()

    @property
    def num_parameters(self) -> int:
        """The number of parameters P."""
        return self.evaluator.num_parameters

    def stage(self, stage: str, share: float | None = None) -> None:
        """Report a new stage."""
        self._stage, self._share = stage, share
        self._progress(stage, share)

    def energies_and_gradients(self, thetas: Real, coefficients: Real) -> tuple[Real, Real]:
        """Return the energies (R,) and their gradients (R, P)."""
        self._count += len(thetas)
        if time.monotonic() - self._at >= EVERY:
            self._at = time.monotonic()
            self._progress(f"{self._stage}, {self._count:,} evaluations so far", self._share)
        return self.evaluator.energies_and_gradients(thetas, coefficients)

    def expectations(self, thetas: Real) -> Real:
        """Return the expectations of all strings, shape (R, L)."""
        return self.evaluator.expectations(thetas)
