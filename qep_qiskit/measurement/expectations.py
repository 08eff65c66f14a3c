"""Expectations of Pauli strings from samples, and the covariance of their linear combinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.covariance import covariance_of_strings
from qep_qiskit.measurement.local_readings import LocalReadings, read_locally
from qep_qiskit.measurement.mitigator import Mitigator, parities, signs_of
from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Readings:
    """The strings of one basis, read from one circuit's samples.

    Attributes
    ----------
    strings : tuple of int
        Positions in the list of Pauli strings.
    per_outcome : ndarray of shape (U, S)
        The value of each string for each distinct outcome: ±1, or a corrected value with mitigation.
    sensitivity : ndarray of shape (S, C)
        ∂(mean)/∂(calibration parameters); C = 0 without mitigation.
    """

    strings: tuple[int, ...]
    per_outcome: Matrix
    samples: Samples
    sensitivity: Matrix

    @property
    def means(self) -> NDArray[np.float64]:
        """The estimated expectations, shape (S,)."""
        return self.samples.weights @ self.per_outcome

    def covariance(self, combination: Matrix) -> Matrix:
        """Return the covariance of linear combinations of the means, from per-shot values.

        Parameters
        ----------
        combination : ndarray of shape (R, S)

        Returns
        -------
        ndarray of shape (R, R)
            The covariance according to :func:`~qep_qiskit.measurement.covariance.covariance_of_strings`, including correlations
            between strings that are read from the same shots; zero for the exact distribution.
        """
        used = combination.any(axis=0)
        rows = combination[:, used]
        return rows @ covariance_of_strings(self.per_outcome[:, used], self.samples) @ rows.T

    def variances(self, combination: Matrix) -> NDArray[np.float64]:
        """Return the diagonal of the covariance, shape (R,)."""
        return np.diag(self.covariance(combination))

    def scaled(self, slope: NDArray[np.float64]) -> Readings:
        """Return these readings with each string's values multiplied by a factor, shape (S,)."""
        return replace(self, per_outcome=self.per_outcome * slope, sensitivity=self.sensitivity * slope[:, None])


def read(
    samples: Samples,
    basis: Basis,
    paulis: PauliList,
    *,
    qubits: Sequence[int] = (),
    mitigator: Mitigator | None = None,
) -> Readings | LocalReadings:
    """Return the readings of a basis: the values of its strings for the outcomes in its samples.

    Parameters
    ----------
    qubits : sequence of int
        The device qubit of each logical qubit, as used by the mitigator.
    mitigator : Mitigator, optional
        The correction of readout errors. Default: raw values.
    """
    supports = (paulis.x | paulis.z)[list(basis.strings)]
    if isinstance(samples, LocalSamples):
        return read_locally(samples, basis.strings, supports, qubits, mitigator)
    if mitigator is None:
        per_outcome, sensitivity = parities(signs_of(samples), supports), np.zeros((len(supports), 0))
    else:
        per_outcome, sensitivity = mitigator.correct(samples, supports, qubits)
    return Readings(basis.strings, per_outcome, samples, sensitivity)
