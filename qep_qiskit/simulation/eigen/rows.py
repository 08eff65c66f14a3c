"""The lowest two levels and the linear responses of many small operators over the same Pauli strings, as columns of one array.

They compute many ground states at once to a few digits; `lanczos` and `response` compute one state to full accuracy.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList
from scipy.linalg.lapack import dstemr

from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]
Real = NDArray[np.float64]

ANGLE = 1e-6
"""The angle between each vector and the true ground state."""
GAP_ACCURACY = 1e-3
UNLUCKY = 1e4
"""A level is missed only if the start's overlap with another one is this many times larger; see `krylov`."""
MOST_STEPS = 200
CHECKED, EVERY = 16, 6
"""The Lanczos step of the first check of convergence, and the number of steps between two checks."""


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
    """

    def __init__(self, paulis: PauliList, coefficients: Real) -> None:
        strings = strings_of(paulis)
        used = (coefficients != 0).any(axis=0)
        self.num_qubits, self.rows = strings.num_qubits, len(coefficients)
        self.dtype = strings.signs[used].dtype if used.any() else np.dtype(float)
        self.scale = np.abs(coefficients).sum(axis=1)
        self._parts: list[tuple[Array, Array]] = []
        for members, places in strings.groups:
            here = members[used[members]]
            if len(here):
                signs = strings.signs[here]
                if (signs == signs[:, :1]).all():
                    signs = signs[:, :1]  # X alone: one factor for all amplitudes
                self._parts.append((places, signs.T @ coefficients[:, here].T))

    def apply(self, states: Array) -> Array:
        """Return H_r ψ_r for columns ψ_r, shape (2**n, R)."""
        total = np.zeros_like(states)
        for places, factors in self._parts:
            part = states[places]
            part *= factors
            total += part
        return total


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


def lowest_levels(operators: Operators, *, starts: Array | None = None, seed: int = 0) -> Levels:
    """Return the ground states and the gaps of R operators by Lanczos, all in one array.

    Parameters
    ----------
    operators : Operators
    starts : ndarray of shape (2**n, R), optional
        Guesses of the ground states. A random vector is added to each.
    seed : int
        The seed of the random start vectors.
    """
    rng = np.random.default_rng([seed, 3])
    shape = (1 << operators.num_qubits, operators.rows)
    first = rng.standard_normal(shape).astype(operators.dtype)
    if starts is not None:
        first = (starts if operators.dtype.kind == "c" else np.real(starts)) + 1e-3 / math.sqrt(shape[0]) * first
    with single_threaded(operators.num_qubits):
        ground = _Lanczos(operators, first, None)
        ground.run(lambda residual, spacing, energy, steps: residual <= ANGLE * spacing)
        vectors, energies = ground.vectors(), ground.energies

        def found(residual: float, spacing: float, distance: float, steps: int) -> bool:
            shows = 0.5 * math.log(2 * UNLUCKY) * math.sqrt(ground.norm / max(distance, 1e-8 * ground.norm))
            return steps >= shows and residual**2 <= GAP_ACCURACY * max(distance, 0.0) * spacing

        excited = _Lanczos(operators, rng.standard_normal(shape).astype(operators.dtype), vectors, energies)
        excited.run(found)
    gaps = excited.energies - energies
    return Levels(energies, gaps, vectors, ground.settled & excited.settled & (gaps > 1e-6 * operators.scale))


class _Lanczos:
    """The recurrences of all columns, optionally in the complement of one vector per column."""

    def __init__(self, operators: Operators, start: Array, deflated: Array | None, below: Real | None = None) -> None:
        self.operators, self.deflated = operators, deflated
        self.below = np.zeros(operators.rows) if below is None else below
        self.energies, self.settled = np.zeros(operators.rows), np.zeros(operators.rows, dtype=bool)
        self.norm = 1.0
        self._start = self._projected(start)
        self._weights: Real = np.zeros((MOST_STEPS, operators.rows))
        self._basis: list[Array] = []

    def run(self, done: Any) -> None:
        """Step until `done`(residual, spacing of the lowest two, energy above `below`, steps) holds for every column."""
        rows, most = self.operators.rows, (1 << self.operators.num_qubits) - (self.deflated is not None)
        alphas, betas = np.zeros((2, MOST_STEPS, rows))
        ends = np.full(rows, most)
        current, previous = self._start / np.linalg.norm(self._start, axis=0), None
        for step in range(min(MOST_STEPS, most)):
            self._basis.append(current)
            product = self.operators.apply(current)
            if previous is not None:
                product -= betas[step - 1] * previous
            alphas[step] = _dots(current, product)
            product -= alphas[step] * current
            product = self._projected(product)
            betas[step] = np.sqrt(_dots(product, product))
            ended = (betas[step] <= 1e-13 * np.maximum(self.operators.scale, 1e-300)) & (ends > step + 1)
            ends[ended] = step + 1
            previous, current = current, product / np.maximum(betas[step], 1e-300)
            due = step >= CHECKED and (step - CHECKED) % EVERY == 0
            if due or step + 1 == most or (ends <= step + 1).all():
                self.norm = max(float(np.abs(alphas[: step + 1]).max() + 2 * betas[: step + 1].max()), 1e-300)
                for row in np.flatnonzero(~self.settled).tolist():
                    steps = min(step + 1, int(ends[row]))
                    self._look(row, alphas[:steps, row], betas[:steps, row], steps < step + 1 or steps == most, done)
            if self.settled.all():
                return

    def _look(self, row: int, alphas: Real, betas: Real, exhausted: bool, done: Any) -> None:
        steps = len(alphas)
        if steps == 1:
            values, modes = alphas, np.ones((1, 1))
        else:
            # LAPACK itself, as in krylov.py: scipy's wrapper takes several times as long
            values, modes = dstemr(
                alphas.copy(), betas.copy(), 2, 0.0, 1.0, 1, 2, compute_v=1, lwork=18 * steps, liwork=10 * steps
            )[1:3]
        residual = float(betas[steps - 1] * abs(modes[-1, 0]))
        spacing = float(values[1] - values[0]) if len(values) > 1 else self.norm
        self.energies[row] = values[0]
        self._weights[:steps, row] = modes[:, 0]
        self.settled[row] = exhausted or done(residual, spacing, float(values[0] - self.below[row]), steps)

    def vectors(self) -> Array:
        """Return the lowest Ritz vector of each column."""
        total = np.zeros_like(self._start)
        for weights, vectors in zip(self._weights, self._basis, strict=False):
            total += weights * vectors
        return total / np.linalg.norm(total, axis=0)

    def _projected(self, states: Array) -> Array:
        return states if self.deflated is None else states - self.deflated * _products(self.deflated, states)


def linear_responses(operators: Operators, levels: Levels, sources: Array, *, tolerance: float = 1e-5) -> Array:
    """Return δψ = −(H − E0)⁺ P C ψ0 of every column, by conjugate gradients in the complement of ψ0.

    Parameters
    ----------
    operators : Operators
    levels : Levels
    sources : ndarray of shape (2**n, R)
        C ψ0.
    tolerance : float
        The relative residual.
    """
    psi = levels.vectors

    def off(states: Array) -> Array:
        return states - psi * _products(psi, states)

    with single_threaded(operators.num_qubits):
        residual = off(-sources.astype(np.result_type(operators.dtype, sources.dtype), copy=False))
        moved, direction = np.zeros_like(residual), residual.copy()
        size = _dots(residual, residual)
        aim = tolerance**2 * size
        for _ in range(4 * MOST_STEPS):
            if np.all(size <= aim):
                break
            product = off(operators.apply(direction) - levels.energies * direction)
            step = size / np.maximum(_dots(direction, product), 1e-300)
            step[size <= aim] = 0.0
            moved += step * direction
            residual -= step * product
            now = _dots(residual, residual)
            direction = residual + (now / np.maximum(size, 1e-300)) * direction
            size = now
    return moved


def _products(bras: Array, kets: Array) -> Array:
    return (bras.conj() * kets).sum(axis=0)


def _dots(bras: Array, kets: Array) -> Real:
    return np.asarray(_products(bras, kets).real)
