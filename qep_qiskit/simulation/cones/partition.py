"""Parameters that share no light cone: their columns of a Hessian follow from one pair of gradients."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Real = NDArray[np.float64]


class Partition:
    """Groups of parameters such that no parameter shares a cone with two of one group.

    If all parameters of a group are moved, each component of the gradient depends on one of them at most. This is the direct
    method of Curtis, Powell and Reid (1974); the groups are found greedily.

    Parameters
    ----------
    cones : sparse array, shape (cones, P)
        Non-zero where a cone contains a parameter.

    Attributes
    ----------
    groups : ndarray of int, shape (P,)
        The group of each parameter.
    """

    def __init__(self, cones: sparse.csr_array) -> None:
        shared = sparse.csr_array(cones.T @ cones)
        self._rows, self._columns = shared.nonzero()
        self.groups = _greedy(sparse.csr_array(shared @ shared))

    @property
    def size(self) -> int:
        """The number of groups G."""
        return int(self.groups.max(initial=-1)) + 1

    @cached_property
    def directions(self) -> Real:
        """A step of all parameters of each group, shape (G, P)."""
        return (self.groups == np.arange(self.size)[:, None]).astype(np.float64)

    def hessians(self, changes: Real) -> Real:
        """Return Hessians, shape (R, P, P), from the derivatives of gradients along the directions, shape (R, G, P)."""
        size = len(self.groups)
        result = np.zeros((len(changes), size, size))
        result[:, self._rows, self._columns] = changes[:, self.groups[self._columns], self._rows]
        return result


def _greedy(conflicts: sparse.csr_array) -> NDArray[np.intp]:
    """Return the first group without a conflict of each parameter, shape (P,), those with the most conflicts first."""
    starts, degrees = conflicts.indptr, np.diff(conflicts.indptr)
    groups = np.full(len(degrees), -1, dtype=np.intp)
    for number in np.argsort(-degrees, kind="stable").tolist():
        near = groups[conflicts.indices[starts[number] : starts[number + 1]]]
        taken = np.zeros(degrees.max() + 1, dtype=bool)
        taken[near[near >= 0]] = True
        groups[number] = int(np.argmin(taken))
    return groups
