"""Energies of product states, their derivatives and minima; a Pauli string is a product of Bloch components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

Vector = NDArray[np.float64]

MOST_HALVINGS = 30
SWEEPS, SETTLED = 60, 1e-4
"""The largest number of sweeps, and the largest change of a component at which they end."""


class ProductStrings:
    """Pauli strings in product states: ⟨P⟩ is the product of one Bloch component per letter.

    Parameters
    ----------
    paulis : PauliList of length L

    Notes
    -----
    Bloch vectors have the shape (n, 3), with columns X, Y and Z. `places` holds the index 3q + axis of every letter. Strings
    shorter than the longest are padded with the index 3n, at which the value is 1.
    """

    def __init__(self, paulis: PauliList) -> None:
        x, z = np.asarray(paulis.x), np.asarray(paulis.z)
        self.num_qubits = n = int(paulis.num_qubits)
        busy = x | z
        width = max(1, int(busy.sum(axis=1).max(initial=0)))
        axis = np.where(x & z, 1, np.where(x, 0, 2))
        places = np.where(busy, 3 * np.arange(n) + axis, 3 * n)
        self.places = np.sort(places, axis=1)[:, :width]
        self.signs: Vector = np.real((-1j) ** np.asarray(paulis.phase))

    def factors(self, bloch: Vector) -> Vector:
        """Return the Bloch component of every letter, shape (…, L, width)."""
        flat = bloch.reshape(*bloch.shape[:-2], -1)
        padded = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)
        return padded[..., self.places]

    def values(self, bloch: Vector) -> Vector:
        """Return ⟨P⟩ for every string, shape (…, L), for Bloch vectors of shape (…, n, 3)."""
        return self.signs * self.factors(bloch).prod(axis=-1)

    def others(self, bloch: Vector) -> Vector:
        """Return, for every letter, the product of the other letters' components and the string's sign, shape (L, width)."""
        factors = self.factors(bloch)
        before, after = np.ones_like(factors), np.ones_like(factors)
        before[:, 1:] = np.cumprod(factors[:, :-1], axis=1)
        after[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
        return self.signs[:, None] * before * after

    def moved(self, bloch: Vector, change: Vector) -> Vector:
        """Return the first-order change of ⟨P⟩ for every string, for a small change of the Bloch vectors (n, 3)."""
        padded = np.append(change.reshape(-1), 0.0)
        return np.asarray((self.others(bloch) * padded[self.places]).sum(axis=1))

    def fields(self, coefficients: Vector, bloch: Vector) -> Vector:
        """Return ∂E/∂n for E = Σ c_l ⟨P_l⟩, shape (n, 3)."""
        weights = coefficients[:, None] * self.others(bloch)
        total = np.bincount(self.places.ravel(), weights.ravel(), 3 * self.num_qubits + 1)
        return np.asarray(total[:-1].reshape(-1, 3), dtype=float)

    def couplings(self, coefficients: Vector, bloch: Vector) -> NDArray[np.float64]:
        """Return ∂²E/∂n∂n for E = Σ c_l ⟨P_l⟩, shape (3n, 3n)."""
        size, width = 3 * self.num_qubits + 1, self.places.shape[1]
        factors = self.factors(bloch)
        total = np.zeros((size, size))
        for u in range(width):
            for v in range(u + 1, width):
                rest = np.delete(factors, (u, v), axis=1).prod(axis=1)
                np.add.at(total, (self.places[:, u], self.places[:, v]), coefficients * self.signs * rest)
        return (total + total.T)[:-1, :-1]


@dataclass(frozen=True, eq=False)
class ProductEnergy:
    """⟨H⟩ of product states, as a function of their Bloch vectors.

    Attributes
    ----------
    strings : ProductStrings
    coefficients : ndarray of shape (L,)
    constant : float
        The coefficient of the identity.
    """

    strings: ProductStrings
    coefficients: Vector
    constant: float = 0.0

    @classmethod
    def of(cls, paulis: PauliList, coefficients: Vector) -> ProductEnergy:
        """Return the energy of Σ c_l P_l; strings whose coefficient is zero are left out."""
        busy = np.asarray((paulis.x | paulis.z).any(axis=1))
        turning = np.flatnonzero(busy & (coefficients != 0))
        constant = float(np.sum(np.real((-1j) ** np.asarray(paulis.phase[~busy])) * coefficients[~busy]))
        return cls(ProductStrings(paulis[turning]), np.asarray(coefficients)[turning], constant)

    @property
    def scale(self) -> float:
        """The largest absolute coefficient."""
        return float(np.abs(self.coefficients).max(initial=0.0))

    def energy(self, bloch: Vector) -> Vector:
        """Return the energy E, shape (…), for Bloch vectors of shape (…, n, 3)."""
        return np.asarray(self.constant + self.strings.values(bloch) @ self.coefficients)

    def slope(self, bloch: Vector, axes: NDArray[np.float64]) -> Vector:
        """Return ∂E/∂u along the tangent axes, shape (2n,)."""
        return along(self.strings.fields(self.coefficients, bloch), axes)

    def curvature(self, bloch: Vector, axes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Hessian on the product of spheres along the tangent axes, shape (2n, 2n)."""
        n = len(bloch)
        flat = self.strings.couplings(self.coefficients, bloch).reshape(n, 3, n, 3)
        hessian = np.einsum("iax,ixjy,jby->iajb", axes, flat, axes).reshape(2 * n, 2 * n)
        pull = np.einsum("ix,ix->i", self.strings.fields(self.coefficients, bloch), bloch)
        hessian[np.diag_indices(2 * n)] -= np.repeat(pull, 2)
        return hessian

    @cached_property
    def _by_qubit(self) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """The strings that act on each qubit: their other letters, and their coefficients by axis."""
        places, n = self.strings.places, self.strings.num_qubits
        weights = self.coefficients * self.strings.signs
        strings = []
        for q in range(n):
            row, column = np.nonzero(places // 3 == q)
            rest = places[row].copy()
            axis = rest[np.arange(len(row)), column] % 3
            rest[np.arange(len(row)), column] = 3 * n
            by_axis = np.zeros((len(row), 3))
            by_axis[np.arange(len(row)), axis] = weights[row]
            strings.append((rest, by_axis))
        return strings

    def low_states(self, rng: np.random.Generator, starts: int) -> Vector:
        """Return the states that sweeps reach from random ones, shape (starts, n, 3), the lowest first."""
        spins = rng.normal(size=(starts, self.strings.num_qubits, 3))
        spins = self.sweep(spins / np.linalg.norm(spins, axis=2, keepdims=True))
        return np.asarray(spins[np.argsort(self.energy(spins), kind="stable")])

    def sweep(self, bloch: Vector, *, sweeps: int = SWEEPS, settled: float = SETTLED) -> Vector:
        """Turn one spin after another against its field, which never raises E; all starts, shape (S, n, 3), are swept together.

        Stop after `sweeps` sweeps, or when no component changes by more than `settled`. Spins without a field do not change.
        """
        starts, n = bloch.shape[:2]
        flat = np.concatenate([bloch.reshape(starts, -1), np.ones((starts, 1))], axis=1)
        floor = 1e-12 * max(self.scale, 1e-300)
        for _ in range(sweeps):
            change = 0.0
            for q, (rest, by_axis) in enumerate(self._by_qubit):
                field = flat[:, rest].prod(axis=2) @ by_axis
                size = np.linalg.norm(field, axis=1, keepdims=True)
                old = flat[:, 3 * q : 3 * q + 3].copy()
                flat[:, 3 * q : 3 * q + 3] = np.where(size > floor, -field / np.maximum(size, floor), old)
                change = max(change, float(np.abs(flat[:, 3 * q : 3 * q + 3] - old).max()))
            if change <= settled:
                break
        return flat[:, :-1].reshape(starts, n, 3)

    def polish(self, bloch: Vector, *, residual: float, max_steps: int) -> Vector:
        """Return the energy minimum near these Bloch vectors, shape (n, 3), by damped Newton steps on the product of spheres.

        The step −Σ v (v·∇E)/(|λ| + μ), summed over the Hessian's eigenpairs, points downhill. It is halved until E does not rise.
        """
        here, energy = bloch, float(self.energy(bloch))
        for _ in range(max_steps):
            axes = tangents(here)
            slope = self.slope(here, axes)
            size = float(np.linalg.norm(slope))
            if size <= residual:
                break
            curvature, modes = np.linalg.eigh(self.curvature(here, axes))
            damping = 1e-12 * self.scale if curvature[0] > 0 else 1e-3 * self.scale
            step = -modes @ ((modes.T @ slope) / (np.abs(curvature) + damping))
            step *= min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-300))
            for _ in range(MOST_HALVINGS):
                there = retracted(here, axes, step)
                new_energy = float(self.energy(there))
                lower = new_energy < energy - 1e-13 * max(1.0, abs(energy))
                flat = new_energy < energy + 1e-12 * max(1.0, abs(energy))
                if lower or (flat and np.linalg.norm(self.slope(there, tangents(there))) < size):
                    break
                step = step / 2
            else:
                break
            here, energy = there, new_energy
        return here


def tangents(bloch: Vector) -> NDArray[np.float64]:
    """Return two unit vectors orthogonal to each Bloch vector and to each other, shape (n, 2, 3)."""
    least = np.eye(3)[np.abs(bloch).argmin(axis=-1)]
    first = np.cross(bloch, least)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(bloch, first)], axis=-2)


def along(vectors: Vector, axes: NDArray[np.float64]) -> Vector:
    """Return the components of vectors (n, 3) along tangent axes (n, 2, 3), shape (2n,)."""
    return np.einsum("iax,ix->ia", axes, vectors).reshape(-1)


def across(components: Vector, axes: NDArray[np.float64]) -> Vector:
    """Return the vectors (n, 3) that have the given components (2n,) along the tangent axes."""
    return np.einsum("iax,ia->ix", axes, components.reshape(-1, 2))


def retracted(bloch: Vector, axes: NDArray[np.float64], step: Vector) -> Vector:
    """Return the Bloch vectors after a step along their tangents, projected back onto the sphere."""
    moved = bloch + across(step, axes)
    return np.asarray(moved / np.linalg.norm(moved, axis=-1, keepdims=True))


def product_state(bloch: Vector) -> NDArray[np.complex128]:
    """Return the state vector of a product state, shape (2**n,); qubit 0 is the least significant bit."""
    state = np.ones(1, dtype=complex)
    for x, y, z in bloch:
        if y == 0.0:
            turn = np.arctan2(x, z)
            spin = np.array([np.cos(turn / 2), np.sin(turn / 2)], dtype=complex)
        else:
            turn = np.arctan2(np.hypot(x, y), z)
            spin = np.array([np.cos(turn / 2), np.exp(1j * np.arctan2(y, x)) * np.sin(turn / 2)])
        state = np.kron(spin, state)
    return state
