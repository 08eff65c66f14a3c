"""Compiled Pauli strings and Hamiltonians of families."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.preparation.family import Family
from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum


@functools.lru_cache(maxsize=8)
def _structure(num_strings: int, x: bytes, z: bytes, phase: bytes) -> PauliStructure:
    def bits(packed: bytes) -> NDArray[np.bool_]:
        return np.frombuffer(packed, dtype=bool).reshape(num_strings, -1)

    return PauliStructure(PauliList.from_symplectic(bits(z), bits(x), np.frombuffer(phase, dtype=np.int64)))


def structure_for(paulis: PauliList) -> PauliStructure:
    """Return the compiled structure of Pauli strings. The last few structures are cached."""
    return _structure(len(paulis), paulis.x.tobytes(), paulis.z.tobytes(), np.asarray(paulis.phase, np.int64).tobytes())


def structure_of(family: Family) -> PauliStructure:
    """Return the compiled structure of all strings of a family's frame that H or C may contain."""
    return structure_for(family.frame.paulis[_used(family)])


def _used(family: Family) -> NDArray[np.int64]:
    used = np.flatnonzero((family.free != 0) | (family.nudge != 0))
    return used if len(used) else np.zeros(1, dtype=np.int64)  # H = 0 still acts on qubits


def bound(structure: PauliStructure, family: Family, phase: int) -> PauliSum:
    """Return the compiled Hamiltonian H + β_p C."""
    return structure.bind(family.coefficients[phase][_used(family)])
