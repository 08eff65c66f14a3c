"""An oscillator in its levels: the squares of position and momentum, and what a Gaussian state has outside the lowest levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def squares(levels: int) -> tuple[Matrix, Matrix]:
    """Return X̂² and P̂² in the lowest levels, each of shape (levels, levels), for X̂ = (a + a†)/√2."""
    n = np.arange(levels)
    pair = np.diag(np.sqrt(n[2:] * (n[2:] - 1.0)) / 2, 2)
    return np.diag(n + 0.5) + (pair + pair.T), np.diag(n + 0.5) - (pair + pair.T)


def leakage(variance: float, momentum: float, length: float, levels: int) -> float:
    """Return the probability outside the lowest levels of an oscillator, for a Gaussian state with ⟨δr²⟩ and ⟨p²⟩ around d.

    The state is thermal in the levels of an oscillator of length² √(⟨δr²⟩/⟨p²⟩)/length², with n̄ = √(⟨δr²⟩⟨p²⟩) − ½.
    """
    x, p = variance / length**2, momentum * length**2
    occupied = max(float(np.sqrt(x * p)) - 0.5, 0.0)
    squeeze = float(np.sqrt(x / p))
    size = 4 * levels + 24
    of_position, of_momentum = squares(size)
    _, states = np.linalg.eigh(of_momentum * squeeze + of_position / squeeze)
    ratio = occupied / (1.0 + occupied)
    weights = (1.0 - ratio) * ratio ** np.arange(size)
    return float((states[levels:] ** 2).sum(axis=0)[: size // 2] @ weights[: size // 2])
