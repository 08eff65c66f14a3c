"""Sums of Pauli strings with their own coefficients per column, and the expectations of the strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.states import States
from qep_qiskit.simulation.batched.operations import signs_of
from qep_qiskit.simulation.batched.strings import String
from qep_qiskit.simulation.products import product_of

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


class _Group(NamedTuple):
    """Strings that flip the same qubits: their rows, signs (2**m, strings), factors, and the source index of each amplitude."""

    rows: slice
    signs: Real
    factors: Complex
    source: NDArray[np.intp]


class Reading:
    """The strings that are read at one place of the circuit.

    Parameters
    ----------
    num_qubits
        The number of qubits m.
    strings
        The strings.
    first
        The position of the first of these strings among all strings of the template, as they are read.

    Attributes
    ----------
    strings : list of String
        The strings in the order in which they are read: diagonal ones first, then by the qubits that they flip.
    """

    def __init__(self, num_qubits: int, strings: Sequence[String], first: int) -> None:
        self.strings = sorted(strings, key=lambda string: string.x)
        self._shape = (1 << num_qubits, -1)
        self._groups: list[_Group] = []
        for x in sorted({string.x for string in strings}):
            members = [string for string in strings if string.x == x]
            rows = slice(first, first + len(members))
            source = np.arange(1 << num_qubits) ^ x
            signs = signs_of(num_qubits, [string.z for string in members])
            factors = np.array([[string.factor] for string in members])
            self._groups.append(_Group(rows, signs, factors, source))
            first = rows.stop
        self._diagonal = self._groups.pop(0) if self.strings[0].x == 0 else None

    def scales(self) -> Real:
        """Return the factors of each string's coefficients as pairs, for the real and the imaginary parts of amplitudes.

        For strings that flip qubits, the pair is the complex conjugate of the string's factor.
        """
        pairs = [(s.factor.real, -s.factor.imag if s.x else -s.factor.real) for s in self.strings]
        return np.array(pairs).reshape(-1, 2)

    def add(self, states: States, weights: Real, bra: States, spares: Sequence[States], begin: bool) -> None:
        """Add the complex conjugate of ``H states`` to ``bra``, or write it there if this is the ``begin``.

        ``weights`` are the coefficients of all strings times their `scales`, shape (strings, 2 B). Three spare arrays are used.
        """
        total, (weight, conjugate, moved) = bra.reals(self._shape), spares
        multiply = product_of(total.size)
        if self._diagonal is not None:
            values = multiply(self._diagonal.signs, weights[self._diagonal.rows], out=weight.reals(self._shape))
            if begin:
                np.multiply(states.reals(self._shape), values, out=total)
            else:
                values *= states.reals(self._shape)
                total += values
        elif begin:
            total[:] = 0.0
        if self._groups:
            np.conjugate(states.array, out=conjugate.array)
        for rows, signs, _, source in self._groups:
            multiply(signs, weights[rows], out=weight.reals(self._shape))
            weight.array *= conjugate.array
            np.take(weight.array, source, axis=0, out=moved.array, mode="clip")
            bra.array += moved.array

    def expectations(self, states: States, spares: Sequence[States], weights: Real | None, out: Real) -> None:
        """Write the expectations of the strings, in reading order, to their rows of ``out`` (strings, B).

        ``weights`` are the weights of blocks of amplitudes, shape (blocks, 1, 2 B); None for equal weights.
        """
        product, moved = spares[:2]
        if self._diagonal is not None:
            reals = states.reals(self._shape)
            np.multiply(reals, reals, out=product.reals(self._shape))
            sums = self._diagonal.signs.T @ self._weighted(product, weights)
            np.add(sums[:, ::2], sums[:, 1::2], out=out[self._diagonal.rows])
            out[self._diagonal.rows] *= self._diagonal.factors.real
        for rows, signs, factors, source in self._groups:
            np.take(states.array, source, axis=0, out=moved.array, mode="clip")
            np.conjugate(moved.array, out=moved.array)
            np.multiply(moved.array, states.array, out=product.array)
            sums = signs.T @ self._weighted(product, weights)
            out[rows] = (factors * sums.view(np.complex128)).real

    def _weighted(self, product: States, weights: Real | None) -> Real:
        if weights is not None:
            blocks = product.reals((len(weights), self._shape[0] // len(weights), -1))
            blocks *= weights
        return product.reals(self._shape)
