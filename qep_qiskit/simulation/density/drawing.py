"""Outcomes drawn from a chain of tensors, place by place, for all shots together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.samples import require_shots
from qep_qiskit.simulation.noise.transfer import Real

_SHOTS = 1 << 13
"""Number of shots that are drawn together."""


def draw_places(tensors: Sequence[Real], chances: Sequence[Real], shots: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return outcomes of shape (shots, places).

    The earlier outcomes of a shot determine a vector on the current bond. Its product with the rest of the chain, summed over all
    later outcomes, gives the probabilities of the next outcome. Negative probabilities, which truncation can cause, count as 0.

    Parameters
    ----------
    tensors : sequence of ndarray of shape (left, features, right)
        The first feature is the trace.
    chances : sequence of ndarray of shape (2, features)
        The probabilities of 0 and 1 as linear functions of the features of a place.
    shots : int
    rng : Generator
    """
    rest = [np.ones(1)]
    for tensor in reversed(tensors[1:]):
        vector = tensor[:, 0] @ rest[-1]
        rest.append(vector / np.abs(vector).max())
    rest.reverse()
    branches = [np.einsum("xf,lfr->xlr", chance, tensor) for chance, tensor in zip(chances, tensors, strict=True)]
    require_shots(shots, len(tensors) + 32)
    outcomes = np.empty((shots, len(tensors)), dtype=bool)
    for first in range(0, shots, _SHOTS):
        part = outcomes[first : first + _SHOTS]
        _draw(branches, rest, part, rng.random(part.shape))
    return outcomes


def _draw(branches: Sequence[Real], rest: Sequence[Real], outcomes: NDArray[np.bool_], uniform: Real) -> None:
    left = np.ones((len(outcomes), 1))
    for place, (branch, after) in enumerate(zip(branches, rest, strict=True)):
        weights = np.clip(left @ (branch @ after).T, 0.0, None)
        one = uniform[:, place] * weights.sum(axis=1) > weights[:, 0]
        outcomes[:, place] = one
        if len(branches) > place + 1:
            following = np.empty((len(left), branch.shape[2]))
            for value, mask in enumerate((~one, one)):
                following[mask] = left[mask] @ branch[value] / weights[mask, value, None]
            left = following
