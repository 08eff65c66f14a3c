"""Checks of circuits against a device's present calibration, before anything is paid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from qiskit.circuit import QuantumCircuit

from qep_qiskit.errors import InputError

OLD_HOURS = 24.0
"""A calibration older than this causes a note, since IBM calibrates its devices about once a day."""


def refuse_faulty(circuits: Iterable[QuantumCircuit], properties: Any, name: str) -> None:
    """Refuse circuits that use a qubit or a gate that the device reports as faulty.

    Raises
    ------
    InputError
        If there is one; the message names the first faulty qubit or coupling.
    """
    qubits = {int(q) for q in properties.faulty_qubits()}
    gates = {(gate.gate, tuple(sorted(int(q) for q in gate.qubits))) for gate in properties.faulty_gates()}
    for circuit in circuits:
        place = {qubit: number for number, qubit in enumerate(circuit.qubits)}
        for item in circuit.data:
            used = tuple(sorted(place[q] for q in item.qubits))
            if qubits.intersection(used):
                raise InputError(f"device: qubit {min(qubits.intersection(used))} of {name} is faulty now; compile again")
            if (item.operation.name, used) in gates:
                where = f"the coupling {used[0]}–{used[1]}" if len(used) == 2 else f"qubit {used[0]}"
                raise InputError(f"device: {item.operation.name} on {where} of {name} is faulty now; compile again")


def age_note(calibrated: datetime | None, name: str, now: datetime | None = None) -> str:
    """Return a note if a calibration is more than `OLD_HOURS` old, otherwise an empty text."""
    if not isinstance(calibrated, datetime):
        return ""
    moment = datetime.now(UTC) if now is None else now
    aware = calibrated if calibrated.tzinfo is not None else calibrated.replace(tzinfo=UTC)
    hours = (moment - aware).total_seconds() / 3600.0
    if hours <= OLD_HOURS:
        return ""
    age = f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
    return f"{name} was last calibrated {age} ago, on {aware:%d %B, %H:%M}; its errors may be larger than predicted"
