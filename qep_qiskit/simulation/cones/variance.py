"""The energy variance of a shallow circuit's state near some qubits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.simulation.cones.light_cones import LightCones

Real = NDArray[np.float64]


class LocalVariance:
    """The local energy variance ½⟨{H_A, H − ⟨H⟩}⟩, where H_A holds some of the strings of H = Σ c P.

    It is 0 in every eigenstate. If H_A holds all strings, it is the variance of the energy; divided by Σ c², that does not grow
    with the number of qubits. Strings whose light cones share no qubit are uncorrelated, and products of anticommuting strings
    drop out, so only expectations of local strings are needed. Their light cones are found once for all rows of parameters and
    coefficients.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit with P parameters.
    paulis : PauliList of length L
    near : ndarray of bool, shape (L,)
        The strings of H_A.

    Raises
    ------
    InputError
        If a product of two strings depends on too many qubits.
    """

    def __init__(self, circuit: QuantumCircuit, paulis: PauliList, near: NDArray[np.bool_]) -> None:
        self._used = np.flatnonzero((paulis.x | paulis.z).any(axis=1))
        strings, part = paulis[self._used], near[self._used]
        self._means = LightCones(circuit, strings)
        depends = self._means.depends(range(len(strings))).astype(np.float32)
        first, second = np.nonzero((depends[part] @ depends.T) > 0.0)
        first = np.flatnonzero(part)[first]
        anticommute = (strings.x[first] & strings.z[second]).sum(axis=1) + (strings.z[first] & strings.x[second]).sum(axis=1)
        self._first, self._second, self._together = first, second, anticommute % 2 == 0
        products = strings[first[self._together]].compose(strings[second[self._together]])
        distinct, self._place = _distinct(PauliList.from_symplectic(products.z, products.x))
        self._signs, self._products = 1.0 - products.phase, LightCones(circuit, distinct)

    def variances(self, thetas: ArrayLike, coefficients: ArrayLike) -> Real:
        """Return the local variance of every row, shape (R,).

        Parameters
        ----------
        thetas : array_like, shape (R, P)
        coefficients : array_like, shape (R, L)
        """
        c, means = np.asarray(coefficients)[:, self._used], self._means.expectations(thetas)
        values = np.zeros((len(c), len(self._first)))
        values[:, self._together] = self._signs * self._products.expectations(thetas)[:, self._place]
        correlations = values - means[:, self._first] * means[:, self._second]
        return np.asarray(np.sum(c[:, self._first] * c[:, self._second] * correlations, axis=1))


def _distinct(paulis: PauliList) -> tuple[PauliList, NDArray[np.intp]]:
    """Return the distinct strings, and the position of each given string among them."""
    bits = np.packbits(np.concatenate([paulis.x, paulis.z], axis=1), axis=1)
    _, first, place = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return paulis[first], place.reshape(-1)
