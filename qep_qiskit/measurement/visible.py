"""The gates of a circuit that a measurement can see."""

from __future__ import annotations

from qiskit.circuit import CircuitInstruction, QuantumCircuit, Qubit

COMMUTING = {
    "Z": frozenset(["id", "z", "s", "sdg", "t", "tdg", "rz", "p", "u1", "cz", "cp", "cu1", "crz", "cs", "csdg", "rzz", "ccz"]),
    "X": frozenset(["id", "x", "sx", "sxdg", "rx", "rxx"]),
    "Y": frozenset(["id", "y", "ry", "ryy"]),
}
"""Gates that are diagonal in the product basis of an axis on all their qubits."""


def visible(circuit: QuantumCircuit, axes: str) -> QuantumCircuit:
    """Return the circuit without the gates at its end that do not change the outcomes of a measurement.

    A gate is invisible if it is diagonal in the basis of the measurement, and only invisible gates follow on its qubits.
    The circuit itself is returned unless a gate on two or more qubits is invisible: rotations of single qubits cost little,
    and bases that share one circuit are compiled and simulated together.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit without measurements. Its parameters may appear in invisible gates alone; they are left out.
    axes : str
        One letter of XYZ per qubit, qubit 0 first.

    Examples
    --------
    >>> circuit = QuantumCircuit(2)
    >>> circuit.h([0, 1]); circuit.rx(0.1, 0); circuit.rzz(0.2, 0, 1); circuit.rz(0.3, 1)  # doctest: +ELLIPSIS
    <...>
    >>> dict(visible(circuit, "ZZ").count_ops()), visible(circuit, "XX") is circuit
    ({'h': 2, 'rx': 1}, True)
    """
    axis = dict(zip(circuit.qubits, axes, strict=True))
    covered: set[Qubit] = set()
    kept: list[CircuitInstruction] = []
    fewer = False
    for item in reversed(circuit.data):
        letters = {axis[qubit] for qubit in item.qubits}
        if not covered.intersection(item.qubits) and all(item.operation.name in COMMUTING[letter] for letter in letters):
            fewer |= len(item.qubits) > 1
            continue
        covered.update(item.qubits)
        kept.append(item)
    if not fewer:
        return circuit
    rest = circuit.copy_empty_like()
    for item in reversed(kept):
        rest.append(item)
    return rest
