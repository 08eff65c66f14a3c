"""Digests of the content of circuits and jobs, the same in every process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import ParameterExpression, QuantumCircuit

from qep_qiskit.devices.remote import RunPub

MARK = "sha-"
DECIMALS = 6
"""Numbers are compared to this many decimals, since the last digits depend on the processor."""


def of_circuit(circuit: QuantumCircuit) -> str:
    """Return the digest of a circuit's gates, their qubits and their angles.

    Examples
    --------
    >>> one, other = QuantumCircuit(2, name="a"), QuantumCircuit(2, name="b")
    >>> _, _ = one.cx(0, 1), other.cx(0, 1)
    >>> of_circuit(one) == of_circuit(other), of_circuit(one) == of_circuit(one.inverse().reverse_bits())
    (True, False)
    """
    state = hashlib.sha256(f"{circuit.num_qubits}/{circuit.num_clbits}".encode())
    for word in _words(circuit):
        state.update(f"|{word}".encode())
    return state.hexdigest()


def of_pubs(pubs: Sequence[RunPub], shots: int) -> str:
    """Return the digest of a job's content: circuits, values and shots."""
    state = hashlib.sha256(f"{shots}".encode())
    for pub in pubs:
        names = ",".join(p.name for p in pub.circuit.parameters)
        state.update(f"|{of_circuit(pub.circuit)}|{names}|{_numbers(pub.values)}".encode())
    return state.hexdigest()


def mark_of(pubs: Sequence[RunPub], shots: int, tag: str) -> str:
    """Return the second tag of a job, which identifies the job's content.

    It also depends on the job's first tag, so that two runs of the same circuits have no common tag.
    """
    return mark_from(of_pubs(pubs, shots), tag)


def mark_from(digest: str, tag: str) -> str:
    """Return the second tag of a job, from the digest of its content and its first tag."""
    return MARK + hashlib.sha256(f"{tag}|{digest}".encode()).hexdigest()[:40]


def mark_in(tags: Iterable[str]) -> str | None:
    """Return the tag of a job that identifies the job's content; None if no tag does.

    Examples
    --------
    >>> mark_in(["mine", "sha-" + 40 * "0"]), mark_in(["mine", "sha-1"])
    ('sha-0000000000000000000000000000000000000000', None)
    """
    return next((tag for tag in map(str, tags) if re.fullmatch(MARK + "[0-9a-f]{40}", tag)), None)


def _words(circuit: QuantumCircuit) -> Iterator[str]:
    for item in circuit.data:
        places = [circuit.find_bit(bit).index for bit in (*item.qubits, *item.clbits)]
        operation = item.operation
        yield f"{operation.name} {places} {' '.join(_angle(p) for p in operation.params)}"
        if getattr(operation, "_standard_gate", None) is None and operation.name not in ("measure", "barrier"):
            inside = getattr(operation, "definition", None)
            if inside is not None:
                yield from _words(inside)


def _angle(value: object) -> str:
    if isinstance(value, ParameterExpression):
        # an expression is represented by its value at a point where each parameter has a number derived from its name
        value = value.bind({p: _generic(p.name) for p in value.parameters}).numeric()
    if isinstance(value, QuantumCircuit):
        return of_circuit(value)
    if isinstance(value, str) or value is None:
        return str(value)
    return _numbers(np.asarray(value))


def _generic(name: str) -> float:
    return 0.1 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def _numbers(values: ArrayLike) -> str:
    array = np.asarray(values)
    rounded = np.round(array.astype(complex if np.iscomplexobj(array) else float), DECIMALS) + 0.0  # + 0.0 removes negative zeros
    return f"{array.shape} {hashlib.sha256(np.ascontiguousarray(rounded).tobytes()).hexdigest()[:16]}"
