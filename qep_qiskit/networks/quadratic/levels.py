"""Encoding of an oscillator in 2^q levels of a reference oscillator, on q qubits."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import Operator, SparsePauliOp

from qep_qiskit.checks import counts, shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.networks.polynomial import MOMENTUM, POSITION, PRODUCT, Monomial
from qep_qiskit.simulation.closed_form.oscillator import squares
from qep_qiskit.values import Value

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
ENCODINGS = ("binary", "gray")
MOST_LEVELS = 64
NEGLIGIBLE = 1e-14


@dataclass(frozen=True, eq=False)
class Reference(Value):
    """Reference oscillators with the computational basis as levels: r = d + X̂/√(mΩ), p = √(mΩ) P̂, X̂ = (a + a†)/√2.

    Attributes
    ----------
    frequencies : ndarray of shape (sites,)
        The frequencies Ω.
    displacements : ndarray of shape (sites,)
        The displacements d.
    masses : ndarray of shape (sites,)
    """

    frequencies: Vector
    displacements: Vector
    masses: Vector

    @property
    def lengths(self) -> Vector:
        """The lengths 1/√(mΩ)."""
        return 1.0 / np.sqrt(self.masses * self.frequencies)


def check_levels(levels: Any, encoding: object) -> tuple[int, str]:
    """Return the checked levels and encoding, or raise InputError."""
    if not counts(levels, -(2**63)):
        raise InputError(f"levels: {shown(levels)} is not allowed; give a power of two from 2 to {MOST_LEVELS}, such as 4")
    count = int(levels)
    if not 2 <= count <= MOST_LEVELS or count & (count - 1):
        raise InputError(
            f"levels: {count} is not allowed; give a power of two from 2 to {MOST_LEVELS}: the levels of an oscillator fill its "
            "qubits, so that no outcome is without a meaning"
        )
    if not isinstance(encoding, str) or encoding not in ENCODINGS:
        close = nearest(encoding, ENCODINGS)
        raise InputError(f"encoding: {shown(encoding)} is not allowed; give one of {', '.join(map(repr, ENCODINGS))}{close}")
    return count, str(encoding)


def ladder(kind: int, levels: int) -> Matrix:
    """Return X̂ (POSITION), X̂² (PRODUCT) or P̂² (MOMENTUM) in the lowest levels, shape (levels, levels).

    The squares are truncations of the true squares, not squares of the truncated operators: ⟨n|X̂²|n⟩ = n + ½ holds in the
    highest level too. The truncated H is thus the projection of the true H. Its ground state is the best one in these levels
    (Rayleigh and Ritz), with an energy not below the true one.
    """
    if kind == POSITION:
        step = np.diag(np.sqrt(np.arange(1, levels) / 2), 1)
        return step + step.T
    position, momentum = squares(levels)
    return position if kind == PRODUCT else momentum


def codes(levels: int, encoding: str) -> NDArray[np.int64]:
    """Return the basis state of every level n: n itself, or its Gray code n ^ (n >> 1), in which neighbours differ in one bit."""
    n = np.arange(levels)
    return n ^ (n >> 1) if encoding == "gray" else n


@functools.cache
def strings_of(kind: int, levels: int, encoding: str) -> tuple[tuple[str, float], ...]:
    """Return the Pauli strings of X̂, X̂² or P̂² on one site's qubits, and their coefficients."""
    matrix = np.empty((levels, levels))
    places = codes(levels, encoding)
    matrix[np.ix_(places, places)] = ladder(kind, levels)
    operator = SparsePauliOp.from_operator(Operator(matrix))
    return tuple(
        (label, float(value.real))
        for label, value in zip(operator.paulis.to_labels(), operator.coeffs, strict=True)
        if abs(value) > NEGLIGIBLE
    )


def strings_of_monomial(monomial: Monomial, sites: int, levels: int, encoding: str) -> list[tuple[str, float]]:
    """Return the Pauli strings of 1, X̂_i, X̂_i X̂_j, X̂_i² or P̂_i² on all qubits; site i has qubits i q, …, (i + 1) q − 1."""
    idle = "I" * (levels.bit_length() - 1)

    def placed(parts: dict[int, str]) -> str:
        return "".join(parts.get(site, idle) for site in reversed(range(sites)))

    if monomial.kind == PRODUCT and monomial.i != monomial.j:
        one = strings_of(POSITION, levels, encoding)
        return [(placed({monomial.i: a, monomial.j: b}), x * y) for a, x in one for b, y in one]
    if monomial.kind in (POSITION, PRODUCT, MOMENTUM):
        return [(placed({monomial.i: a}), x) for a, x in strings_of(monomial.kind, levels, encoding)]
    return [(placed({}), 1.0)]
