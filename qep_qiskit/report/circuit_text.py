"""Text drawings of circuits for pages."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

MOST_INSTRUCTIONS = 600
"""The largest number of instructions of a circuit that is drawn; larger drawings are unreadable."""
WIDTH = 110
"""The number of characters per line."""


def circuit_text(circuit: QuantumCircuit) -> str:
    """Return the drawing of a circuit, or one line with its size if it is too large to draw.

    Examples
    --------
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1)
    >>> "■" in circuit_text(bell)
    True
    """
    count = sum(1 for item in circuit.data if item.operation.name != "barrier")
    if count > MOST_INSTRUCTIONS:
        return f"{count:,} gates on {circuit.num_qubits} qubits: too many to draw (at most {MOST_INSTRUCTIONS})"
    return str(circuit.draw("text", fold=WIDTH, idle_wires=False, cregbundle=True))
