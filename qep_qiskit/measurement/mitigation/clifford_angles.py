"""Clifford angles: parameters of a circuit at which its outcomes are certain, so that its noise can be measured.

Rotations by multiples of π/2 are Clifford gates. With all angles 0, an ansatz usually leaves a product state. If a qubit does not
point along the axis of its measurement, its last rotations are set to π/2. Every gate of the circuit stays in place, so a device
runs the same pulses as for other angles. M. Urbanek et al. (PRL 127, 270502) measure the noise in a similar way, without the
single-qubit gates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford, PauliList

TURNS = ((), (-1,), (-2, -1), (-2,), (-3, -2), (-3, -1))
"""The rotations of a qubit to set to π/2, counted from its last one. The first entry that works is used."""


@dataclass(frozen=True)
class CliffordAngles:
    """Values of a circuit's parameters at which every qubit points along the axis of its measurement.

    Attributes
    ----------
    values : ndarray of shape (P,)
        The values, in the order of ``circuit.parameters``.
    outcome : ndarray of bool, shape (n,)
        The certain outcome of every qubit without noise.
    """

    values: NDArray[np.float64]
    outcome: NDArray[np.bool_]


def clifford_angles(circuit: QuantumCircuit, axes: str) -> CliffordAngles | None:
    """Return angles at which the outcomes of a measurement are certain; None if none are found.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit without measurements.
    axes : str
        One letter of XYZ per qubit, qubit 0 first.

    Examples
    --------
    >>> theta = Parameter("theta")
    >>> circuit = QuantumCircuit(2)
    >>> circuit.cx(0, 1); circuit.ry(theta, 1)  # doctest: +ELLIPSIS
    <...>
    >>> clifford_angles(circuit, "ZX")
    CliffordAngles(values=array([1.57079633]), outcome=array([False, False]))
    >>> clifford_angles(circuit, "XX") is None
    True
    """
    index = {parameter: i for i, parameter in enumerate(circuit.parameters)}
    turning: list[list[int]] = [[] for _ in circuit.qubits]
    for item in circuit.data:
        if len(item.qubits) == 1 and len(item.operation.params) == 1 and isinstance(item.operation.params[0], Parameter):
            turning[circuit.find_bit(item.qubits[0]).index].append(index[item.operation.params[0]])
    selection: list[tuple[int, ...]] = [()] * circuit.num_qubits
    certain = np.zeros(circuit.num_qubits, dtype=bool)
    for turns in TURNS:
        selection = [picked if fixed else turns for picked, fixed in zip(selection, certain, strict=True)]
        values = np.zeros(len(index))
        for own, picked in zip(turning, selection, strict=True):
            values[[own[turn] for turn in picked if -turn <= len(own)]] = np.pi / 2
        outcomes = _outcomes(circuit.assign_parameters(values), axes)
        if outcomes is None:
            return None
        certain, outcome = outcomes
        if certain.all():
            return CliffordAngles(values, outcome)
    return None


def _outcomes(circuit: QuantumCircuit, axes: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return which qubits have a certain outcome, and the outcomes; None if the circuit is not Clifford."""
    try:
        clifford = Clifford(circuit)
    except QiskitError:
        return None
    n = circuit.num_qubits
    measured = PauliList(["I" * (n - 1 - q) + letter + "I" * q for q, letter in enumerate(axes)])
    before = measured.evolve(clifford, frame="h")  # on |0…0⟩
    return ~before.x.any(axis=1), np.asarray(before.phase) == 2
