"""An order of qubits along a chain that keeps matrix product states small."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList
from scipy.sparse.csgraph import reverse_cuthill_mckee

REACH, PASSES = 8, 6
"""The largest distance, in places, by which a qubit is moved at once, and the largest number of passes over all qubits."""
MOST_IMPROVED = 256
"""The largest number of qubits for which the order is improved."""


def chain_order(paulis: PauliList) -> NDArray[np.int64]:
    """Return the qubit at each place of a chain, ordered so that few strings cross a bond.

    The candidates are the given order, the reverse Cuthill–McKee order, and the order of the Fiedler vector. Each is improved by
    moving single qubits as long as Σ 3^c over all bonds decreases. Here c is the number of strings that cross a bond, since the
    cost of a bond grows exponentially with c.

    Examples
    --------
    >>> chain_order(PauliList(["IIZZ", "ZZII", "IZZI"])).tolist()
    [0, 1, 2, 3]
    """
    return _order_of(paulis.x | paulis.z)


def coupling_order(num_qubits: int, couplings: Iterable[Iterable[int]]) -> list[int]:
    """Return the qubit at each place of a chain, ordered so that few couplings cross a bond; see :func:`chain_order`.

    Examples
    --------
    >>> coupling_order(4, [(0, 2), (2, 1), (1, 3)])
    [0, 2, 1, 3]
    """
    coupled = sorted({tuple(sorted(qubits)) for qubits in couplings})
    busy = np.zeros((len(coupled), num_qubits), dtype=bool)
    for row, qubits in zip(busy, coupled, strict=True):
        row[list(qubits)] = True
    return [int(qubit) for qubit in _order_of(busy)]


def _order_of(busy: NDArray[np.bool_]) -> NDArray[np.int64]:
    several = busy[busy.sum(axis=1) > 1]
    return _order(several.tobytes(), busy.shape[1]).copy()


@lru_cache(maxsize=16)
def _order(content: bytes, n: int) -> NDArray[np.int64]:
    several = np.frombuffer(content, dtype=bool).reshape(-1, n)
    natural = np.arange(n)
    if _crossing_cost(several, natural) <= 3.0 * len(natural):
        return natural
    graph = several.T.astype(float) @ several
    np.fill_diagonal(graph, 0.0)
    cuthill = np.asarray(reverse_cuthill_mckee(scipy.sparse.csr_array(graph), symmetric_mode=True), dtype=np.int64)
    fiedler = np.argsort(np.linalg.eigh(np.diag(graph.sum(axis=1)) - graph)[1][:, 1], kind="stable")
    improved = [_improved(several, order) for order in (natural, cuthill, fiedler)]
    return min(improved, key=lambda order: _crossing_cost(several, order))


def _crossing_cost(strings: NDArray[np.bool_], order: NDArray[np.int64]) -> float:
    """Return Σ 3^c over all bonds, where c is the number of strings that cross the bond."""
    n = len(order)
    place = np.argsort(order)
    first, last = np.where(strings, place, n).min(axis=1), np.where(strings, place, -1).max(axis=1)
    crossing = np.cumsum(np.bincount(first, minlength=n) - np.bincount(last, minlength=n))
    return float((3.0 ** crossing[:-1]).sum())


def _improved(strings: NDArray[np.bool_], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move single qubits by up to `REACH` places while this lowers the cost, in at most `PASSES` passes."""
    n, cost = len(order), _crossing_cost(strings, order)
    if n > MOST_IMPROVED:
        return order
    for _ in range(PASSES):
        before = cost
        for qubit in order.tolist():
            here = int(np.flatnonzero(order == qubit)[0])
            others = np.delete(order, here)
            moved = [np.insert(others, there, qubit) for there in range(max(0, here - REACH), min(n, here + REACH + 1))]
            costs = [_crossing_cost(strings, each) for each in moved]
            if min(costs) < cost:
                cost, order = min(costs), moved[int(np.argmin(costs))]
        if cost == before:
            break
    return order
