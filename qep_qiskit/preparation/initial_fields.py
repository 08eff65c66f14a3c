"""The Hamiltonians from whose product ground states ramps start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.errors import InputError
from qep_qiskit.preparation.family import Family

Vector = NDArray[np.float64]


def transverse_fields(family: Family) -> Vector:
    """Return the default H0 as fields, shape (n, 3): X with the sign of H's X field, or −X if H has none."""
    n = family.num_qubits
    fields = np.zeros((n, 3))
    fields[:, 0] = -1.0
    position = {label: k for k, label in enumerate(family.frame.labels)}
    for qubit in range(n):
        k = position.get("I" * (n - 1 - qubit) + "X" + "I" * qubit)
        if k is not None and family.free[k] > 0:
            fields[qubit, 0] = 1.0
    return fields


def fields_of(operator: SparsePauliOp) -> Vector:
    """Return the fields of a sum of single-qubit terms along X, Y and Z, shape (n, 3).

    Raises
    ------
    InputError
        If a term acts on two qubits or more, or a qubit has no field.
    """
    fields = np.zeros((operator.num_qubits, 3))
    for label, coefficient in zip(operator.paulis.to_labels(), operator.coeffs.real, strict=True):
        acted = [(qubit, letter) for qubit, letter in enumerate(reversed(label)) if letter != "I"]
        if len(acted) > 1:
            raise InputError(f"initial: {label!r} acts on {len(acted)} qubits; give single-qubit terms only, such as 'IIX'")
        for qubit, letter in acted:
            fields[qubit, "XYZ".index(letter)] += coefficient
    bare = np.flatnonzero(np.abs(fields).max(axis=1) == 0)
    if bare.size:
        raise InputError(f"initial: qubit {bare[0]} has no field, so the ground state is degenerate; give it a term such as -X")
    return fields
