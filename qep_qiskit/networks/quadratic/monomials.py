"""Frames of networks in closed form: polynomials in positions and momenta over one list of monomials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from qep_qiskit.networks.polynomial import CONSTANT, MOMENTUM, POSITION, PRODUCT, Monomial, Polynomial
from qep_qiskit.simulation.closed_form.quadratic import QuadraticForm

Vector = NDArray[np.float64]
MOST_DENSE = 250_000
"""The largest number of elements for which coefficients are a dense matrix, which is ten times faster in products."""


@dataclass(frozen=True)
class Monomials:
    """A list of distinct monomials, stored as arrays; the counterpart of a PauliList for qubits.

    Attributes
    ----------
    kind, i, j : ndarray of int, shape (L,)
    """

    sites: int
    kind: NDArray[np.int64]
    i: NDArray[np.int64]
    j: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions of all monomials of a kind in the list, with their i and j."""
        places = np.flatnonzero(self.kind == kind)
        return places, self.i[places], self.j[places]

    def expectations(self, mean: Vector, covariance: NDArray[np.float64], momenta: Vector) -> Vector:
        """Return the expectations, shape (L,), in a state with ⟨r⟩, shape (n,), ⟨δr δrᵀ⟩, shape (n, n), and ⟨p²⟩, shape (n,)."""
        values = np.zeros(len(self))
        values[self.where(CONSTANT)[0]] = 1.0
        places, i, _ = self.where(POSITION)
        values[places] = mean[i]
        places, i, j = self.where(PRODUCT)
        values[places] = covariance[i, j] + mean[i] * mean[j]
        places, i, _ = self.where(MOMENTUM)
        values[places] = momenta[i]
        return values

    def slopes(self, mean: Vector, dmean: Vector, dcovariance: NDArray[np.float64] | None, dmomenta: Vector | None) -> Vector:
        """Return the first-order change of the expectations; None means no change."""
        values = np.zeros(len(self))
        places, i, _ = self.where(POSITION)
        values[places] = dmean[i]
        places, i, j = self.where(PRODUCT)
        values[places] = dmean[i] * mean[j] + mean[i] * dmean[j]
        if dcovariance is not None:
            values[places] += dcovariance[i, j]
        if dmomenta is not None:
            places, i, _ = self.where(MOMENTUM)
            values[places] = dmomenta[i]
        return values

    def form(self, coefficients: Vector, what: str = "the network") -> QuadraticForm:
        """Return the polynomial with these coefficients as a quadratic form; `what` names it in errors."""
        n = self.sites
        places, i, j = self.where(PRODUCT)
        values = coefficients[places]
        stiffness = csr_array((np.tile(values, 2), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(n, n))
        force, inverse_masses = np.zeros(n), np.zeros(n)
        places, i, _ = self.where(POSITION)
        force[i] = -coefficients[places]
        places, i, _ = self.where(MOMENTUM)
        inverse_masses[i] = 2.0 * coefficients[places]
        return QuadraticForm(stiffness, inverse_masses, force, float(coefficients[self.where(CONSTANT)[0]].sum()), what=what)


@dataclass(frozen=True)
class MonomialFrame:
    """A list of monomials and the coefficients of several polynomials over it.

    Attributes
    ----------
    strings : Monomials of length L
    matrix : array of shape (polynomials, L), sparse if it is large
    quantum : bool
        Whether the system is quantum; the state of a classical one is a point.
    """

    strings: Monomials
    matrix: Any
    quantum: bool = True

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of the monomials, such as ``"r[0]^2"``."""
        s = self.strings
        return tuple(Monomial(int(k), int(i), int(j)).label for k, i, j in zip(s.kind, s.i, s.j, strict=True))

    @cached_property
    def busy(self) -> NDArray[np.bool_]:
        """True for monomials that are not the constant, shape (L,)."""
        return np.asarray(self.strings.kind != CONSTANT)

    def operator(self, coefficients: Vector) -> Polynomial:
        """Return the polynomial with these coefficients, without zero terms."""
        s = self.strings
        return Polynomial(
            {Monomial(int(s.kind[k]), int(s.i[k]), int(s.j[k])): float(coefficients[k]) for k in np.flatnonzero(coefficients)}
        )


def monomial_frame(sites: int, operators: Sequence[Polynomial], *, quantum: bool = True) -> MonomialFrame:
    """Return the frame of these polynomials: monomials in order of appearance, one row per polynomial."""
    position: dict[Monomial, int] = {}
    rows, columns, values = [], [], []
    for row, operator in enumerate(operators):
        for monomial, value in operator.terms.items():
            rows.append(row)
            columns.append(position.setdefault(monomial, len(position)))
            values.append(value)
    table = np.array(list(position), dtype=np.int64).reshape(-1, 3)
    matrix = csr_array((values, (rows, columns)), shape=(len(operators), len(position)), dtype=float)
    small = matrix.shape[0] * matrix.shape[1] <= MOST_DENSE
    strings = Monomials(sites, table[:, 0], table[:, 1], table[:, 2])
    return MonomialFrame(strings, matrix.toarray() if small else matrix, quantum)
