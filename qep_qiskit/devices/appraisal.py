"""Duration and expected fidelity of circuits, from a device's calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qep_qiskit.devices.calibrated_errors import reported
from qep_qiskit.devices.device import Compiled

REPETITION_DELAY = 250e-6
"""Seconds between shots if a device does not say: the usual default of IBM's devices."""


@dataclass(frozen=True)
class Appraisal:
    """The properties of one measured circuit on a device.

    Attributes
    ----------
    depth, two_qubit_gates, two_qubit_depth : int
        The depth and gate counts of the compiled circuit, without the measurement.
    moved : bool
        Whether SWAPs left a logical qubit on a device qubit other than its first.
    seconds : float or None
        The duration of the longest path through the circuit and its measurement; None if the device has no durations.
    fidelity : float or None
        Π(1 − error) over all gates and readouts, from the calibration.
    """

    depth: int
    two_qubit_gates: int
    two_qubit_depth: int
    moved: bool
    seconds: float | None
    fidelity: float | None


def backend_of(device: object) -> BackendV2 | None:
    """Return the Qiskit backend behind a device, or None."""
    snapshot = getattr(device, "snapshot", None)
    backend = getattr(device if snapshot is None else snapshot, "backend", None)
    return backend if isinstance(backend, BackendV2) and backend.target is not None and backend.target.num_qubits else None


def repetition_delay(backend: BackendV2) -> tuple[float, bool]:
    """Return the seconds between two shots, and whether this is the device's own value."""
    delay = getattr(backend, "default_rep_delay", None)
    return (float(delay), True) if isinstance(delay, int | float) else (REPETITION_DELAY, False)


def appraise(compiled: Compiled, axes: str, target: Target | None) -> Appraisal:
    """Return the depth, gates, duration and expected fidelity of a compiled circuit, measured along these axes."""
    circuit = compiled.circuit
    two = sum(1 for item in circuit.data if item.operation.num_qubits == 2)
    common = (circuit.depth(), two, circuit.depth(lambda i: i.operation.num_qubits == 2), compiled.start != compiled.qubits)
    if target is None:
        return Appraisal(*common, None, None)
    measured = compiled.measured(axes)
    errors = np.array([_property(target, name, qubits, "error") for name, qubits in _places(measured)])
    fidelity = float(np.prod(1.0 - np.clip(errors, 0.0, 1.0)))
    return Appraisal(*common, duration(measured, target), fidelity)


def duration(circuit: QuantumCircuit, target: Target) -> float | None:
    """Return the duration, in seconds, of the longest path through a measured circuit; None if the target has no durations."""
    places = _places(circuit)
    if not any(_property(target, name, qubits, "duration") for name, qubits in places if name == "measure"):
        return None
    ends: dict[int, float] = {}
    for name, qubits in places:
        end = max(ends.get(q, 0.0) for q in qubits) + _property(target, name, qubits, "duration")
        ends.update(dict.fromkeys(qubits, end))
    return max(ends.values(), default=0.0)


def _places(circuit: QuantumCircuit) -> list[tuple[str, tuple[int, ...]]]:
    """Return the instructions of a circuit by name, with their device qubits."""
    active = (circuit.metadata or {}).get("active") or range(circuit.num_qubits)
    wire = dict(zip(circuit.qubits, active, strict=True))
    return [
        (item.operation.name, tuple(wire[q] for q in item.qubits)) for item in circuit.data if item.operation.name != "barrier"
    ]


def _property(target: Target, name: str, qubits: tuple[int, ...], which: str) -> float:
    places = target[name] if name in target.operation_names else None
    return reported(places.get(qubits) if places else None, which)
