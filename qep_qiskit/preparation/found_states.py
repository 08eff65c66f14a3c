"""State vectors of a preparation with their energies, for several families at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.simulation.eigen.rows import Operators, strings_of
from qep_qiskit.simulation.threads import single_threaded

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
MOST_QUBITS = 10
"""The largest number of qubits for which all states are columns of one array; beyond, each is computed alone."""


@dataclass(frozen=True, eq=False)
class FoundStates:
    """The states of one family's phases.

    Attributes
    ----------
    rows : ndarray of shape (P, 2**n)
    energies, variances : ndarray of shape (P,)
        ⟨H + βC⟩ and its variance.
    paulis : PauliList or None
        The strings whose expectations are already known.
    known : ndarray of shape (P, L) or None
    """

    rows: Complex
    energies: Real
    variances: Real
    paulis: PauliList | None = None
    known: Real | None = None

    def expectations(self, paulis: PauliList) -> Real:
        """Return the expectations of Pauli strings, shape (P, L)."""
        if self.known is not None and paulis is self.paulis:
            return self.known
        return np.atleast_2d(structure_for(paulis).expectations(self.rows))


def found_states(states: Callable[[Real], Complex], families: Sequence[Family], angles: Sequence[Real]) -> list[FoundStates]:
    """Return the states of several families over the same strings, with their energies.

    Parameters
    ----------
    states : callable
        Rows of angles (R, P) → states (R, 2**n).
    families : sequence of Family
    angles : sequence of ndarray of shape (phases, P)
    """
    rows, ends = states(np.concatenate(angles)), np.cumsum([len(part) for part in angles])[:-1]
    if families[0].num_qubits > MOST_QUBITS:
        return [_alone(family, part) for family, part in zip(families, np.split(rows, ends), strict=True)]
    paulis, columns = families[0].frame.paulis, np.ascontiguousarray(rows.T)
    with single_threaded(families[0].num_qubits):
        products = Operators(paulis, np.concatenate([family.coefficients for family in families])).apply(columns)
        energies = np.einsum("ir,ir->r", columns.conj(), products).real
        products -= energies * columns
        variances = np.einsum("ir,ir->r", products.conj(), products).real
        expectations = strings_of(paulis).transitions(columns, columns)
    parts = zip(families, *(np.split(part, ends) for part in (rows, energies, variances, expectations)), strict=True)
    return [
        FoundStates(states, energy, variance, family.frame.paulis, values) for family, states, energy, variance, values in parts
    ]


def _alone(family: Family, rows: Complex) -> FoundStates:
    structure, energies, variances = structure_of(family), np.empty(len(rows)), np.empty(len(rows))
    for p, state in enumerate(rows):
        product = bound(structure, family, p).apply(state)
        energies[p] = np.vdot(state, product).real
        variances[p] = np.linalg.norm(product - energies[p] * state) ** 2
    return FoundStates(rows, energies, variances)
