"""Text drawings of circuits for pages."""

from __future__ import annotations

from dataclasses import dataclass

from qiskit.circuit import QuantumCircuit

MOST_INSTRUCTIONS = 600
"""The largest number of instructions of a circuit that is drawn; larger drawings are unreadable."""
BROAD, SLIM = 118, 46
"""The number of characters per line on a screen and on a telephone."""
SHORT = 40
"""The drawing of a circuit with at most this many lines is shown at once; a longer one opens on a click."""


@dataclass(frozen=True)
class Drawing:
    """A circuit drawn in text twice, for broad and for slim screens, below a title."""

    title: str
    broad: str
    slim: str

    @property
    def short(self) -> bool:
        """Whether the drawing is short enough to be shown at once."""
        return self.broad.count("\n") < SHORT


def drawing(title: str, circuit: QuantumCircuit) -> Drawing:
    """Return a circuit as text for a page."""
    return Drawing(title, circuit_text(circuit, BROAD), circuit_text(circuit, SLIM))


def circuit_text(circuit: QuantumCircuit, width: int = BROAD) -> str:
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
    return str(circuit.draw("text", fold=width, idle_wires=False, cregbundle=True))
