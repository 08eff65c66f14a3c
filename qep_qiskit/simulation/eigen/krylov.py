"""The Lanczos recurrence: energies from few products, and vectors from as many basis vectors as memory allows."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dstemr

from qep_qiskit.errors import PreparationError
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.vectors import add_scaled, norm, project_off

Array: TypeAlias = NDArray[Any]

SLAB_BYTES = 2**21
PIECE = 2**14
MAX_STEPS = 2000
FLOOR = 3e-14
FLOOR_SINGLE = 3e-6
GAP_ACCURACY = 1e-3
SAME_LEVEL = 0.05
"""If two runs from different starts agree on E1 to within this fraction of the gap, they have found the same level."""
UNLUCKY = 1e4
"""A level degenerate with the ground state is missed only if the start's overlap with E1 is this many times larger."""


class Recurrence:
    """One Lanczos recurrence without reorthogonalisation, optionally in the complement of an eigenvector.

    Parameters
    ----------
    op : PauliSum
    start : array
        The start vector; its memory is overwritten. All vectors have its type. In single precision a step takes half as long.
    deflate : (array, float), optional
        An eigenvector of the same type as `start`, and its energy.
    keep : int
        The number of basis vectors to keep; the others are recomputed for the Ritz vector.
    """

    def __init__(self, op: PauliSum, start: Array, deflate: tuple[Array, float] | None, keep: int) -> None:
        self.op, self.deflate = op, deflate
        self.alphas: list[float] = []
        self.betas: list[float] = []
        self.basis = Basis(start, keep)
        first = self._project(start)
        self.current = self.basis.append(first, 1 / norm(first))
        self.previous = self.current
        self._free: Array | None = None
        self.stalled, self.energy, self.norm, self.repeated = False, 0.0, 0.0, 0
        self.second, self.spacing, self.residual = math.nan, math.nan, math.inf
        self.floor = FLOOR if start.real.dtype == float else FLOOR_SINGLE
        self.weights: Array = np.zeros(0)

    @property
    def steps(self) -> int:
        """The number of products so far, not counting those that are repeated to compute the Ritz vector."""
        return len(self.alphas)

    def iterate(self, tolerance: float, patience: int, *, expected: float = math.nan) -> None:
        """Step until the lowest Ritz pair has converged, or until its residual has not halved in `patience` steps (a stall).

        If a vector is deflated and `tolerance` is 0, only the *energy* must converge: to within `GAP_ACCURACY` of its distance
        from the deflated vector's energy, or `SAME_LEVEL` of it if it agrees with `expected`, the energy found by another run.
        """
        history: list[tuple[int, float]] = []
        check, before = 8, math.inf
        while self.steps < MAX_STEPS:
            beta = self._step()
            if self.steps < min(check, MAX_STEPS) and beta > 1e-13 * abs(self.alphas[0] or 1.0):
                continue
            energies, last = self._ritz()
            self.residual = residual = beta * last[0]
            self.energy = energies[0]
            self.norm = max(np.abs(self.alphas).max() + 2 * np.max(self.betas), 1e-300)
            self.spacing = spacing = energies[1] - energies[0] if len(energies) > 1 else self.norm
            floor = self.floor * self.norm
            if len(energies) > 2 and (beta * last[1]) ** 2 <= GAP_ACCURACY * spacing * (energies[2] - energies[1]):
                self.second = energies[1]
            if residual <= floor or self.steps >= self.op.dim - (self.deflate is not None):
                return
            history.append((self.steps, residual))
            if tolerance == 0.0 and self.deflate is not None:
                distance = abs(self.energy - self.deflate[1])
                same = abs(self.energy - expected) <= SAME_LEVEL * distance
                accuracy = max((SAME_LEVEL if same else GAP_ACCURACY) * distance, 1e-8 * self.norm)
                target = math.sqrt(accuracy * spacing)
                # A level that hardly overlaps with the start needs this many steps to become visible (Chebyshev's growth).
                steps_to_show = 0.5 * math.log(2 * UNLUCKY) * math.sqrt(self.norm / max(distance, 1e-8 * self.norm))
                if residual <= target and abs(before - self.energy) <= accuracy and self.steps >= steps_to_show:
                    return
            else:
                target = max(tolerance * spacing, floor)
                if residual <= target:
                    return
            past = [r for s, r in history if s <= self.steps - patience]
            if past and residual > 0.5 * past[-1] and residual < 1e-2 * self.norm:
                self.stalled = True
                return
            before = self.energy
            check = self.steps + _steps_to_go(history, target)
        self.stalled = True

    def vector(self) -> Array:
        """Return the lowest Ritz vector; basis vectors that were not kept are recomputed."""
        basis = self.basis
        result = basis.combine(self.weights)
        if self.steps > len(basis):
            previous, current = basis.last_two
            for j in range(len(basis) - 1, self.steps - 1):
                following = self._advance(current, previous, self.betas[j - 1] if j else 0.0, self.alphas[j])
                following /= self.betas[j]
                add_scaled(result, float(self.weights[j + 1]), following)
                previous, current = current, following
            self.repeated = self.steps - len(basis)
        basis.slabs.clear()
        result /= norm(result)
        return result

    def _step(self) -> float:
        following = self._advance(self.current, self.previous, self.betas[-1] if self.betas else 0.0, out=self._free)
        beta = norm(following)
        self.betas.append(beta)
        self.previous, self.current = self.current, self.basis.append(following, 1 / beta if beta else 0.0)
        self._free = following if self.current is not following else None
        return beta

    def _advance(
        self, current: Array, previous: Array, beta: float, alpha: float | None = None, out: Array | None = None
    ) -> Array:
        product = self.op._product(current, out)
        if beta:
            add_scaled(product, -beta, previous)
        if alpha is None:
            alpha = float(np.vdot(current, product).real)
            self.alphas.append(alpha)
        add_scaled(product, -alpha, current)
        return self._project(product)

    def _project(self, v: Array) -> Array:
        return v if self.deflate is None else project_off(self.deflate[0], v)

    def _ritz(self) -> tuple[list[float], list[float]]:
        """Return the three lowest Ritz values (or all if there are fewer), and the last component of each Ritz vector."""
        m = self.steps
        if m == 1:
            self.weights = np.ones(1)
            return [self.alphas[0]], [1.0]
        # This calls LAPACK directly: for a dozen qubits, scipy's wrapper takes longer than a product.
        count = min(m, 3)
        computed, values, vectors, info = dstemr(
            np.array(self.alphas), np.array(self.betas), 2, 0.0, 1.0, 1, count, compute_v=1, lwork=18 * m, liwork=10 * m
        )
        if info or computed < count:
            raise PreparationError(f"LAPACK could not diagonalise a tridiagonal matrix of size {m} (dstemr: {info})")
        self.weights = vectors[:, 0]
        return values[:count].tolist(), np.abs(vectors[-1, :count]).tolist()


class Basis:
    """The first `limit` Lanczos vectors, in slabs of memory."""

    def __init__(self, like: Array, limit: int) -> None:
        self.limit, self.count = limit, 0
        self.shape, self.dtype = (max(1, min(32, SLAB_BYTES // like.nbytes)), like.size), like.dtype
        self.slabs: list[Array] = []

    def __len__(self) -> int:
        return self.count

    def append(self, v: Array, factor: float) -> Array:
        """Return factor · v, stored in the basis while there is room, and afterwards in v itself."""
        out = v
        if self.count < self.limit:
            if self.count == len(self.slabs) * self.shape[0]:
                self.slabs.append(np.empty(self.shape, self.dtype))
            out = self.slabs[-1][self.count % self.shape[0]]
            self.count += 1
        return np.multiply(v, factor, out=out)

    def combine(self, weights: Array) -> Array:
        """Return the sum of weights times vectors; surplus weights or vectors are ignored."""
        self.count = min(self.count, len(weights))
        result = np.zeros(self.shape[1], self.dtype)
        narrow = weights.astype(result.real.dtype)
        for start in range(0, len(result), PIECE):
            piece = slice(start, start + PIECE)
            for i, slab in enumerate(self.slabs):
                part = narrow[i * len(slab) : min((i + 1) * len(slab), self.count)]
                result[piece] += part @ slab[: len(part), piece]
        return result

    @property
    def last_two(self) -> tuple[Array, Array]:
        """The last two kept vectors."""
        size = self.shape[0]
        before, last = (self.slabs[i // size][i % size] for i in (self.count - 2, self.count - 1))
        return before, last


def _steps_to_go(history: list[tuple[int, float]], target: float) -> int:
    """Return the number of steps until the next convergence check, from the rate at which the residual falls.

    For few qubits, a check is expensive compared with a step.
    """
    (s0, r0), (s1, r1) = history[-2:] if len(history) > 1 else [(0, 10 * history[0][1]), history[0]]
    rate = math.log(max(r0 / r1, 1.0)) / (s1 - s0)
    return int(min(max(0.8 * math.log(max(r1 / max(target, 1e-300), 1.0)) / max(rate, 0.05), 2), 12))
