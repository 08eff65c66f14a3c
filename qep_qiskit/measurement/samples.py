"""Outcomes of one circuit: distinct bit strings and how often each was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BitArray


@dataclass(frozen=True)
class Samples:
    """What one circuit gave.

    Attributes
    ----------
    outcomes : ndarray of bool, shape (U, n)
        Distinct outcomes; column q is qubit q.
    weights : ndarray of shape (U,)
        Their relative frequencies; they sum to 1.
    shots : int or None
        None for the exact distribution, that is infinitely many shots.
    """

    outcomes: NDArray[np.bool_]
    weights: NDArray[np.float64]
    shots: int | None


def from_bit_array(bits: BitArray) -> list[Samples]:
    """Return one `Samples` for each row of a one-dimensional pub result."""
    array = bits.array.reshape(-1, *bits.array.shape[-2:])
    return [_from_packed(rows, bits.num_bits) for rows in array]


def _from_packed(rows: NDArray[np.uint8], num_bits: int) -> Samples:
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    outcomes = np.unpackbits(rows[first], axis=1)[:, ::-1][:, :num_bits].astype(bool)
    return Samples(outcomes, counts / rows.shape[0], rows.shape[0])


def distinct(outcomes: NDArray[np.bool_]) -> Samples:
    """Return samples of shape (shots, n), column q qubit q, as distinct outcomes and their frequencies."""
    packed = np.packbits(outcomes, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return Samples(outcomes[first], counts / len(outcomes), len(outcomes))


def from_probabilities(probabilities: NDArray[np.float64], num_qubits: int) -> Samples:
    """Return the exact distribution over 2**n outcomes, those of negligible probability left out."""
    p = np.clip(probabilities, 0.0, None)
    index = np.flatnonzero(p > 1e-16)
    return Samples(_bits(index, num_qubits), p[index] / p[index].sum(), None)


def draw(probabilities: NDArray[np.float64], num_qubits: int, shots: int, rng: np.random.Generator) -> Samples:
    """Draw that many outcomes from a distribution over 2**n."""
    p = np.clip(probabilities, 0.0, None)
    counts = rng.multinomial(shots, p / p.sum())
    index = np.flatnonzero(counts)
    return Samples(_bits(index, num_qubits), counts[index] / shots, shots)


def _bits(index: NDArray[np.int64], num_qubits: int) -> NDArray[np.bool_]:
    return (index[:, None] >> np.arange(num_qubits) & 1).astype(bool)
