"""Outcomes of one circuit: distinct bit strings and their frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BitArray

from qep_qiskit.memory import require

MOST_SHOTS = 10**12
"""Largest allowed number of shots of a circuit."""


@dataclass(frozen=True)
class Samples:
    """The outcomes of one circuit.

    Attributes
    ----------
    outcomes : ndarray of bool, shape (U, n)
        The distinct outcomes; column q is qubit q.
    weights : ndarray of shape (U,)
        The relative frequencies of the outcomes; they sum to 1.
    shots : int or None
        The number of shots; None for the exact distribution (infinitely many shots).
    strata : ndarray of int, shape (U,), or None
        The part of the job to which each outcome belongs. Each part has its own shots; outcomes are distinct within a part.
    """

    outcomes: NDArray[np.bool_]
    weights: NDArray[np.float64]
    shots: int | None
    strata: NDArray[np.int64] | None = None


def from_bit_array(bits: BitArray) -> list[Samples]:
    """Return one `Samples` for each row of a one-dimensional pub result."""
    array = bits.array.reshape(-1, *bits.array.shape[-2:])
    return [_from_packed(rows, bits.num_bits) for rows in array]


def covariance_of_means(values: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    """Return the covariance of Σ_u weight_u values_u, shape (R, R), for per-outcome values of shape (U, R).

    It is the sample covariance of the shots divided by their number, or the sum of the strata's if there are any, since each
    stratum has a fixed number of shots. It is zero for the exact distribution.
    """
    if samples.shots is None:
        return np.zeros((values.shape[1], values.shape[1]))
    factor = factor_of_means(values, samples)
    return factor.T @ factor


def factor_of_means(values: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    """Return F of shape (U, R), where Fᵀ F is the covariance of Σ_u weight_u values_u, for a finite number of shots."""
    assert samples.shots is not None
    if samples.strata is not None:
        shares = np.bincount(samples.strata, weights=samples.weights)
        shots = np.rint(shares * samples.shots)
        if shots.min() >= 2:  # one shot per stratum gives no scatter
            sums = np.zeros((len(shares), values.shape[1]))
            np.add.at(sums, samples.strata, samples.weights[:, None] * values)
            scale = samples.weights * (shares / (shots - 1.0))[samples.strata]
            return (values - (sums / shares[:, None])[samples.strata]) * np.sqrt(scale)[:, None]
    centred = values - samples.weights @ values
    return centred * np.sqrt(samples.weights / max(samples.shots - 1, 1))[:, None]


def _from_packed(rows: NDArray[np.uint8], num_bits: int) -> Samples:
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    outcomes = np.unpackbits(rows[first], axis=1)[:, ::-1][:, :num_bits].astype(bool)
    return Samples(outcomes, counts / rows.shape[0], rows.shape[0])


def require_shots(shots: int, size: float, remedy: str = "take fewer") -> None:
    """Refuse shots that do not fit into free memory, drawn one by one with `size` bytes for each.

    Raises
    ------
    InputError
        If the memory is not free. The message states the needed and the free memory.
    """
    require(shots * size, f"measurement.shots: {shots:,} shots", remedy)


def distinct(outcomes: NDArray[np.bool_]) -> Samples:
    """Return outcomes of shape (shots, n), with qubit q in column q, as distinct outcomes with their frequencies."""
    packed = np.packbits(outcomes, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return Samples(outcomes[first], counts / len(outcomes), len(outcomes))


def from_probabilities(probabilities: NDArray[np.float64], num_qubits: int) -> Samples:
    """Return the exact distribution over 2**n outcomes, without those of negligible probability."""
    p = np.clip(probabilities, 0.0, None)
    index = np.flatnonzero(p > 1e-16)
    return Samples(_bits(index, num_qubits), p[index] / p[index].sum(), None)


def draw(probabilities: NDArray[np.float64], num_qubits: int, shots: int, rng: np.random.Generator) -> Samples:
    """Draw a number of outcomes from a distribution over 2**n."""
    p = np.clip(probabilities, 0.0, None)
    counts = rng.multinomial(shots, p / p.sum())
    index = np.flatnonzero(counts)
    return Samples(_bits(index, num_qubits), counts[index] / shots, shots)


def _bits(index: NDArray[np.int64], num_qubits: int) -> NDArray[np.bool_]:
    return (index[:, None] >> np.arange(num_qubits) & 1).astype(bool)
