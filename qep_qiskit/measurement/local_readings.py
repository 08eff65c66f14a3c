"""Expectations of Pauli strings and their variances, each from the exact joint distribution of the string's own qubits."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.local_samples import LocalSamples, Support
from qep_qiskit.measurement.covariance import completed
from qep_qiskit.measurement.mitigator import Mitigator, parities, signs_of
from qep_qiskit.samples import Samples, covariance_of_means

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalReadings:
    """The strings of one basis, each read from the distribution of its own qubits; see `Readings`.

    Attributes
    ----------
    strings : tuple of int
        Positions in the list of Pauli strings.
    supports : tuple of tuple of int
        The qubits of each string.
    sensitivity : ndarray of shape (S, C)
        The derivatives of the means with respect to C calibration parameters; C = 0 without mitigation.
    moments : ndarray of shape (2, S)
        The means of each string's values and of their squares.
    mitigator : Mitigator or None
    qubits : tuple of int
        The device qubit of each logical qubit.
    slope : ndarray of shape (S,)
        The factor that multiplies each string's values.
    """

    strings: tuple[int, ...]
    supports: tuple[Support, ...]
    samples: LocalSamples
    sensitivity: Matrix
    moments: Matrix
    mitigator: Mitigator | None
    qubits: tuple[int, ...]
    slope: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """The expectations, shape (S,)."""
        return np.asarray(self.slope * self.moments[0])

    def scaled(self, slope: NDArray[np.float64]) -> LocalReadings:
        """Return these readings with each string's values multiplied by a factor, shape (S,)."""
        return replace(self, slope=self.slope * slope, sensitivity=self.sensitivity * slope[:, None])

    def covariance(self, combination: Matrix) -> Matrix:
        """Return zeros for exact distributions. With shots, raise TypeError, since there are too many pairs of combinations."""
        if self.samples.shots is not None:
            raise TypeError(f"{len(combination)} combinations of local readings have variances and no covariance")
        return np.zeros((len(combination), len(combination)))

    def variances(self, combination: Matrix) -> NDArray[np.float64]:
        """Return the variances of linear combinations of the means, shape (R,), for a combination of shape (R, S).

        The covariances are those of :func:`~qep_qiskit.measurement.covariance.covariance_of_strings`. Strings with disjoint light
        cones are independent. If the joint light cone of two strings is too large, their covariance is replaced by its bound, the
        product of the standard deviations (Cauchy and Schwarz), with the sign that makes the variance larger.
        """
        if self.samples.shots is None:
            return np.zeros(len(combination))
        rows = combination * self.slope
        pairs = dict.fromkeys(pair for row in rows for pair in itertools.combinations(np.flatnonzero(row).tolist(), 2))
        self.samples.marginals.of([self._union(s, t) for s, t in pairs if self._shares(s, t) and self._fits(s, t)])
        return np.array([self._variance(row, self.samples.shots) for row in rows])

    def _variance(self, row: NDArray[np.float64], shots: int) -> float:
        used = np.flatnonzero(row).tolist()
        if not used:
            return 0.0
        sampled: Matrix = np.diag(np.array([self._covariance(s, s) for s in used]))
        bounded = 0.0
        for i, s in enumerate(used):
            for j, t in enumerate(used[:i]):
                if self._fits(s, t):
                    sampled[i, j] = sampled[j, i] = self._covariance(s, t)
                else:
                    bounded += 2.0 * abs(row[s] * row[t]) * float(np.sqrt(sampled[i, i] * sampled[j, j]))
        means, squares = self.moments[:, used]
        return float(row[used] @ completed(sampled, means, squares, shots) @ row[used]) + bounded

    @functools.cached_property
    def _covariances(self) -> dict[tuple[int, int], float]:
        return {}

    def _union(self, s: int, t: int) -> Support:
        return tuple(sorted({*self.supports[s], *self.supports[t]}))

    def _shares(self, s: int, t: int) -> bool:
        return not self.samples.marginals.apart(self.supports[s], self.supports[t])

    def _fits(self, s: int, t: int) -> bool:
        return not self._shares(s, t) or self.samples.marginals.fits(self._union(s, t))

    def _covariance(self, s: int, t: int) -> float:
        """Return the covariance of the means of two strings' values, without the factors `slope`."""
        if (s, t) not in self._covariances:
            if s != t and not self._shares(s, t):
                self._covariances[s, t] = 0.0
            else:
                union = self._union(s, t)
                samples = self.samples.marginal(union)
                values = _corrected(samples, [self.supports[s], self.supports[t]], union, self.mitigator, self.qubits)[0]
                self._covariances[s, t] = float(covariance_of_means(values, samples)[0, 1])
        return self._covariances[s, t]


def read_locally(
    samples: LocalSamples,
    strings: tuple[int, ...],
    supports: NDArray[np.bool_],
    qubits: Sequence[int],
    mitigator: Mitigator | None,
) -> LocalReadings:
    """Return the readings of strings with these supports, shape (S, n).

    A mitigation that restricts itself to observed outcomes (m3) equals the unrestricted one here, since all outcomes are known.
    """
    limit: Mitigator | None = getattr(mitigator, "unbiased", mitigator)
    places = tuple(tuple(np.flatnonzero(row).tolist()) for row in supports)
    samples.marginals.of(places)
    moments = np.empty((2, len(places)))
    sensitivity = np.zeros((len(places), 0 if limit is None else limit.num_parameters))
    for s, place in enumerate(places):
        marginal = samples.marginal(place)
        values, slopes = _corrected(marginal, [place], place, limit, qubits)
        moments[:, s] = marginal.weights @ values[:, 0], marginal.weights @ values[:, 0] ** 2
        sensitivity[s] = slopes[0]
    return LocalReadings(strings, places, samples, sensitivity, moments, limit, tuple(qubits), np.ones(len(places)))


def _corrected(
    samples: Samples, strings: Sequence[Support], union: Support, mitigator: Mitigator | None, qubits: Sequence[int]
) -> tuple[Matrix, Matrix]:
    """Return the corrected values of some strings for all outcomes on their qubits, and the sensitivities of the means."""
    supports = np.array([[q in string for q in union] for string in strings])
    if mitigator is None:
        return parities(signs_of(samples), supports), np.zeros((len(strings), 0))
    return mitigator.correct(samples, supports, [qubits[q] for q in union])
