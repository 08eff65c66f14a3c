"""Random streams derived from a seed, a purpose and indices, independent of anything that ran before."""

from __future__ import annotations

import hashlib

import numpy as np


def _entropy(seed: int, purpose: str, indices: tuple[int, ...]) -> int:
    text = "/".join([str(int(seed)), purpose, *(str(int(i)) for i in indices)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return the random generator for (seed, purpose, indices), the same in every process.

    Examples
    --------
    >>> int(stream(1, "weights").integers(100)) == int(stream(1, "weights").integers(100))
    True
    """
    return np.random.default_rng(_entropy(seed, purpose, indices))


def integer(seed: int, purpose: str, *indices: int) -> int:
    """Return a derived seed in [0, 2**31), for libraries that need an integer."""
    return _entropy(seed, purpose, indices) % 2**31
