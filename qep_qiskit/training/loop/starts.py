"""Warm starts that outlive a step and a process: a sample's last free phase as one plain array."""

from __future__ import annotations

from qep_qiskit.preparation.preparer import Prepared, Preparer, Start, started

MOST_BYTES = 2**26
"""Starts of all samples together, at most."""


def carries(preparer: Preparer, qubits: int, samples: int) -> bool:
    """Return whether samples start from their last free phase: angles always, state vectors where all of them fit."""
    size = 16 * 2**qubits if preparer.supports.start == "state" else 0
    return of_use(preparer, qubits) and samples * size <= MOST_BYTES


def of_use(preparer: Preparer, qubits: int) -> bool:
    """Return whether a start shortens the search for a free phase of this many qubits; a network in closed form has none."""
    return bool(preparer.supports.start) and qubits >= preparer.supports.start_qubits


def kept(free: Prepared | None, preparer: Preparer) -> Start | None:
    """Return what a later step starts from; None for a preparer that takes no start."""
    return None if free is None else free.start(preparer.supports.start)


def restored(start: Start | None, preparer: Preparer) -> Prepared | None:
    """Return the start as a preparer takes it (``warm_start=``)."""
    return None if start is None else started(preparer.supports.start, start)
