"""Gibbs states by full diagonalisation: their expectations and their first-order response to a perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class GibbsState:
    """The Gibbs state ρ = exp(−H/T) / tr exp(−H/T), with k_B = 1.

    Attributes
    ----------
    temperature : float
        In units of H.
    energies : ndarray of shape (2**n,)
        Ascending.
    vectors : ndarray of shape (2**n, 2**n)
        Eigenvectors in columns.
    """

    temperature: float
    energies: NDArray[np.float64]
    vectors: Array

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probabilities of the eigenstates."""
        weights = np.exp((self.energies[0] - self.energies) / self.temperature)
        return np.asarray(weights / weights.sum())

    @property
    def energy(self) -> float:
        """The energy ⟨H⟩."""
        return float(self.probabilities @ self.energies)

    @property
    def variance(self) -> float:
        """The energy variance ⟨H²⟩ − ⟨H⟩²."""
        return float(self.probabilities @ (self.energies - self.energy) ** 2)

    @property
    def free_energy(self) -> float:
        """The free energy −T log tr exp(−H/T)."""
        weights = np.exp((self.energies[0] - self.energies) / self.temperature)
        return float(self.energies[0] - self.temperature * np.log(weights.sum()))

    @property
    def gap(self) -> float:
        """The gap E1 − E0."""
        return float(self.energies[1] - self.energies[0])

    def expectations(self, structure: PauliStructure) -> NDArray[np.float64]:
        """Return tr(ρ P) for every string, shape (L,)."""
        populated = np.flatnonzero(self.probabilities > 1e-18)
        vectors = self.vectors[:, populated]
        rho = (vectors * self.probabilities[populated]) @ vectors.conj().T
        return np.asarray(structure.traces(rho).real)

    def response(self, structure: PauliStructure, source: PauliSum) -> NDArray[np.float64]:
        """Return d tr(ρ P)/dβ at β = 0 for every string, shape (L,), where H is perturbed to H + βC.

        Notes
        -----
        The response is Σ_mn f_mn P_nm (C_mn − ⟨C⟩δ_mn), with f_mn = (p_m − p_n)/(E_m − E_n), and −p_m/T if E_m = E_n. This is
        Kubo's canonical correlation, the second derivative of the free energy (Kubo 1957). ⟨C⟩ is subtracted first, since both
        parts grow as 1/T where the difference does not.
        """
        probabilities, vectors = self.probabilities, self.vectors
        elements = vectors.conj().T @ np.asarray(source.apply(np.ascontiguousarray(vectors.T))).T
        diagonal = np.diag_indices_from(elements)
        elements[diagonal] -= probabilities @ np.real(elements[diagonal])
        apart = np.abs(self.energies[:, None] - self.energies)
        lower = np.maximum(probabilities[:, None], probabilities)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = apart / self.temperature
            slopes = np.where(steps > 1e-12, -np.expm1(-steps) / apart, 1.0 / self.temperature)
        moved = vectors @ (-lower * slopes * elements) @ vectors.conj().T
        return np.asarray(structure.traces(moved).real)


def gibbs_state(op: PauliSum, temperature: float) -> GibbsState:
    """Return the Gibbs state of an operator, by full diagonalisation."""
    energies, vectors = np.linalg.eigh(op.to_matrix())
    return GibbsState(temperature, energies, vectors)
