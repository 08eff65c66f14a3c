"""Readout methods: their calibration circuits, and the mitigators that assign corrected values to outcomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationSamples:
    """The outcomes of the calibration circuits on some device qubits.

    Attributes
    ----------
    zeros : Samples
        The outcomes with all qubits in |0⟩. For a twirled method, random flips precede the measurement and are undone.
    ones : Samples or None
        The outcomes with all qubits in |1⟩; None for a twirled method, since its flips prepare both states.
    circuit : str
        The name of the data circuit that ran at Clifford angles instead, relative to its certain outcome; empty if none did.
    """

    qubits: tuple[int, ...]
    zeros: Samples
    ones: Samples | None = None
    circuit: str = ""

    @property
    def shots(self) -> int:
        """The total number of shots; 0 for exact distributions."""
        return (self.zeros.shots or 0) + (0 if self.ones is None else self.ones.shots or 0)


def digest(calibrations: Sequence[CalibrationSamples]) -> str:
    """Return a digest of the calibrations' qubits and counts."""
    hasher = hashlib.sha256()
    for part in calibrations:
        for whole in (part.zeros, part.ones):
            for samples in _listed(whole):
                hasher.update(repr((part.qubits, samples.shots, samples.outcomes.shape)).encode())
                hasher.update(samples.outcomes.tobytes() + samples.weights.tobytes())
    return hasher.hexdigest()


def _listed(samples: Samples | None) -> list[Samples]:
    """Return samples that can be listed: the given ones, or those of each single qubit if there are too many outcomes."""
    if isinstance(samples, LocalSamples):
        return [samples.marginal((q,)) for q in range(samples.num_qubits)]
    return [] if samples is None else [samples]


@runtime_checkable
class Mitigator(Protocol):
    """A correction of the readout errors of some device qubits.

    A mitigator depends on parameters θ̂ measured by calibration. Corrected means are Σ_u weight_u · value_u(θ̂). Their error has
    two independent parts: one from a circuit's shots, and one from the calibration. The latter has the covariance J Cov(θ̂) Jᵀ
    with J = ∂(mean)/∂θ, and is common to all circuits.
    """

    @property
    def num_parameters(self) -> int:
        """The number of parameters θ."""
        ...

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return the value of every outcome for every string, and the derivatives of the means by the calibration parameters.

        Parameters
        ----------
        samples : Samples
            Samples with U distinct outcomes of n logical qubits.
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
        """Return a matrix S with S Sᵀ = J Cov(θ̂) Jᵀ, the calibration's share of the covariance of R quantities.

        The derivatives J have the shape (R, num_parameters). The columns of S have the same meaning for every J, so the
        calibration's covariance between the quantities of two circuits is S₁ S₂ᵀ.
        """
        ...

    def report(self) -> list[dict[str, object]]:
        """Return the measured readout errors, for reports."""
        ...


@dataclass(frozen=True)
class ReadoutMethod:
    """A method of readout mitigation.

    Attributes
    ----------
    combine : callable
        A function that returns the mitigator, given the samples of calibration circuits on one or several sets of qubits.
    twirled : bool
        Whether all circuits, including those of the calibration, are measured after random flips. The calibration then needs only
        ``|0…0⟩``.
    on_circuits : bool
        Whether the calibration runs the data's own circuits at Clifford angles (`mitigation/clifford_angles.py`).
    require : callable
        A function that raises InputError with the remedy if a package is not installed.
    about : str
        What the method does, in a line for the reference of specs.
    """

    combine: Callable[[Sequence[CalibrationSamples]], Mitigator]
    twirled: bool = False
    on_circuits: bool = False
    require: Callable[[], None] = lambda: None
    about: str = ""


@runtime_checkable
class PerCircuit(Protocol):
    """A mitigator with a separate calibration of every data circuit."""

    def of(self, circuit: str) -> Mitigator:
        """Return the mitigator for the outcomes of one circuit, with the same parameters."""
        ...


def for_circuit(mitigator: Mitigator | None, circuit: str) -> Mitigator | None:
    """Return the mitigator for the outcomes of one circuit; the same for all circuits unless each has its own calibration."""
    return mitigator.of(circuit) if circuit and isinstance(mitigator, PerCircuit) else mitigator


def signs_of(samples: Samples) -> Matrix:
    """Return the outcomes as signs, +1 for 0 and −1 for 1, shape (U, n)."""
    return 1.0 - 2.0 * samples.outcomes.astype(np.float64)


def parities(signs: Matrix, supports: NDArray[np.bool_]) -> Matrix:
    """Return the product of the signs over each support, shape (U, S)."""
    products = np.empty((len(signs), len(supports)))
    for s, row in enumerate(supports):
        products[:, s] = signs[:, row].prod(axis=1)
    return products
