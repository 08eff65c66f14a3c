"""Ground states, gaps and a few excited states by the Lanczos method on matrix-free products."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.simulation.eigen.krylov import FLOOR, Recurrence
from qep_qiskit.simulation.eigen.operators import PauliSum, one_thread
from qep_qiskit.simulation.eigen.shifted import SINGLE_QUBITS, corrected
from qep_qiskit.simulation.eigen.vectors import add_scaled, fixed_phase, norm, project_off, single

Array: TypeAlias = NDArray[Any]

DENSE_QUBITS = 7
BASIS_BYTES = 2**27
DEGENERATE = 1e-10
NEAR = 3e-4
"""The angle to the ground state at which single-precision Lanczos stops and Newton corrections begin."""
SMALL_GAP_TOLD = 5e-3
"""If the gap is below this fraction of the norm, E1 is computed from a product in double precision."""
SMALL_GAP = 1e-4
"""If the gap is below this fraction of the norm, everything is computed in double precision."""
MOST_RESTARTS = 2000
SAME = 1e-8
"""The accuracy, as a fraction of the norm, to which a second run finds the energy of the neighbouring level."""


@dataclass(frozen=True, eq=False)
class GroundState:
    """The lowest eigenvector of an operator.

    Attributes
    ----------
    energy : float
        E0.
    gap : float
        E1 − E0, or nan if it was not requested. Its relative accuracy is about 1e-3, but up to 10 % if E2 is that close to E1.
        A tiny gap is accurate to 1e-8 of the norm.
    vector : array, shape (2**n,)
        The normalised eigenvector, real if the operator is real. Its largest amplitude is positive.
    residual : float
        ‖(H − E0) ψ‖. The angle to the true ground state is at most residual / gap.
    products : int
        The number of products H·v computed; 0 for a dense or a diagonal operator.
    spectrum : (energies, vectors) or None
        All energies and vectors (in columns) if the operator was diagonalised.
    """

    energy: float
    gap: float
    vector: Array
    residual: float
    products: int
    spectrum: tuple[NDArray[np.float64], Array] | None = field(default=None, repr=False)


def ground_state(
    op: PauliSum,
    *,
    start: Array | None = None,
    gap: bool = True,
    tolerance: float = 1e-9,
    seed: int = 0,
) -> GroundState:
    """Return the ground state of an operator, by dense diagonalisation up to 7 qubits and by Lanczos beyond.

    Parameters
    ----------
    op : PauliSum
    start : array, shape (2**n,), optional
        A guess, for instance the ground state of a similar operator. A small random vector is added to it, so that a
        level crossing is not missed.
    gap : bool
        Whether to compute E1 as well, by a second run in the complement of the ground state. This adds about half to the
        cost. Without it, a degenerate ground state is not detected, nor is a `start` that is an eigenvector just above it.
    tolerance : float
        The required angle between the vector and the true ground state, estimated as residual / gap. The errors of
        other operators' expectations are at most twice this angle times the operator's norm, and usually far smaller.
    seed : int
        The seed of the random start vectors.

    Returns
    -------
    GroundState

    Raises
    ------
    InputError
        If `start` has the wrong shape or zero norm, or is not finite.
    PreparationError
        If Lanczos does not converge.

    Notes
    -----
    Up to 128 MiB of basis vectors are kept in memory; the rest are recomputed in a second pass.
    """
    guess = None if start is None else _checked(start, op)
    if op.num_qubits <= DENSE_QUBITS:
        return _dense(op)
    if not np.any(op.coefficients[op.structure.flips_qubits]):
        return _classical(op)
    with one_thread():
        return _Solver(op, tolerance, seed).solve(guess, gap)


def lowest(op: PauliSum, k: int, *, seed: int = 0) -> tuple[NDArray[np.float64], Array]:
    """Return the k lowest energies, ascending, and their vectors, shape (k, 2**n).

    The operator is diagonalised up to 7 qubits, or if k is near 2**n; otherwise ARPACK is used, to machine
    precision. If it does not converge, it is run again with more vectors, to 1e-11.

    Raises
    ------
    PreparationError
        If ARPACK does not converge.
    """
    if not 1 <= k <= op.dim:
        raise InputError(f"k = {k} states of an operator of dimension {op.dim}")
    if op.num_qubits <= DENSE_QUBITS or k > op.dim // 4:
        energies, vectors = np.linalg.eigh(op.to_matrix())
        return energies[:k], np.ascontiguousarray(vectors[:, :k].T)
    dtype = float if op.is_real else complex

    def product(v: Array) -> Array:
        return op._product(np.ravel(v).astype(dtype, copy=False))

    linear = LinearOperator((op.dim, op.dim), matvec=product, dtype=dtype)
    solve = partial(eigsh, linear, k=k, which="SA", v0=_random(op, seed, 0))
    with one_thread():
        try:
            energies, vectors = solve(tol=0.0, ncv=max(20, 3 * k), maxiter=MOST_RESTARTS)
        except ArpackNoConvergence:
            try:
                energies, vectors = solve(tol=1e-11, ncv=min(op.dim - 1, max(80, 8 * k)))
            except ArpackNoConvergence:
                raise PreparationError(
                    f"the {k} lowest states of {op.num_qubits} qubits did not converge: levels lie too close together"
                ) from None
    order = np.argsort(energies)
    return energies[order], np.ascontiguousarray(vectors[:, order].T)


def _dense(op: PauliSum) -> GroundState:
    matrix = op.to_matrix()
    energies, vectors = np.linalg.eigh(matrix)
    vector = fixed_phase(np.ascontiguousarray(vectors[:, 0]))
    residual = float(np.linalg.norm(matrix @ vector - energies[0] * vector))
    return GroundState(float(energies[0]), float(energies[1] - energies[0]), vector, residual, 0, (energies, vectors))


def _classical(op: PauliSum) -> GroundState:
    """Return the ground state of a diagonal operator: one basis state."""
    lowest_two = np.partition(op.diagonal, 1)[:2]
    vector = np.zeros(op.dim, float if op.is_real else complex)
    vector[np.argmin(op.diagonal)] = 1.0
    return GroundState(float(lowest_two[0]), float(lowest_two[1] - lowest_two[0]), vector, 0.0, 0)


class _Solver:
    """A strategy that combines Lanczos runs, to detect stalls, missed levels and degeneracy."""

    def __init__(self, op: PauliSum, tolerance: float, seed: int) -> None:
        self.op, self.tolerance, self.seed = op, tolerance, seed
        self.products = 0

    def solve(self, guess: Array | None, want_gap: bool) -> GroundState:
        quick = self._in_single_precision(guess, want_gap) if self.op.num_qubits >= SINGLE_QUBITS else None
        if quick is not None:
            return quick
        start = partial(self._mixed, guess)
        patience = 48
        for _ in range(8):
            run = self._run(start, None, self.tolerance, patience)
            ground = self._refine(run)
            if not (run.stalled or want_gap):
                return ground
            excited = self._run(self._anywhere, ground, self.tolerance * run.stalled, patience)
            gap = excited.energy - ground.energy
            if not run.stalled and gap > -SAME * run.norm:
                return replace(self._lower(ground, excited, gap, SAME * run.norm), products=self.products)
            # If one Krylov space does not resolve two close levels, the vectors of both runs together do.
            vector, energy, gap, residual = self._rotate(ground.vector, excited.vector())
            if residual <= max(self.tolerance * gap, FLOOR * run.norm) or abs(gap) < DEGENERATE * run.norm:
                return GroundState(energy, max(gap, 0.0), fixed_phase(vector), residual, self.products)
            start, patience = partial(np.copy, vector), 2 * patience
        raise PreparationError(
            f"the ground state did not converge: residual {residual:.1e} at gap {gap:.1e} after {self.products} "
            "products; raise the gap with a transverse field, or loosen the tolerance"
        )

    def _in_single_precision(self, guess: Array | None, want_gap: bool) -> GroundState | None:
        """Run Lanczos in single precision, then correct the result from residuals in double precision.

        This takes half the time for the same accuracy. Return None if it does not suffice, as for a small gap or crossing levels.
        """
        run = self._run(lambda: single(self._mixed(guess)), None, NEAR, 48)
        if run.stalled:
            return None
        spacing = run.spacing
        try:
            ground = self._correct(run.vector(), spacing)
            if not want_gap:
                return ground
            narrow = replace(ground, vector=single(ground.vector))
            excited = self._run(lambda: single(self._anywhere()), narrow, 0.0, 48, expected=run.second)
            gap = float(np.nanmin([excited.energy, run.second])) - ground.energy
            if gap < SMALL_GAP_TOLD * run.norm and not excited.stalled:
                gap = self._rayleigh(excited.vector(), ground.vector) - ground.energy
            if excited.stalled or gap < SMALL_GAP * run.norm:
                return None
            if ground.residual > max(self.tolerance * gap, FLOOR * run.norm):
                ground = self._correct(ground.vector, gap)
        except (DegenerateGroundStateError, PreparationError):
            return None
        return replace(ground, gap=gap, products=self.products)

    def _correct(self, vector: Array, spacing: float) -> GroundState:
        psi = vector.astype(float if self.op.is_real else complex)
        psi /= norm(psi)
        limit = max(self.tolerance * spacing, FLOOR * self.op.scale)
        psi, energy, residual, products = corrected(self.op, psi, limit)
        self.products += products
        if residual > limit:
            raise PreparationError(f"corrections stopped at a residual of {residual:.1e}")
        return GroundState(energy, math.nan, fixed_phase(psi), residual, self.products)

    def _rayleigh(self, excited: Array, ground: Array) -> float:
        psi = project_off(ground, excited.astype(ground.dtype))
        psi /= norm(psi)
        self.products += 1
        return float(np.vdot(psi, self.op._product(psi)).real)

    def _anywhere(self) -> Array:
        """Return the start vector of the search for E1: a random vector, plus one with random signs where the diagonal is low.

        A nearly degenerate ground state has a partner in another well of almost the same depth. The second vector overlaps well
        with this partner; a run from the random vector alone sometimes ends at E2 without finding it.
        """
        start = _random(self.op, self.seed, 1)
        wells = _trial(self.op)
        if wells is not None:
            wells *= np.random.default_rng([self.seed, 2]).standard_normal(self.op.dim)
            add_scaled(start, 1 / norm(wells), wells)
        return start

    def _mixed(self, guess: Array | None) -> Array:
        start = _random(self.op, self.seed, 0)
        guess = _trial(self.op) if guess is None else guess
        if guess is not None:
            start *= 1e-3 * norm(guess)
            start += guess
        return start

    def _run(
        self,
        start: Callable[[], Array],
        deflate: GroundState | None,
        tolerance: float,
        patience: int,
        *,
        expected: float = math.nan,
    ) -> Recurrence:
        first = start()
        keep = 4 if deflate is not None and tolerance == 0.0 else max(4, BASIS_BYTES // first.nbytes)
        eigenpair = None if deflate is None else (deflate.vector, deflate.energy)
        run = Recurrence(self.op, first, eigenpair, keep)
        del first
        run.iterate(tolerance, patience, expected=expected)
        self.products += run.steps
        return run

    def _refine(self, run: Recurrence) -> GroundState:
        vector = run.vector()
        self.products += run.repeated + 1
        product = self.op._product(vector)
        energy = float(np.vdot(vector, product).real)
        add_scaled(product, -energy, vector)
        return GroundState(energy, math.nan, fixed_phase(vector), norm(product), self.products)

    def _lower(self, ground: GroundState, excited: Recurrence, gap: float, same: float) -> GroundState:
        """Return the ground state with its gap.

        If the two runs gave almost the same energy, mix their vectors; if the mixture has a lower energy and a small enough
        residual, return that instead.
        """
        if abs(gap) <= same:
            vector, energy, split, residual = self._rotate(ground.vector, excited.vector())
            if energy < ground.energy and residual <= max(ground.residual, self.tolerance * self.op.scale):
                return GroundState(energy, max(split, 0.0), fixed_phase(vector), residual, self.products)
        return replace(ground, gap=max(gap, 0.0))

    def _rotate(self, a: Array, b: Array) -> tuple[Array, float, float, float]:
        b = b - np.vdot(a, b) * a
        b /= norm(b)
        ha, hb = self.op._product(a), self.op._product(b)
        self.products += 2
        energies, mix = np.linalg.eigh([[np.vdot(a, ha), np.vdot(a, hb)], [np.vdot(b, ha), np.vdot(b, hb)]])
        vector, product = mix[0, 0] * a + mix[1, 0] * b, mix[0, 0] * ha + mix[1, 0] * hb
        residual = norm(product - energies[0] * vector)
        return vector, float(energies[0]), float(energies[1] - energies[0]), residual


def _trial(op: PauliSum) -> Array | None:
    """Return the trial state exp(−D / 2g) with the signs favoured by the fields −g X.

    For one spin it is exact to first order in h / g. Return None if most of the weight that flips qubits is in strings other
    than single X.
    """
    fields = op.fields()
    weight = np.abs(fields).sum()
    if weight <= 1e-9 * op.scale or 2 * weight < np.abs(op.coefficients[op.structure.flips_qubits]).sum():
        return None
    exponent = op.diagonal.min() - op.diagonal
    exponent *= 0.5 * op.num_qubits / weight
    trial: Array = np.exp(exponent, out=exponent)
    mask = int(np.sum(1 << np.flatnonzero(fields > 0)))
    if mask:
        trial *= 1 - 2.0 * (np.bitwise_count(np.arange(op.dim) & mask) & 1)
    trial /= norm(trial)
    return trial if op.is_real else trial.astype(complex)


def _random(op: PauliSum, seed: int, purpose: int) -> Array:
    rng = np.random.default_rng([seed, purpose])
    # uniform and in single precision, because normal numbers would take as long as three products
    v: Array = (rng.random(op.dim, np.float32) - 0.5).astype(float)
    if not op.is_real:
        v = v + 1j * (rng.random(op.dim, np.float32) - 0.5)
    v /= norm(v)
    return v


def _checked(start: Array, op: PauliSum) -> Array:
    v = np.asarray(start)
    if v.shape != (op.dim,):
        raise InputError(f"the start vector has shape {v.shape}; it must be ({op.dim},)")
    if op.is_real and np.iscomplexobj(v):
        v = v.real if norm(v.real) >= norm(v.imag) else v.imag
    v = v.astype(float if op.is_real else complex, copy=False)
    length = norm(v)
    if not (math.isfinite(length) and length > 0):
        raise InputError(f"the start vector has norm {length}; give a finite one that is not zero, or none")
    return v
