"""Circuits that load any state vector: one structure for all states, with their angles as parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.errors import InputError
from qep_qiskit.preparation.preparer import StateCircuit

MOST_QUBITS = 10


def loading_circuit(states: NDArray[np.complex128]) -> StateCircuit:
    """Return one parameterised circuit that prepares each of several states, and its angles for each state.

    Parameters
    ----------
    states : ndarray of shape (P, 2**n)
        Normalised state vectors.

    Notes
    -----
    Uniformly controlled RY rotations, from the most significant qubit down, set the magnitudes (and the signs of a real state).
    For complex states, uniformly controlled RZ rotations then set the phases. Each consists of 2**k rotations and 2**k CNOTs in
    Gray code order (Möttönen, Vartiainen, Bergholm and Salomaa 2005, arXiv:quant-ph/0407010). For n qubits there are 2**n − 1
    angles and 2**n − 2 CNOTs, and twice as many for complex states.
    """
    number = int(states.shape[1]).bit_length() - 1
    real = not np.iscomplexobj(states) or not np.any(states.imag)
    rows = np.array([_angles(state.real if real else state) for state in states])
    return StateCircuit(_circuit(number, real), tuple(range(len(states))), rows)


def loading_circuits(states: Callable[[], NDArray[np.complex128]], num_qubits: int) -> tuple[StateCircuit, ...]:
    """Return the circuits that load the states of a preparation.

    Raises
    ------
    InputError
        If there are too many qubits for any device to run such a circuit.
    """
    if num_qubits > MOST_QUBITS:
        raise InputError(
            f"preparation.method: a circuit that loads a state of {num_qubits} qubits takes about 2^{num_qubits} two-qubit gates "
            f"(at most {MOST_QUBITS} qubits); use vqe or adiabatic circuits, or device.name = 'statevector'"
        )
    return (loading_circuit(states()),)


@functools.lru_cache(maxsize=8)
def _circuit(number: int, real: bool) -> QuantumCircuit:
    """Return the same circuit object for the same structure; devices cache compiled circuits by the circuit object."""
    count = 2**number - 1
    angles = numbered(count if real else 2 * count)
    circuit = QuantumCircuit(number, name="loaded state")
    start = 0
    for controls in range(number):
        _multiplexed(circuit, "ry", controls, angles[start : start + 2**controls])
        start += 2**controls
    if not real:
        for controls in range(number):
            _multiplexed(circuit, "rz", controls, angles[start : start + 2**controls])
            start += 2**controls
    return circuit


def _multiplexed(circuit: QuantumCircuit, gate: str, controls: int, angles: list[Parameter]) -> None:
    """Rotate qubit n−1−controls by an angle that depends on the `controls` qubits above it."""
    n = circuit.num_qubits
    target = n - 1 - controls
    for step, angle in enumerate(angles):
        getattr(circuit, gate)(angle, target)
        if controls:
            # the control is the bit in which neighbours of the Gray code differ; bit b stands for qubit target + 1 + b
            bit = controls - 1 if step == len(angles) - 1 else ((step + 1) & -(step + 1)).bit_length() - 1
            circuit.cx(target + 1 + bit, target)


def _angles(state: NDArray[np.float64] | NDArray[np.complex128]) -> NDArray[np.float64]:
    number = len(state).bit_length() - 1
    magnitudes = state if not np.iscomplexobj(state) else np.abs(state)
    angles = []
    for controls in range(number):
        halves = magnitudes.reshape(2**controls, 2, -1)
        if controls == number - 1:  # the last rotation sets signs too
            low, high = halves[:, 0, 0], halves[:, 1, 0]
        else:
            low, high = np.linalg.norm(halves, axis=2).T
        angles.append(_gray(2 * np.arctan2(high, low)))
    if np.iscomplexobj(state):
        phases = np.angle(state)
        turns = []
        for _ in range(number):
            pairs = phases.reshape(-1, 2)
            turns.append(_gray(pairs[:, 1] - pairs[:, 0]))
            phases = pairs.mean(axis=1)
        angles += turns[::-1]
    return np.concatenate(angles)


def _gray(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles between the CNOTs that add up to the given angle for every setting of the controls."""
    size = len(angles)
    index = np.arange(size)
    gray = index ^ (index >> 1)
    signs = 1 - 2.0 * (np.bitwise_count(index[:, None] & gray) & 1)
    return np.asarray(signs.T @ angles) / size
