"""Warm starts that can be stored: a sample's last free phase as a plain array."""

from __future__ import annotations

from qep_qiskit.preparation.preparer import Prepared, Preparer, Start, started

MOST_BYTES = 2**26
"""The largest total size of all samples' starts, in bytes."""


def carries(preparer: Preparer, qubits: int, samples: int) -> bool:
    """Return whether samples start from their last free phase: always for angles; for state vectors, if all fit in memory."""
    size = 16 * 2**qubits if preparer.supports.start == "state" else 0
    return of_use(preparer, qubits) and samples * size <= MOST_BYTES


def of_use(preparer: Preparer, qubits: int) -> bool:
    """Return whether a start helps the preparer at this number of qubits; it does not if the state has a closed form."""
    return bool(preparer.supports.start) and qubits >= preparer.supports.start_qubits


def kept(free: Prepared | None, preparer: Preparer) -> Start | None:
    """Return the array from which a later step starts; None if the preparer takes no start."""
    return None if free is None else free.start(preparer.supports.start)


def restored(start: Start | None, preparer: Preparer) -> Prepared | None:
    """Convert a stored start to the preparer's `warm_start` argument."""
    return None if start is None else started(preparer.supports.start, start)
