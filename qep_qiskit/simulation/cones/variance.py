"""The energy variance of a shallow circuit's state near some qubits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.simulation.cones.light_cones import LightCones

Real = NDArray[np.float64]


def share_of_variance(
    circuit: QuantumCircuit, paulis: PauliList, theta: ArrayLike, coefficients: ArrayLike, near: NDArray[np.bool_]
) -> float:
    """Return ½⟨{H_A, H − ⟨H⟩}⟩ / Σ_A c² for the part H_A of H = Σ c P in some strings; it is 0 in every eigenstate.

    With all strings, this is the variance of the energy as a share of Σ c², which does not grow with the number of qubits.
    Strings whose light cones share no qubit are uncorrelated, and products of strings that anticommute drop out, so that only
    expectations of local strings are needed.

    Parameters
    ----------
    circuit : QuantumCircuit
        With P parameters.
    paulis : PauliList of length L
    theta : array_like, shape (P,)
    coefficients : array_like, shape (L,)
    near : ndarray of bool, shape (L,)
        The strings of H_A.

    Raises
    ------
    InputError
        If a product of two strings depends on too many qubits.
    """
    used = np.flatnonzero(np.asarray(coefficients) * (paulis.x | paulis.z).any(axis=1))
    strings, c, part = paulis[used], np.asarray(coefficients)[used], near[used]
    cones = LightCones(circuit, strings)
    rows = np.asarray(theta)[None]
    means = cones.expectations(rows)[0]
    depends = cones.depends(range(len(strings))).astype(np.float32)
    first, second = np.nonzero((depends[part] @ depends.T) > 0.0)
    first = np.flatnonzero(part)[first]
    anticommute = (strings.x[first] & strings.z[second]).sum(axis=1) + (strings.z[first] & strings.x[second]).sum(axis=1)
    together = anticommute % 2 == 0
    products = strings[first[together]].compose(strings[second[together]])
    values = np.zeros(len(first))
    bare = PauliList.from_symplectic(products.z, products.x)
    distinct, place = _distinct(bare)
    values[together] = (1.0 - products.phase) * LightCones(circuit, distinct).expectations(rows)[0][place]
    correlations = values - means[first] * means[second]
    return float(np.sum(c[first] * c[second] * correlations) / np.sum(c[part] ** 2))


def _distinct(paulis: PauliList) -> tuple[PauliList, NDArray[np.intp]]:
    """Return every string once, and the place of each."""
    bits = np.packbits(np.concatenate([paulis.x, paulis.z], axis=1), axis=1)
    _, first, place = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return paulis[first], place.reshape(-1)
