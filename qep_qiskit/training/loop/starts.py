"""Warm starts that outlive a step and a process: a sample's last free phase as one plain array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Held, Prepared, Preparer
from qep_qiskit.preparation.vqe import VQE

Array = NDArray[np.float64] | NDArray[np.complex128]
DENSE_QUBITS = 7
"""Up to here exact states are diagonalised whole, so that a start is of no use."""
MOST_BYTES = 2**26


def carries(preparer: Preparer, qubits: int, samples: int) -> bool:
    """Return whether samples start from their last free phase: angles always, state vectors where all of them fit."""
    return isinstance(preparer, VQE) or (starts_from_states(preparer, qubits) and samples * 16 * 2**qubits <= MOST_BYTES)


def starts_from_states(preparer: Preparer, qubits: int) -> bool:
    """Return whether a preparer starts from a state vector; a network in closed form has no qubits."""
    return isinstance(preparer, Exact) and qubits > DENSE_QUBITS


def kept(free: Prepared | None, preparer: Preparer) -> Array | None:
    """Return what a later step starts from: the angles or the state of a free phase; None for a preparer without a start."""
    if free is None:
        return None
    if isinstance(preparer, VQE):
        return None if free.angles is None else np.array(free.angles[0], dtype=float)
    if not isinstance(preparer, Exact):
        return None
    state = free.states()[0]
    return np.array(state.real) if not np.any(np.imag(state)) else np.array(state)


def restored(start: Array | None, preparer: Preparer) -> Prepared | None:
    """Return the start as a preparer takes it (``warm_start=``)."""
    if start is None:
        return None
    rows = start[None, :]

    def nothing(*_: object) -> object:
        raise TypeError("a start is only something to start from")

    angles = np.asarray(rows, dtype=float) if isinstance(preparer, VQE) else None
    return Prepared((), Held(np.asarray(rows)), nothing, nothing, angles=angles)  # type: ignore[arg-type]
