"""Mitigators: with errors measured by calibration, they give every outcome its corrected values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationSamples:
    """The outcomes of the calibration circuits on some device qubits.

    Attributes
    ----------
    qubits : tuple of int
    zeros : Samples
        The outcomes with all qubits in |0⟩; for a twirled method behind random flips, which are undone.
    ones : Samples or None
        The outcomes with all qubits in |1⟩; None for a twirled method, whose flips prepare both states.
    """

    qubits: tuple[int, ...]
    zeros: Samples
    ones: Samples | None = None

    @property
    def shots(self) -> int:
        """All shots; 0 for exact distributions."""
        return (self.zeros.shots or 0) + (0 if self.ones is None else self.ones.shots or 0)


def digest(calibrations: Sequence[CalibrationSamples]) -> str:
    """Return a text that is the same for the same counts of the same qubits and differs for others."""
    hasher = hashlib.sha256()
    for part in calibrations:
        for samples in (part.zeros, part.ones):
            if samples is not None:
                hasher.update(repr((part.qubits, samples.shots, samples.outcomes.shape)).encode())
                hasher.update(samples.outcomes.tobytes() + samples.weights.tobytes())
    return hasher.hexdigest()


@runtime_checkable
class Mitigator(Protocol):
    """Readout errors of some device qubits and how they are undone.

    A mitigator depends on parameters θ̂ that the calibration measured. Corrected means are Σ_u weight_u · value_u(θ̂), so their
    error has two independent parts: the shots', from the values within a circuit, and the calibration's, J Cov(θ̂) Jᵀ with
    J = ∂(mean)/∂θ, which all circuits share.
    """

    @property
    def num_parameters(self) -> int:
        """The number of parameters that the calibration determines."""
        ...

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return what every outcome contributes to every string, and how the means depend on the calibration.

        Parameters
        ----------
        samples : Samples
            U distinct outcomes of n logical qubits.
        supports : ndarray of bool, shape (S, n)
            The qubits that each string acts on.
        qubits : sequence of int
            The device qubit of each logical qubit.

        Returns
        -------
        ndarray of shape (U, S), ndarray of shape (S, num_parameters)

        Raises
        ------
        InputError
            If a qubit was not calibrated.
        """
        ...

    def share(self, jacobian: Matrix) -> Matrix:
        """Return S with S Sᵀ = J Cov(θ̂) Jᵀ for J of shape (R, num_parameters): the calibration's share of R quantities.

        The columns of S mean the same for every J, so that what two circuits share is S₁ S₂ᵀ.
        """
        ...

    def report(self) -> list[dict[str, object]]:
        """Return the measured errors, for reports."""
        ...


def signs_of(samples: Samples) -> Matrix:
    """Return +1 for 0 and −1 for 1, shape (U, n)."""
    return 1.0 - 2.0 * samples.outcomes.astype(np.float64)


def parities(signs: Matrix, supports: NDArray[np.bool_]) -> Matrix:
    """Return the products of signs over each support, shape (U, S)."""
    products = np.empty((len(signs), len(supports)))
    for s, row in enumerate(supports):
        products[:, s] = signs[:, row].prod(axis=1)
    return products
