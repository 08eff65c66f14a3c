"""The two readout flip rates of every measured qubit, from circuits that prepare |0…0⟩ and |1…1⟩."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.covariance import completed, covariance_of_strings
from qep_qiskit.measurement.mitigation.readout.attenuations import LEAST_DEVIATIONS, LEAST_SIGNAL, NO_SIGNAL
from qep_qiskit.measurement.mitigator import CalibrationSamples, signs_of
from qep_qiskit.samples import Samples, covariance_of_means


@dataclass(frozen=True)
class Calibration:
    """Readout error rates of the measured qubits.

    Attributes
    ----------
    qubits : tuple of int
        Device qubits.
    flip_up : ndarray of shape (n,)
        a, the probability of reading 1 in state 0.
    flip_down : ndarray of shape (n,)
        b, the probability of reading 0 in state 1.
    shots : int or None
        The shots of each of the two calibration circuits; None for exact rates.
    """

    qubits: tuple[int, ...]
    flip_up: NDArray[np.float64]
    flip_down: NDArray[np.float64]
    shots: int | None
    covariance: NDArray[np.float64]
    """Covariance of (a_0 … a_{n−1}, b_0 … b_{n−1}), shape (2n, 2n), including correlations between the flips of a shot."""

    @functools.cached_property
    def factor(self) -> NDArray[np.float64]:
        """F with F Fᵀ = `covariance`, shape (2n, 2n)."""
        scale, directions = np.linalg.eigh(self.covariance)
        return directions * np.sqrt(np.clip(scale, 0.0, None))

    def columns(self, qubits: Sequence[int]) -> NDArray[np.int64]:
        """Return the positions of these device qubits in this calibration."""
        position = {q: i for i, q in enumerate(self.qubits)}
        missing = [q for q in qubits if q not in position]
        if missing:
            raise InputError(f"mitigation: qubit {missing[0]} was not calibrated; calibrated are {list(self.qubits)}")
        return np.array([position[q] for q in qubits], dtype=np.int64)

    def inverse(self, signs: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the corrected signs w for recorded signs of shape (U, n)."""
        a, b = self.flip_up[columns], self.flip_down[columns]
        return (signs - (b - a)) / (1.0 - a - b)

    def add_sensitivity(self, row: NDArray[np.float64], column: int, without: float, whole: float) -> None:
        """Add ∂⟨w_S⟩/∂(a_q, b_q) to a row.

        `whole` is the corrected mean of the string, and `without` is the corrected mean without qubit q.
        """
        scale = 1.0 - self.flip_up[column] - self.flip_down[column]
        row[column] += (without + whole) / scale
        row[len(self.qubits) + column] += (whole - without) / scale


@dataclass(frozen=True)
class RatesMitigator:
    """A base class for mitigators with the rates of all qubits as parameters."""

    rates: Calibration

    @property
    def num_parameters(self) -> int:
        """Two per qubit: a and b."""
        return 2 * len(self.rates.qubits)

    def share(self, jacobian: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return J F with F Fᵀ = Cov(a, b)."""
        return jacobian @ self.rates.factor

    def report(self) -> list[dict[str, object]]:
        """Return the rates of every qubit, for reports."""
        return [
            {"qubit": q, "flip_up": float(a), "flip_down": float(b)}
            for q, a, b in zip(self.rates.qubits, self.rates.flip_up, self.rates.flip_down, strict=True)
        ]


def calibrate(zeros: Samples, ones: Samples, qubits: Sequence[int]) -> Calibration:
    """Return the rates measured by the two calibration circuits (|0…0⟩ and |1…1⟩).

    Raises
    ------
    InputError
        If a qubit's readout carries no clear signal: 1 − a − b, by which signs are divided, is not clearly larger than zero.
    """
    a = (1.0 - means_of_signs(zeros)) / 2.0 if isinstance(zeros, LocalSamples) else zeros.weights @ zeros.outcomes
    b = (1.0 + means_of_signs(ones)) / 2.0 if isinstance(ones, LocalSamples) else 1.0 - ones.weights @ ones.outcomes
    signal = 1.0 - a - b
    spread = np.zeros(len(a)) if zeros.shots is None else np.sqrt((a * (1.0 - a) + b * (1.0 - b)) / zeros.shots)
    bad = np.flatnonzero(signal < np.maximum(LEAST_SIGNAL, LEAST_DEVIATIONS * spread))
    if bad.size:
        q = bad[0]
        raise InputError(
            f"mitigation: readout of qubit {qubits[q]} carries no clear signal (flips a = {a[q]:.2f} and b = {b[q]:.2f}, "
            f"1 - a - b = {signal[q]:.3f} ± {spread[q]:.3f}); {NO_SIGNAL}"
        )
    n = len(qubits)
    covariance = np.zeros((2 * n, 2 * n))
    covariance[:n, :n] = _covariance(zeros)
    covariance[n:, n:] = _covariance(ones)
    return Calibration(tuple(qubits), a, b, zeros.shots, covariance)


def rates_of(calibrations: Sequence[CalibrationSamples]) -> Calibration:
    """Return the rates of all qubits in these calibrations.

    Raises
    ------
    InputError
        If the calibrations were measured after random flips, or a qubit's readout carries no clear signal.
    """
    parts = []
    for counts in calibrations:
        if counts.ones is None:
            raise InputError("mitigation: these calibration counts were measured behind random flips; they hold no rates")
        parts.append(calibrate(counts.zeros, counts.ones, counts.qubits))
    return merge(parts)


def means_of_signs(samples: Samples) -> NDArray[np.float64]:
    """Return the mean of every qubit's sign, shape (n,)."""
    if not isinstance(samples, LocalSamples):
        return samples.weights @ signs_of(samples)
    singles = [samples.marginal((q,)) for q in range(samples.num_qubits)]
    return np.array([single.weights @ signs_of(single)[:, 0] for single in singles])


def covariance_of_signs(samples: Samples) -> NDArray[np.float64]:
    """Return the covariance of the mean signs of all qubits, shape (n, n). For `LocalSamples` the qubits count as independent."""
    if not isinstance(samples, LocalSamples):
        return covariance_of_strings(signs_of(samples), samples)
    n, shots = samples.num_qubits, samples.shots
    if shots is None:
        return np.zeros((n, n))
    singles = [samples.marginal((q,)) for q in range(n)]
    scatter = np.diag([float(covariance_of_means(signs_of(single), single)[0, 0]) for single in singles])
    return completed(scatter, means_of_signs(samples), np.ones(n), shots)


def merge(calibrations: Sequence[Calibration]) -> Calibration:
    """Return one calibration of all qubits in several calibrations, which count as independent of each other."""
    sizes = [len(c.qubits) for c in calibrations]
    n = sum(sizes)
    covariance = np.zeros((2 * n, 2 * n))
    start = 0
    for calibration, size in zip(calibrations, sizes, strict=True):
        place = np.r_[start : start + size, n + start : n + start + size]
        covariance[np.ix_(place, place)] = calibration.covariance
        start += size
    return Calibration(
        tuple(q for c in calibrations for q in c.qubits),
        np.concatenate([c.flip_up for c in calibrations]),
        np.concatenate([c.flip_down for c in calibrations]),
        calibrations[0].shots,
        covariance,
    )


def _covariance(samples: Samples) -> NDArray[np.float64]:
    """Return the covariance of the frequencies of 1, computed from the covariance of the signs ±1."""
    return covariance_of_signs(samples) / 4.0
