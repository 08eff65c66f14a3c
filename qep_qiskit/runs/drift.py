"""Warnings about calibrations of the device that changed during a run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.runs.file.store import RunStore

BEFORE, AFTER = "calibration", "calibration after"
"""The kinds of documents that record the calibrations of a round: at the compilation of its circuits, and with its results."""
SMALL = 0.02
"""The largest relative change of a readout error that causes no warning."""


def drift_warnings(store: RunStore) -> list[str]:
    """Return a warning for every significant change between consecutive calibrations of a run."""
    calibrations: list[tuple[str, Mapping[str, Any]]] = []
    for number in sorted(store.all(BEFORE), key=int):
        for kind, when in ((BEFORE, "when round {} was sent"), (AFTER, "when round {} was read")):
            document = store.get(kind, number)
            if document and document.get("readout"):
                calibrations.append((when.format(int(number) + 1), document))
    warnings = []
    for (_, earlier), (when, later) in itertools.pairwise(calibrations):
        change = largest_change(earlier["readout"], later["readout"])
        if earlier.get("date") != later.get("date") and change > SMALL:
            warnings.append(
                f"the device was calibrated anew ({earlier.get('date')}, then {later.get('date')} {when}): readout errors "
                f"changed by up to {change:.0%}; what was mitigated with the earlier ones may be biased"
            )
    return warnings


def change_before_sending(store: RunStore, number: int, device: RemoteDevice) -> str:
    """Return a note if the device was calibrated after the circuits of a round were compiled, otherwise an empty text."""
    then = store.get(BEFORE, str(number)) or {}
    if not then.get("readout"):
        return ""
    now: Mapping[str, Any] = device.calibration([int(q) for q in then["readout"]])
    change = largest_change(then["readout"], {str(q): pair for q, pair in now.get("readout", {}).items()})
    if then.get("date") == now.get("date") or change <= SMALL:
        return ""
    return (
        f"{device.name} was calibrated anew ({then.get('date')}, now {now.get('date')}) since these circuits were compiled: "
        f"readout errors changed by up to {change:.0%}; a new run would choose its qubits again"
    )


def largest_change(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    """Return the largest relative change of a readout error among the qubits in both calibrations.

    Examples
    --------
    >>> round(largest_change({"3": [0.01, 0.02]}, {"3": [0.01, 0.03], "5": [0.1, 0.1]}), 6)
    0.5
    """
    pairs = [
        (float(a), float(b))
        for qubit in set(earlier) & set(later)
        for a, b in zip(earlier[qubit], later[qubit], strict=True)
        if a is not None and b is not None
    ]
    return max((abs(b - a) / max(abs(a), 1e-9) for a, b in pairs), default=0.0)
