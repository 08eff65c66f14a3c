"""Exposure: the damping of each measured Pauli string by each error of a device."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Gate, ParameterExpression, QuantumCircuit
from qiskit.quantum_info import PTM, Operator

from qep_qiskit.devices.gate_set import standard_gates
from qep_qiskit.values import Value

Real = NDArray[np.float64]
ANGLE = 0.6
"""The assumed value of all parameters, in radians. It is fixed, so that a layout does not change during a training."""
DECAY = 0.5
"""The factor by which the importance of errors falls with each coupling between them and the outputs, for an unknown gradient."""
SINGLE, PAIR = 2.0, 4.0 / 3.0
"""A depolarising gate of average error ε multiplies the Pauli strings on it by 1 − cε, with c = 2 on one qubit and 4/3 on two."""
WRONG_READOUT = 2.0
"""A readout of error ε multiplies the Pauli strings on its qubit by 1 − 2ε."""
_DIAGONAL = frozenset(("rz", "p", "u1", "z", "s", "sdg", "t", "tdg", "id"))
_PULSES = {"cx": 1, "cz": 1, "ecr": 1, "iswap": 2, "swap": 3}


@dataclass(frozen=True, eq=False)
class Reading:
    """Pauli strings that are read from a circuit.

    Attributes
    ----------
    circuit : QuantumCircuit
    labels : sequence of str of length K
        As in Qiskit, the last letter is that of qubit 0.
    sizes : ndarray of shape (K,)
        The importance of each string: its contribution to the result, whose damped part is the error.
    """

    circuit: QuantumCircuit
    labels: Sequence[str]
    sizes: Real


@dataclass(frozen=True, eq=False)
class Exposure(Value):
    """The exposure of K Pauli strings to the errors of n qubits and E pairs; it damps them by λ_k = exp(−Σ exposure × error).

    Attributes
    ----------
    pairs : tuple of (int, int)
        The pairs of qubits with two-qubit gates, the smaller number first.
    coupling : ndarray of shape (K, E)
    single, readout : ndarray of shape (K, n)
    sizes : ndarray of shape (K,)
    labels : tuple of str
    """

    pairs: tuple[tuple[int, int], ...]
    coupling: Real
    single: Real
    readout: Real
    sizes: Real
    labels: tuple[str, ...]

    def error(self, exponents: Real) -> Real:
        """Return √Σ s_k² (1 − λ_k)² / √Σ s_k² for rows of exponents, shape (…, K)."""
        weights = np.square(self.sizes)
        return np.asarray(np.sqrt(np.square(np.expm1(-exponents)) @ weights / max(float(weights.sum()), 1e-300)))


def exposure_of(readings: Sequence[Reading], gates: Collection[str] = ()) -> Exposure | None:
    """Return the exposure of the strings of all readings; None if a circuit has gates on more than two qubits.

    Each string is followed backwards through its circuit. A gate with the Pauli transfer matrix R turns string i into string j
    with probability R_ji², and its error damps the strings that act on its qubits there. Qubits are treated as independent, and
    all parameters have the value `ANGLE`.

    Parameters
    ----------
    readings : sequence of Reading
        Circuits on the same qubits, such as those of several bases.
    gates : collection of str
        The device's own gates. Any other gate counts as its usual number of device gates.
    """
    parts = [_followed(reading, frozenset(gates)) for reading in readings]
    followed = [part for part in parts if part is not None]
    if len(followed) < len(parts):
        return None
    pairs = tuple(dict.fromkeys(pair for part in followed for pair in part[0]))
    place = {pair: number for number, pair in enumerate(pairs)}
    coupling = [np.zeros((len(reading.labels), len(pairs))) for reading in readings]
    for rows, part in zip(coupling, followed, strict=True):
        for pair, column in part[0].items():
            rows[:, place[pair]] = column
    return Exposure(
        pairs,
        np.concatenate(coupling),
        np.concatenate([part[1] for part in followed]),
        np.concatenate([part[2] for part in followed]),
        np.concatenate([reading.sizes for reading in readings]),
        tuple(label for reading in readings for label in reading.labels),
    )


def _followed(reading: Reading, gates: frozenset[str]) -> tuple[dict[tuple[int, int], Real], Real, Real] | None:
    circuit, count = reading.circuit, len(reading.labels)
    letters = np.zeros((count, circuit.num_qubits, 4))
    for row, label in zip(letters, reading.labels, strict=True):
        row[np.arange(circuit.num_qubits), ["IXYZ".index(letter) for letter in reversed(label)]] = 1.0
    readout = WRONG_READOUT * (1.0 - letters[:, :, 0])
    pairs: dict[tuple[int, int], Real] = {}
    single = np.zeros(readout.shape)
    matrices: dict[tuple[object, ...], Real] = {}
    place = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    for item in reversed(circuit.data):
        gate, qubits = item.operation, [place[qubit] for qubit in item.qubits]
        if gate.name in ("barrier", "delay"):
            continue
        if len(qubits) > 2 or not isinstance(gate, Gate):
            return None
        values = [_value(value) for value in gate.params]
        if gate.name not in standard_gates():
            chances = _squared(gate, values)
        elif (gate.name, *values) in matrices:
            chances = matrices[gate.name, *values]
        else:
            chances = matrices[gate.name, *values] = _squared(gate, values)
        if len(qubits) == 1:
            (a,) = qubits
            if gate.name not in _DIAGONAL:
                pulses = 1 if gate.name in gates or gate.name == "h" else 2
                single[:, a] += SINGLE * pulses * (1.0 - letters[:, a, 0])
            letters[:, a] = letters[:, a] @ chances
            continue
        a, b = qubits
        pulses = 1 if gate.name in gates else _PULSES.get(gate.name, 2)
        acted = PAIR * pulses * (1.0 - letters[:, a, 0] * letters[:, b, 0])
        pair = (min(a, b), max(a, b))
        pairs[pair] = pairs.get(pair, 0.0) + acted
        both = (letters[:, b, :, None] * letters[:, a, None, :]).reshape(count, 16) @ chances
        both = both.reshape(count, 4, 4)
        letters[:, b], letters[:, a] = both.sum(axis=2), both.sum(axis=1)
    return pairs, single, readout


def _value(value: object) -> object:
    """Return the parameter of a gate; numbers are rounded so that equal angles are recognised."""
    if isinstance(value, ParameterExpression):
        value = float(value.bind(dict.fromkeys(value.parameters, ANGLE)))
    return round(value, 9) if isinstance(value, float) else value


def _squared(gate: Gate, values: Sequence[object]) -> Real:
    """Return the squared entries of a gate's Pauli transfer matrix, whose rows and columns sum to 1."""
    bound = gate.to_mutable()
    if values:
        bound.params = list(values)
    return np.square(np.real(PTM(Operator(bound)).data))
