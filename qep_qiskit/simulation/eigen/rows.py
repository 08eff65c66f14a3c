"""The lowest two levels and the linear responses of many small operators over the same Pauli strings, as columns of one array.

They compute many ground states at once to a few digits; `lanczos` and `response` compute one state to full accuracy.
"""

from __future__ import annotations

import copy
import functools
import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.simulation.eigen.recurrences import MOST_STEPS, Recurrences, dots, overlaps
from qep_qiskit.simulation.eigen.vectors import single
from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]
Real = NDArray[np.float64]

ANGLE = 1e-6
"""The angle between each vector and the true ground state."""
GAP_ACCURACY = 1e-3
UNLUCKY = 1e4
"""A level is missed only if the start's overlap with another one is this many times larger; see `krylov`."""
SINGLE_ANGLE = 3e-4
"""The smallest angle that single precision is used for; a step then takes half as long."""
SHARP, REACHED = 1e-11, 1e-10
"""The residuals of :func:`lowest_reached`, relative to Σ |c|: of ground states, and of excited states."""
ROUNDING = 3e-6
"""The residual that single precision can reach, relative to the norm."""
SHARED_QUBITS = 4
"""Strings on the lowest qubits with the same coefficient in all operators are applied as one matrix on that many qubits."""


class Strings:
    """Pauli strings as sign vectors and moves of amplitudes: (P v)[i] = sign[i] · v[i ^ x].

    Parameters
    ----------
    paulis : PauliList of length L
    """

    def __init__(self, paulis: PauliList) -> None:
        n, places = int(paulis.num_qubits), np.arange(1 << int(paulis.num_qubits))
        self.num_qubits, self.num_strings = n, len(paulis)
        powers = 1 << np.arange(n)
        x, z = paulis.x @ powers, paulis.z @ powers
        turns = np.bitwise_count(x & z).astype(int) - np.asarray(paulis.phase, int)
        signs = 1.0 - 2.0 * (np.bitwise_count(z[:, None] & (places ^ x[:, None])) & 1)
        self.real = not np.any(turns % 2)
        self.low = (x | z) >> SHARED_QUBITS == 0
        factors = (1j**turns)[:, None] * signs
        self.signs: Array = factors.real if self.real else factors
        self.groups = [(np.flatnonzero(x == mask), places ^ mask) for mask in np.unique(x)]

    def transitions(self, bras: Array, kets: Array) -> Real:
        """Return Re⟨bra|P|ket⟩ of every string for each pair of columns, shape (R, L)."""
        values = np.empty((self.num_strings, bras.shape[1]))
        for strings, places in self.groups:
            values[strings] = (self.signs[strings] @ (bras.conj() * kets[places])).real
        return values.T


@functools.lru_cache(maxsize=8)
def _strings(num_strings: int, x: bytes, z: bytes, phase: bytes) -> Strings:
    bits = [np.frombuffer(packed, dtype=bool).reshape(num_strings, -1) for packed in (z, x)]
    return Strings(PauliList.from_symplectic(*bits, np.frombuffer(phase, dtype=np.int64)))


def strings_of(paulis: PauliList) -> Strings:
    """Return the sign vectors of Pauli strings. The last few lists are cached."""
    return _strings(len(paulis), paulis.x.tobytes(), paulis.z.tobytes(), np.asarray(paulis.phase, np.int64).tobytes())


class Operators:
    """R operators H_r = Σ_l c_rl P_l, applied to one column each.

    Parameters
    ----------
    paulis : PauliList of length L
    coefficients : ndarray of shape (R, L)
    precise : bool
        Whether products have double precision.
    """

    def __init__(self, paulis: PauliList, coefficients: Real, *, precise: bool = True) -> None:
        strings = strings_of(paulis)
        used = (coefficients != 0).any(axis=0)
        narrow: Any = (lambda values: values) if precise else single
        self.num_qubits, self.rows = strings.num_qubits, len(coefficients)
        self.dtype = narrow(np.zeros(1, strings.signs[used].dtype if used.any() else float)).dtype
        self.scale = np.abs(coefficients).sum(axis=1)
        shared = used & strings.low & (coefficients == coefficients[0]).all(axis=0)
        self._matrix: Array | None = None
        if self.rows > 1 and self.num_qubits > SHARED_QUBITS and shared.any():
            self._matrix = narrow(_low_matrix(strings, coefficients[0], shared))
            used = used & ~shared
        self._parts: list[tuple[Array, Array]] = []
        for members, places in strings.groups:
            here = members[used[members]]
            if len(here):
                signs = strings.signs[here]
                if (signs == signs[:, :1]).all():
                    signs = signs[:, :1]  # X alone: one factor for all amplitudes
                factors = signs.T @ coefficients[:, here].T
                self._parts.append((places, narrow(factors if np.any(factors.imag) else factors.real)))

    def of(self, rows: NDArray[np.bool_]) -> Operators:
        """Return some of the operators."""
        part = copy.copy(self)
        part.rows, part.scale = int(np.count_nonzero(rows)), self.scale[rows]
        part._parts = [(places, np.compress(rows, factors, axis=1)) for places, factors in self._parts]
        return part

    def apply(self, states: Array) -> Array:
        """Return H_r ψ_r for columns ψ_r, shape (2**n, R)."""
        if self._matrix is None:
            total = np.zeros_like(states)
        else:
            blocks = states.reshape(-1, len(self._matrix), states.shape[1])
            total = np.matmul(self._matrix.astype(states.dtype, copy=False), blocks).reshape(states.shape)
        part = np.empty_like(states)
        for places, factors in self._parts:
            states.take(places, axis=0, out=part, mode="clip")  # with a mode, numpy writes to `out` without a buffer
            part *= factors
            total += part
        return total


def _low_matrix(strings: Strings, coefficients: Real, shared: NDArray[np.bool_]) -> Array:
    """Return Σ c_k P_k of the shared strings on the lowest qubits."""
    size = 1 << SHARED_QUBITS
    rows, matrix = np.arange(size), np.zeros((size, size), strings.signs.dtype)
    for members, places in strings.groups:
        here = members[shared[members]]
        if len(here):
            matrix[rows, places[:size]] += coefficients[here] @ strings.signs[here, :size]
    return matrix


@dataclass(frozen=True, eq=False)
class Levels:
    """The ground states of R operators.

    Attributes
    ----------
    energies, gaps : ndarray of shape (R,)
        E0 and E1 − E0, the second to about three digits.
    vectors : ndarray of shape (2**n, R)
        The normalised ground states, as columns.
    settled : ndarray of bool, shape (R,)
        False where the state or the gap did not converge.
    """

    energies: Real
    gaps: Real
    vectors: Array
    settled: NDArray[np.bool_]


def lowest_levels(operators: Operators) -> Levels:
    """Return the ground states and the gaps of R operators by Lanczos from random vectors, all in one array."""
    rng = np.random.default_rng([0, 3])
    shape = (1 << operators.num_qubits, operators.rows)
    first = rng.standard_normal(shape).astype(operators.dtype)
    with single_threaded(operators.num_qubits):
        ground = Recurrences(operators, first, None)
        ground.run(lambda residual, spacing, energy, steps: residual <= ANGLE * spacing)
        vectors, energies = ground.vectors(), ground.energies

        def found(residual: float, spacing: float, distance: float, steps: int) -> bool:
            shows = 0.5 * math.log(2 * UNLUCKY) * math.sqrt(ground.norm / max(distance, 1e-8 * ground.norm))
            return steps >= shows and residual**2 <= GAP_ACCURACY * max(distance, 0.0) * spacing

        excited = Recurrences(operators, rng.standard_normal(shape).astype(operators.dtype), vectors, energies)
        excited.run(found)
    gaps = excited.energies - energies
    return Levels(energies, gaps, vectors, ground.settled & excited.settled & (gaps > 1e-6 * operators.scale))


@dataclass(frozen=True, eq=False)
class Reached:
    """The ground states of R operators, and the excited states that changes of the operators lead to.

    Attributes
    ----------
    ground, excited : ndarray of shape (2**n, R)
        Normalised states, as columns.
    settled : ndarray of bool, shape (R,)
        False where a state did not converge, where levels are nearly degenerate, or where ∂H|g⟩ is zero.
    """

    ground: Array
    excited: Array
    settled: NDArray[np.bool_]


def lowest_reached(operators: Operators, changes: Operators, *, least: float) -> Reached:
    """Return the ground states g of R operators H, and the parts of ∂H|g⟩ in the lowest excited level that it reaches.

    Parameters
    ----------
    operators, changes : Operators
        H and ∂H. Columns are checked together, so they should be alike.
    least : float
        The smallest share of |∂H|g⟩|² of a level that counts as reached.

    Notes
    -----
    Lanczos from ∂H|g⟩ stays among the levels that it reaches, and finds the part in a degenerate level as one vector. Let θ be
    the lowest Ritz value with a share s² ≥ `least`, and ρ its residual. Its vector is q(H) times the start, with q(θ) = 1/s, and
    |q| falls up to θ but for zeros at lower Ritz values. The vector's component in an eigenstate of energy E < θ is at most
    ρ/(θ − E), so a level with the share w is missed only if it lies lower by at most ρ s/√w: by 1e-6 Σ |c| for w = 1e-8, and by
    1e-9 Σ |c| for w = 0.01. A level at a lower Ritz value has no larger share than that one.
    """
    rng = np.random.default_rng([0, 5])
    start = rng.standard_normal((1 << operators.num_qubits, operators.rows)).astype(operators.dtype)
    with single_threaded(operators.num_qubits):
        ground, smallest = Recurrences(operators, start, None), float(operators.scale.min())
        ground.run(lambda residual, spacing, distance, steps: residual <= SHARP * smallest, alike=True)
        lowest = ground.vectors()
        moved = changes.apply(lowest.astype(np.result_type(lowest, changes.dtype), copy=False))
        moved -= lowest * overlaps(lowest, moved)
        still = dots(moved, moved) <= (1e-9 * changes.scale) ** 2
        moved[:, still] = start[:, still]
        excited = Recurrences(operators, moved, lowest, ground.energies, least=least)
        excited.run(lambda residual, spacing, distance, steps: residual <= REACHED * smallest, alike=True)
        vectors = excited.vectors()
        settled = ground.settled & excited.settled & ~still & (excited.shares >= least)
        settled &= np.minimum(excited.energies - ground.energies, excited.spacings) > 1e-6 * operators.scale
        for states, energies, allowed in ((lowest, ground.energies, SHARP), (vectors, excited.energies, REACHED)):
            rest = operators.apply(states) - energies * states
            settled &= dots(rest, rest) <= (allowed * operators.scale) ** 2
    return Reached(lowest, vectors, settled)


@dataclass(frozen=True, eq=False)
class GroundStates:
    """The ground states of R operators, without their gaps.

    Attributes
    ----------
    energies, residuals : ndarray of shape (R,)
        E0 and ‖(H − E0)ψ‖.
    vectors : ndarray of shape (2**n, R)
        The normalised ground states, as columns.
    settled : ndarray of bool, shape (R,)
        False where the state did not converge.
    """

    energies: Real
    residuals: Real
    vectors: Array
    settled: NDArray[np.bool_]


def ground_states(
    paulis: PauliList, coefficients: Real, *, starts: Array | None = None, tolerance: float = ANGLE, seed: int = 0
) -> GroundStates:
    """Return the ground states of R operators H_r = Σ_l c_rl P_l by Lanczos, all in one array.

    A degenerate ground state is not detected.

    Parameters
    ----------
    paulis : PauliList of length L
    coefficients : ndarray of shape (R, L)
    starts : ndarray of shape (2**n, R), optional
        Guesses of the ground states. A small random vector is added to each.
    tolerance : float
        The required angle between each vector and the true ground state, estimated as residual / spacing of the lowest two Ritz
        values. From 3e-4 on, single precision is used where the spacing allows it.
    seed : int
        The seed of the random start vectors.
    """
    precise = tolerance < SINGLE_ANGLE
    states = _ground_states(paulis, coefficients, starts, tolerance, seed, precise)
    lost = ~states.settled
    if precise or not lost.any():
        return states
    finer = _ground_states(paulis, coefficients[lost], states.vectors[:, lost], tolerance, seed, True)
    states.energies[lost], states.residuals[lost], states.settled[lost] = finer.energies, finer.residuals, finer.settled
    vectors = states.vectors.astype(finer.vectors.dtype)
    vectors[:, lost] = finer.vectors
    return replace(states, vectors=vectors)


def _ground_states(
    paulis: PauliList, coefficients: Real, starts: Array | None, tolerance: float, seed: int, precise: bool
) -> GroundStates:
    """Return the ground states in one precision; those whose residuals, computed anew, are too large are not settled."""
    operators = Operators(paulis, coefficients, precise=precise)
    rng = np.random.default_rng([seed, 4])
    shape = (1 << operators.num_qubits, operators.rows)
    first = rng.random(shape, np.float32).astype(operators.dtype) - 0.5
    if starts is not None:
        basis = starts if operators.dtype.kind == "c" else np.real(starts)
        first *= 2e-3 / math.sqrt(shape[0])
        first += basis
    with single_threaded(operators.num_qubits):
        run = Recurrences(operators, first, None)
        run.run(lambda residual, spacing, energy, steps: residual <= tolerance * spacing)
        vectors = run.vectors()
        products = operators.apply(vectors)
        energies = dots(vectors, products)
        products -= energies.astype(products.real.dtype) * vectors
        residuals = np.sqrt(dots(products, products))
    floor = 1e-13 if precise else ROUNDING
    settled = run.settled & (residuals <= 2.0 * np.maximum(tolerance * run.spacings, floor * run.norm))
    if not precise:
        settled &= tolerance * run.spacings >= ROUNDING * run.norm
    return GroundStates(energies, residuals, vectors, settled)


def linear_responses(operators: Operators, energies: Real, psi: Array, sources: Array, *, tolerance: float = 1e-5) -> Array:
    """Return δψ = −(H − E0)⁺ P C ψ0 of every column, by conjugate gradients in the complement of ψ0.

    A column is NaN if H − E0 is not positive there, because another level lies below E0.

    Parameters
    ----------
    operators : Operators
    energies : ndarray of shape (R,)
    psi : ndarray of shape (2**n, R)
        The ground states ψ0.
    sources : ndarray of shape (2**n, R)
        C ψ0.
    tolerance : float
        The relative residual.
    """

    def off(states: Array) -> Array:
        return states - psi * overlaps(psi, states)

    with single_threaded(operators.num_qubits):
        residual = off(-sources.astype(np.result_type(operators.dtype, sources.dtype), copy=False))
        moved, direction = np.zeros_like(residual), residual.copy()
        size = dots(residual, residual)
        aim = tolerance**2 * size
        lost = np.zeros(operators.rows, dtype=bool)
        for _ in range(4 * MOST_STEPS):
            if np.all(size <= aim):
                break
            product = off(operators.apply(direction) - energies * direction)
            curvature = dots(direction, product)
            lost |= (curvature <= 0.0) & (size > aim)
            direction[:, lost], residual[:, lost], size[lost] = 0.0, 0.0, 0.0
            step = size / np.maximum(curvature, 1e-300)
            step[size <= aim] = 0.0
            moved += step * direction
            residual -= step * product
            now = dots(residual, residual)
            direction = residual + (now / np.maximum(size, 1e-300)) * direction
            size = now
    moved[:, lost] = np.nan
    return moved
