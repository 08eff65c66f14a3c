"""Closed forms, at any size, for the ground states of quadratic forms in positions and momenta and their response. ħ = 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import csc_array, csr_array, diags_array, issparse
from scipy.sparse.linalg import eigsh, splu

from qep_qiskit.errors import InputError

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
MOST_DENSE = 3000
"""Up to this many oscillators, all normal modes are computed."""
FLAT = 1e-11
"""A squared frequency below this fraction of the largest counts as zero."""


class UnstableError(InputError):
    """The error for a quadratic form that is not positive definite and so has no ground state."""


@dataclass(frozen=True)
class QuadraticForm:
    """The quadratic form E = ½ pᵀ T p + ½ rᵀ K r − fᵀ r + c.

    Attributes
    ----------
    stiffness : sparse array of shape (n, n)
        K, symmetric.
    inverse_masses : ndarray of shape (n,)
        The diagonal of T.
    force : ndarray of shape (n,)
    constant : float
    sites : tuple of int
        The names of the coordinates in error messages; if empty, 0, 1, ….
    what : str
        The name of the form in error messages.
    """

    stiffness: csr_array
    inverse_masses: Vector
    force: Vector
    constant: float = 0.0
    sites: tuple[int, ...] = ()
    what: str = "the network"

    @property
    def size(self) -> int:
        """The number of coordinates n."""
        return len(self.force)

    @cached_property
    def weighted(self) -> csr_array:
        """The matrix M^−½ K M^−½; its eigenvalues are the squared frequencies of the normal modes."""
        root = diags_array(np.sqrt(self.inverse_masses))
        return csr_array(root @ self.stiffness @ root)

    @cached_property
    def modes(self) -> tuple[Vector, Matrix]:
        """The frequencies ω, shape (n,), ascending, and the orthonormal modes as columns, shape (n, n).

        Raises
        ------
        UnstableError
            If a squared frequency is not positive; the message names the mode.
        """
        squares, vectors = linalg.eigh(self.weighted.toarray(), driver="evd")
        if squares[0] <= FLAT * abs(squares[-1]):
            raise self._unstable(float(squares[0]), vectors[:, 0])
        return np.sqrt(squares), vectors

    @cached_property
    def factor(self) -> Any:
        """The LU factors of K, once K has been checked to be positive definite."""
        matrix = csc_array(self.stiffness)
        try:
            factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
            positive = bool((factors.U.diagonal() > 0).all())
        except RuntimeError:
            positive = False
        if not positive:
            raise self._lowest_unstable()
        return factors

    def mean(self) -> Vector:
        """Return K⁻¹ f, the r that minimises E, shape (n,): the equilibrium positions of the classical system."""
        return self.solve(self.force)

    def solve(self, right: Matrix) -> Matrix:
        """Return the product of K⁻¹ and a vector or several columns."""
        return np.asarray(self.factor.solve(np.asarray(right, dtype=float)))

    def lowest_frequency(self) -> float:
        """Return the lowest normal-mode frequency, which is the gap above the ground state."""
        if self.size <= MOST_DENSE:
            return float(self.modes[0][0])
        value = eigsh(self.weighted, k=1, sigma=0.0, return_eigenvectors=False, v0=np.ones(self.size))[0]
        return float(np.sqrt(value))

    def _lowest_unstable(self) -> UnstableError:
        if self.size <= MOST_DENSE:
            values, vectors = linalg.eigh(self.weighted.toarray(), subset_by_index=[0, 0])
        else:
            values, vectors = eigsh(self.weighted, k=1, which="SA", v0=np.ones(self.size))
        return self._unstable(float(values[0]), vectors[:, 0])

    def _unstable(self, square: float, mode: Vector) -> UnstableError:
        size = np.abs(mode)
        order = np.argsort(-size, kind="stable")
        main = [int(s) for s in order[:6] if size[s] >= 0.3 * size[order[0]]]
        names = [self.sites[s] if self.sites else s for s in main]
        shown = ", ".join(f"{name} ({mode[s]:+.2f})" for name, s in zip(names, main, strict=True))
        others = int((size >= 0.3 * size[order[0]]).sum()) - len(main)
        shown += f" and {others} more" if others else ""
        return UnstableError(
            f"weights: {self.what} has no ground state: its normal mode on sites {shown} has the "
            f"squared frequency {square:.3g}, which must be positive; raise the stiffness a or the springs k there"
        )


@dataclass(frozen=True)
class GaussianState:
    """The ground state of a quadratic form.

    Attributes
    ----------
    form : QuadraticForm
    mean : ndarray of shape (n,)
        ⟨r⟩; ⟨p⟩ = 0.
    covariance : ndarray of shape (n, n)
        ⟨δr δrᵀ⟩ = ½ M^−½ D^−½ M^−½ with D = M^−½ K M^−½; zero for a classical system.
    momenta : ndarray of shape (n,)
        ⟨p_i²⟩ = ½ (M^½ D^½ M^½)_ii; zero for a classical system.
    energy, gap : float
        The energy, including the zero-point energy, and the lowest normal-mode frequency.
    """

    form: QuadraticForm
    mean: Vector
    covariance: Matrix = field(repr=False)
    momenta: Vector = field(repr=False)
    energy: float = 0.0
    gap: float = 0.0


def ground_state(form: QuadraticForm, *, quantum: bool = True) -> GaussianState:
    """Return the ground state of a form, or, if `quantum` is False, the point of lowest energy (ħ → 0).

    Raises
    ------
    UnstableError
        If the form is not positive definite.
    """
    frequencies, modes = form.modes
    mean = form.mean()
    energy = form.constant - 0.5 * float(form.force @ mean)
    if not quantum:
        n = form.size
        return GaussianState(form, mean, np.zeros((n, n)), np.zeros(n), energy, float(frequencies[0]))
    root = np.sqrt(form.inverse_masses)
    spread = (modes * (0.5 / frequencies)) @ modes.T
    momenta = 0.5 * ((modes * modes) @ frequencies) / form.inverse_masses
    return GaussianState(
        form, mean, root[:, None] * spread * root, momenta, energy + 0.5 * float(frequencies.sum()), float(frequencies[0])
    )


def respond(
    form: QuadraticForm, mean: Vector, nudge: QuadraticForm, *, quantum: bool = True
) -> tuple[Vector, Matrix | None, Vector | None]:
    """Return the derivatives of ⟨r⟩, ⟨δr δrᵀ⟩ and ⟨p²⟩ with respect to β at β = 0, in the ground state of form + β nudge.

    Parameters
    ----------
    form : QuadraticForm
    mean : ndarray of shape (n,)
        ``form.mean()``.
    nudge : QuadraticForm
        The perturbation. Its `inverse_masses` are the change δT, zero for every coordinate without a p² term in the nudge.

    Returns
    -------
    dmean, dcovariance, dmomenta
        The last two are None if they do not change.

    Notes
    -----
    The mean follows from K δm = δf − δK m. With D = T^½ K T^½ = U diag(ω²) Uᵀ, the covariance is ½ T^½ D^−½ T^½. For a
    function g of D, the matrix Uᵀ δg(D) U has the elements g[ω_a², ω_b²] (Uᵀ δD U)_ab (Daleckii and Krein). The divided
    differences g[·, ·] are −1/(ω_a ω_b (ω_a + ω_b)) for D^−½ and 1/(ω_a + ω_b) for D^½. With the latter, X = δ(D^½) solves
    the Lyapunov equation D^½ X + X D^½ = δD.
    """
    stiffer = nudge.stiffness.count_nonzero() > 0 if issparse(nudge.stiffness) else bool(np.any(nudge.stiffness))
    lighter = bool(np.any(nudge.inverse_masses))
    dmean = form.solve(nudge.force - (nudge.stiffness @ mean if stiffer else 0.0))
    if not quantum or not (stiffer or lighter):
        return dmean, None, None
    frequencies, modes = form.modes
    root = np.sqrt(form.inverse_masses)
    change = root[:, None] * nudge.stiffness.toarray() * root
    squeeze = 0.5 * nudge.inverse_masses / form.inverse_masses  # δ(T^½) = squeeze · T^½
    if lighter:
        weighted = form.weighted.toarray()
        change = change + squeeze[:, None] * weighted + weighted * squeeze
    inner = modes.T @ change @ modes
    total = frequencies[:, None] + frequencies
    spread = 0.5 * modes @ (-inner / (total * np.outer(frequencies, frequencies))) @ modes.T
    kinetic = 0.5 * np.einsum("ia,ab,ib->i", modes, inner / total, modes, optimize=True)
    if lighter:
        rest = 0.5 * (modes / frequencies) @ modes.T
        spread = spread + squeeze[:, None] * rest + rest * squeeze
        kinetic = kinetic - 2.0 * squeeze * 0.5 * ((modes * modes) @ frequencies)
    return dmean, root[:, None] * spread * root, kinetic / form.inverse_masses
