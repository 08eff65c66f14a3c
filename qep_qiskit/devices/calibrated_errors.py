"""Errors of a device's gates and readouts as arrays, and the device without its broken qubits and couplings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

Real = NDArray[np.float64]
BROKEN = 0.4
"""A gate or readout with at least this error counts as broken, since its outcome is close to random."""
RANDOM = 0.5
"""The error of an outcome that does not depend on the state."""
_NOT_GATES = frozenset(("measure", "reset", "delay"))


@dataclass(frozen=True, eq=False)
class Errors:
    """The errors of a device with N qubits, from its calibration. A gate or readout without a reported error counts as perfect.

    A qubit that has no readout or no one-qubit gate, although others have, counts as broken.

    Attributes
    ----------
    coupling : ndarray of shape (N, N)
        The error of the best two-qubit gate of each coupling in its worse direction, and at least the error due to relaxation;
        infinite for other pairs.
    single : ndarray of shape (N,)
        The error of the worst one-qubit gate.
    readout : ndarray of shape (N,)
        The readout error.
    """

    coupling: Real
    single: Real
    readout: Real

    @property
    def broken_qubits(self) -> list[int]:
        """The qubits that cannot be used."""
        return [int(q) for q in np.flatnonzero(np.maximum(self.single, self.readout) >= BROKEN)]

    @property
    def broken_couplings(self) -> list[tuple[int, int]]:
        """The couplings that cannot be used although both of their qubits can."""
        bad = set(self.broken_qubits)
        pairs = np.argwhere(np.triu(np.isfinite(self.coupling) & (self.coupling >= BROKEN))).tolist()
        return [(a, b) for a, b in pairs if not {a, b} & bad]

    @property
    def couplings(self) -> NDArray[np.bool_]:
        """The mask of all couplings, including broken ones, shape (N, N)."""
        return np.isfinite(self.coupling)

    @property
    def working(self) -> NDArray[np.bool_]:
        """The mask of working couplings between working qubits, shape (N, N)."""
        works = self.coupling < BROKEN
        bad = self.broken_qubits
        works[bad, :] = works[:, bad] = False
        return works


def reported(properties: InstructionProperties | QubitProperties | None, which: str) -> float:
    """Return a number in the properties of an instruction or a qubit; 0 if none is reported."""
    value = getattr(properties, which, None)
    return 0.0 if value is None or math.isnan(value) else float(value)


def errors_of(target: Target) -> Errors:
    """Return the errors of a device from its target."""
    size = target.num_qubits
    coupling, single, readout = np.full((size, size), np.inf), np.zeros(size), np.zeros(size)
    for name in target.operation_names:
        pairs: dict[tuple[int, int], float] = {}
        for qubits, properties in (target[name] or {}).items():
            if qubits is None:
                continue
            value = reported(properties, "error")
            if len(qubits) == 2:
                pair = (min(qubits), max(qubits))
                pairs[pair] = max(pairs.get(pair, 0.0), value, _decayed(target, qubits, properties))
            elif name == "measure":
                readout[qubits[0]] = value
            elif len(qubits) == 1 and name not in _NOT_GATES:
                single[qubits[0]] = max(single[qubits[0]], value)
        for (a, b), value in pairs.items():
            coupling[a, b] = coupling[b, a] = min(coupling[a, b], value)
    readout[_without(target, ["measure"])] = RANDOM
    single[_without(target, [name for name in target.operation_names if name not in _NOT_GATES])] = RANDOM
    return Errors(coupling, single, readout)


def _without(target: Target, names: Sequence[str]) -> list[int]:
    """Return the qubits on which a device has none of these instructions, unless no qubit has one or all qubits have."""
    places = [places for name in names if name in target.operation_names for places in target[name] or (None,)]
    equipped = {place[0] for place in places if place is not None and len(place) == 1}
    return [q for q in range(target.num_qubits) if q not in equipped] if equipped and None not in places else []


def _decayed(target: Target, qubits: Sequence[int], properties: InstructionProperties | None) -> float:
    """Return the average infidelity of a two-qubit gate due to relaxation alone.

    It is ⁴⁄₅ (1 − F) with the process fidelity F = Π (1 + exp(−t/T₁) + 2 exp(−t/T₂))/4 over both qubits. A smaller reported error
    must be older than the relaxation times.
    """
    duration, qubit_properties = reported(properties, "duration"), target.qubit_properties
    if not duration or not qubit_properties:
        return 0.0
    fidelity = 1.0
    for qubit in qubits:
        t1, t2 = (reported(qubit_properties[qubit], name) or math.inf for name in ("t1", "t2"))
        fidelity *= (1.0 + math.exp(-duration / t1) + 2.0 * math.exp(-duration / min(t2, 2.0 * t1))) / 4.0
    return 0.8 * (1.0 - fidelity)


def working_target(target: Target, errors: Errors) -> Target:
    """Return the target without the two-qubit gates of broken couplings and qubits; the target itself if all work."""
    if not (errors.couplings & ~errors.working).any():
        return target
    works = errors.working
    rest = Target(
        target.description,
        dt=target.dt,
        granularity=target.granularity,
        min_length=target.min_length,
        pulse_alignment=target.pulse_alignment,
        acquire_alignment=target.acquire_alignment,
        qubit_properties=target.qubit_properties,
        **({} if target.qubit_properties else {"num_qubits": target.num_qubits}),
    )
    for name in target.operation_names:
        operation, properties = target.operation_from_name(name), target[name]
        if isinstance(operation, type):  # control flow, which acts on any qubits
            properties = None
        elif properties:
            properties = {q: p for q, p in properties.items() if q is None or len(q) != 2 or works[q]}
        rest.add_instruction(operation, properties, name=name)
    return rest
