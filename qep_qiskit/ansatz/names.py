"""Parameter names that sort in the order of their numbers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from qiskit.circuit import Parameter, QuantumCircuit


def numbered(count: int, prefix: str = "theta") -> list[Parameter]:
    """Return parameters ``theta_000``, ``theta_001``, …, with three digits or, if necessary, more.

    Parameters with the same name are equal. If the same circuit is built twice, the two are therefore equal and are compiled
    only once.

    Examples
    --------
    >>> [p.name for p in numbered(2)]
    ['theta_000', 'theta_001']
    """
    width = max(3, len(str(count - 1)))
    names = [f"{prefix}_{k:0{width}d}" for k in range(count)]
    return [Parameter(name, uuid=uuid.uuid5(uuid.NAMESPACE_OID, f"qep_qiskit {name}")) for name in names]


def in_order_of_appearance(circuit: QuantumCircuit) -> list[Parameter]:
    """Return the parameters in the order in which gates use them, without unused parameters."""
    seen: dict[Parameter, None] = {}
    for instruction in circuit.data:
        for value in instruction.operation.params:
            for parameter in sorted(getattr(value, "parameters", ()), key=lambda p: p.name):
                seen.setdefault(parameter)
    return list(seen)


def renamed(circuit: QuantumCircuit, order: Iterable[Parameter]) -> QuantumCircuit:
    """Return the circuit with these parameters renamed to ``theta_000``, …, in this order."""
    old = list(order)
    between = [Parameter(f"between_{k}") for k in range(len(old))]
    circuit = circuit.assign_parameters(dict(zip(old, between, strict=True)))
    return circuit.assign_parameters(dict(zip(between, numbered(len(old)), strict=True)))
