"""Noise-free states of a ramp for many rows of coefficients, by the product formula of the circuit in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import Pauli

from qep_qiskit.ansatz.ramp import Ramp
from qep_qiskit.simulation.adjoint.phases import cis
from qep_qiskit.simulation.eigen.operators import PauliStructure, one_thread

Array = NDArray[Any]
States = NDArray[np.complex128]
Move = Callable[[States, float, float], States]

BLOCK = 4
ROWS_TOGETHER = 2**16


def ramp_states(
    ramp: Ramp,
    coefficients: ArrayLike,
    times: ArrayLike,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> States:
    """Return the states at the end of the ramp.

    Parameters
    ----------
    ramp : Ramp
    coefficients : array_like of shape (B, L)
        The coefficients of ``ramp.targets``, one row per state.
    times : float or array_like of shape (B,)
        The total time of each row.
    progress : callable
        A function that is called with the completed fraction.

    Returns
    -------
    ndarray of shape (B, 2**n)
        The states, equal to those of ``ramp_circuit`` up to a global phase; qubit 0 is the least significant bit.
    """
    rows = np.asarray(coefficients, dtype=float)
    dt = np.broadcast_to(np.asarray(times, dtype=float), (len(rows),)) / ramp.steps
    full = np.zeros((len(rows), len(ramp.paulis)))
    full[:, : rows.shape[1]] = rows
    return evolved(_start(ramp)[None], ramp, ramp.moves(), ramp.start[None], full, dt, progress)


def evolved(
    states: States,
    ramp: Ramp,
    moves: Sequence[tuple[int, float, float]],
    first: Array,
    second: Array,
    dt: Array,
    progress: Callable[[float], None] = lambda share: None,
) -> States:
    """Return states after the moves (group, a, b) of a ramp's packing, exp(−i dt (a A + b B)) for the group's strings.

    Parameters
    ----------
    states : ndarray of shape (1 or B, 2**n)
    ramp : Ramp
        The ramp whose strings and packing are used.
    moves : sequence of (int, float, float)
    first, second : ndarray of shape (1 or B, M) and (B, M)
        The coefficients of A and B for ``ramp.paulis``.
    dt : ndarray of shape (B,)
    progress : callable
    """
    count, most = len(second), max(1, ROWS_TOGETHER >> ramp.num_qubits)
    if count > most:
        firsts = range(0, count, most)
        parts = []
        for number, k in enumerate(firsts):
            part = slice(k, k + most)
            begun = [array if len(array) == 1 else array[part] for array in (states, first)]
            parts.append(evolved(begun[0], ramp, moves, begun[1], second[part], dt[part], _part(progress, number, len(firsts))))
        return np.concatenate(parts)
    state = np.array(np.broadcast_to(states, (count, states.shape[1])), dtype=complex)
    with one_thread():
        groups = [_compiled(ramp, [row for piece in group for row in piece], first, second, dt) for group in ramp.packing]
        for k, (group, a, b) in enumerate(moves):
            for turn in groups[group]:
                state = turn(state, a, b)
            if k % 16 == 0:
                progress(k / len(moves))
    return state


def _part(progress: Callable[[float], None], number: int, count: int) -> Callable[[float], None]:
    return lambda share: progress((number + share) / count)


def _start(ramp: Ramp) -> States:
    state = np.ones(1, dtype=complex)
    for polar, azimuth in ramp.bloch_angles():
        qubit = np.array([np.cos(polar / 2), np.exp(1j * azimuth) * np.sin(polar / 2)])
        state = np.kron(qubit, state)
    return state


def _compiled(ramp: Ramp, members: list[int], first: Array, second: Array, dt: Array) -> list[Move]:
    """Return the moves of one group of commuting strings. The angle of a string is dt (a · first + b · second)."""
    paulis, start, targets = ramp.paulis[members], first[:, members], second[:, members]
    if not paulis.x.any():
        structure = PauliStructure(paulis)
        diagonals = [[structure.bind(row).diagonal for row in rows] for rows in (start, targets)]
        return [_diagonal(diagonals[0], diagonals[1], dt)]
    single = (paulis.x | paulis.z).sum(axis=1) == 1
    alone, distinct = np.flatnonzero(single), len(set(np.argmax((paulis.x | paulis.z)[single], axis=1))) == single.sum()
    moves: list[Move] = []
    if alone.size and distinct:
        moves.append(_fields(ramp.num_qubits, paulis[alone], start[:, alone], targets[:, alone], dt))
    else:
        single[:] = False
    moves += [_string(PauliStructure(paulis[[int(k)]]), start[:, k], targets[:, k], dt) for k in np.flatnonzero(~single)]
    return moves


def _diagonal(start: list[Array], targets: list[Array], dt: Array) -> Move:
    first, second = dt[:, None] * np.array(start), dt[:, None] * np.array(targets)

    def move(state: States, a: float, b: float) -> States:
        return np.asarray(state * cis(a * first + b * second))

    return move


def _fields(num_qubits: int, paulis: Any, start: Array, targets: Array, dt: Array) -> Move:
    """Return a move by single-qubit strings, at most one per qubit. Blocks of neighbouring qubits share one matrix."""
    labels = [label[::-1] for label in paulis.to_labels()]
    qubits = [next(q for q, letter in enumerate(label) if letter != "I") for label in labels]
    sigma = np.zeros((num_qubits, 2, 2), dtype=complex)
    first, second = np.zeros((len(dt), num_qubits)), np.zeros((len(dt), num_qubits))
    for k, (label, qubit) in enumerate(zip(labels, qubits, strict=True)):
        sigma[qubit] = Pauli(label[qubit]).to_matrix()
        first[:, qubit], second[:, qubit] = dt * start[:, k], dt * targets[:, k]
    if (first == first[0]).all() and (second == second[0]).all():
        first, second = first[:1], second[:1]  # one matrix for all rows
    blocks = [range(low, min(low + BLOCK, num_qubits)) for low in range(0, num_qubits, BLOCK)]
    blocks = [block for block in blocks if set(block) & set(qubits)]

    def move(state: States, a: float, b: float) -> States:
        angle = (a * first + b * second)[:, :, None, None]
        matrices = np.cos(angle) * np.eye(2) - 1j * np.sin(angle) * sigma
        for block in blocks:
            product = matrices[:, block[0]]
            for qubit in block[1:]:
                size = 2 * product.shape[1]
                product = np.einsum("bij,bkl->bikjl", matrices[:, qubit], product).reshape(-1, size, size)
            state = _on_block(product, state, 1 << block[0])
        return state

    return move


def _on_block(matrix: Array, state: States, inner: int) -> States:
    rows, size = len(state), matrix.shape[1]
    if inner == 1:
        turned = state.reshape(rows, -1, size) @ matrix.transpose(0, 2, 1)
    else:
        turned = matrix[:, None] @ state.reshape(rows, -1, size, inner)
    return np.asarray(turned).reshape(rows, -1)


def _string(structure: PauliStructure, start: Array, targets: Array, dt: Array) -> Move:
    string = structure.bind([1.0])

    def move(state: States, a: float, b: float) -> States:
        angle = (dt * (a * start + b * targets))[:, None]
        return np.asarray(np.cos(angle) * state - 1j * np.sin(angle) * string.apply(state))

    return move
