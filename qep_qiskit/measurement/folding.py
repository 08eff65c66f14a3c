"""Circuits with more of their own noise: U → U (U† U)^k, so that every gate acts 2k + 1 times as often and the unitary stays.

Folding is digital zero-noise extrapolation's amplifier (T. Giurgica-Tiron et al., arXiv:2005.10921). It multiplies the errors
of gates and of the time that they take; readout and basis rotation are not folded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit, Qubit
from qiskit.circuit.library import RZGate

from qep_qiskit.devices.device import Compiled
from qep_qiskit.errors import InputError


def folded(compiled: Compiled, factor: int, folding: str) -> Compiled:
    """Return the compiled circuit with its noise `factor` times as strong, in the same gates.

    Parameters
    ----------
    compiled : Compiled
    factor : int
        Odd; 1 is the circuit itself.
    folding : {"global", "two_qubit"}
        The whole circuit, or every two-qubit gate by itself.
    """
    if factor == 1:
        return compiled
    circuit, times = compiled.circuit, (factor - 1) // 2
    new = circuit.copy_empty_like()
    if folding == "two_qubit":
        for item in circuit.data:
            new.append(item.operation, item.qubits)
            if item.operation.num_qubits == 2 and item.operation.name != "barrier":
                for _ in range(times):
                    _append_inverse(new, item.operation, tuple(item.qubits))
                    new.append(item.operation, item.qubits)
    else:
        _append(new, circuit)
        for _ in range(times):
            for item in reversed(circuit.data):
                _append_inverse(new, item.operation, tuple(item.qubits))
            _append(new, circuit)
    return replace(compiled, circuit=new)


def _append(new: QuantumCircuit, circuit: QuantumCircuit) -> None:
    for item in circuit.data:
        new.append(item.operation, item.qubits)


def _append_inverse(new: QuantumCircuit, operation: Instruction, qubits: tuple[Qubit, ...]) -> None:
    """Append U†, a √X as itself between two virtual Z: its own inverse is no gate of IBM devices."""
    if operation.name == "barrier":
        new.append(operation, qubits)
    elif operation.name in ("sx", "sxdg"):
        new.append(RZGate(np.pi), qubits)
        new.append(operation, qubits)
        new.append(RZGate(np.pi), qubits)
    elif operation.name in ("reset", "measure", "delay", "initialize"):
        raise InputError(f"mitigation: 'zne' cannot fold a circuit with {operation.name!r}; take another mitigation")
    else:
        new.append(operation.inverse(), qubits)
