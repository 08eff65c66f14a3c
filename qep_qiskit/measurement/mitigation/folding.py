"""Circuits with amplified noise: U → U (U† U)^k has the same unitary, but every gate acts 2k + 1 times as often.

Folding amplifies noise for digital zero-noise extrapolation (T. Giurgica-Tiron et al., arXiv:2005.10921). It amplifies the
errors of the gates and of the time that they take. Readout and basis rotations are not folded. The inverse of a gate must have
the same errors as the gate. If the inverse is a different gate (as for √X, S and T), it is replaced by the gate itself between
error-free rotations about Z.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit, Qubit
from qiskit.circuit.library import PhaseGate, RZGate, SdgGate, SGate, TdgGate, TGate, U1Gate, ZGate
from qiskit.exceptions import QiskitError

from qep_qiskit.devices.device import Compiled
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.noise.aer_model import error_of, label_of


def folded(compiled: Compiled, factor: int, folding: str) -> Compiled:
    """Return the compiled circuit with `factor` times its noise, in the same gates.

    Parameters
    ----------
    factor : int
        An odd number; 1 returns the circuit itself.
    folding : {"global", "two_qubit"}
        Whether to fold the whole circuit, or each gate on two or more qubits separately.

    Raises
    ------
    InputError
        If the device's gates cannot express a gate's inverse with the same errors as the gate.
    """
    if factor == 1:
        return compiled
    circuit, times = compiled.circuit, (factor - 1) // 2
    new = circuit.copy_empty_like()
    place = {qubit: i for i, qubit in enumerate(circuit.qubits)}

    def append_inverse(operation: Instruction, qubits: tuple[Qubit, ...]) -> None:
        for part in _inverse(operation, tuple(place[q] for q in qubits), compiled):
            new.append(part, qubits)

    if folding == "two_qubit":
        for item in circuit.data:
            new.append(item.operation, item.qubits)
            if item.operation.num_qubits >= 2 and item.operation.name != "barrier":
                for _ in range(times):
                    append_inverse(item.operation, tuple(item.qubits))
                    new.append(item.operation, item.qubits)
    else:
        _append(new, circuit)
        for _ in range(times):
            for item in reversed(circuit.data):
                append_inverse(item.operation, tuple(item.qubits))
            _append(new, circuit)
    new.global_phase = 0
    return replace(compiled, circuit=new)


def _append(new: QuantumCircuit, circuit: QuantumCircuit) -> None:
    for item in circuit.data:
        new.append(item.operation, item.qubits)


def _inverse(operation: Instruction, wires: tuple[int, ...], compiled: Compiled) -> list[Instruction]:
    """Return U† up to a phase, as a list of gates of which one has the errors of U and the others have none."""
    if operation.name == "barrier":
        return [operation]
    if operation.name in ("reset", "measure", "delay", "initialize"):
        raise InputError(f"mitigation: 'zne' cannot fold a circuit with {operation.name!r}; take another mitigation")
    try:
        direct = operation.inverse()
    except QiskitError:
        direct = None
    if direct is not None and operation.label is not None:
        direct = direct.to_mutable()
        direct.label = operation.label
    if direct is not None and direct.name == operation.name:
        return [direct]
    for before, after in _around(operation.name):
        parts = [*before, operation, *after]
        if all(_without_error(part, wires, compiled) for part in (*before, *after)):
            return parts
    if direct is not None and _same_errors(operation, direct, wires, compiled):
        return [direct]
    raise InputError(
        f"mitigation: 'zne' cannot fold the gate {operation.name!r}: the device has no inverse of it with the same errors; "
        "fold two-qubit gates alone, give the noise model such a gate, or take another mitigation"
    )


def _around(name: str) -> Iterator[tuple[list[Instruction], list[Instruction]]]:
    """Return the rotations about Z, before and after a gate, that turn the gate into its own inverse."""
    for half in _rotations(np.pi):
        if name in ("sx", "sxdg"):
            yield half, half
        elif name in ("s", "sdg"):
            yield [], half
    if name in ("t", "tdg"):
        for quarter in _rotations(-np.pi / 2 if name == "t" else np.pi / 2):
            yield [], quarter


def _rotations(angle: float) -> Iterator[list[Instruction]]:
    """Return the gates that rotate about Z by ±π/2 or π, up to a phase."""
    for gate in (RZGate, PhaseGate, U1Gate):
        yield [gate(angle)]
    if angle == np.pi:
        yield [ZGate()]
        steps: tuple[tuple[type[Instruction], int], ...] = ((SGate, 2), (SdgGate, 2), (TGate, 4), (TdgGate, 4))
    else:
        steps = ((SGate, 1), (TGate, 2)) if angle > 0 else ((SdgGate, 1), (TdgGate, 2))
    for kind, number in steps:
        yield [kind() for _ in range(number)]


def _same_errors(first: Instruction, second: Instruction, wires: tuple[int, ...], compiled: Compiled) -> bool:
    if compiled.gates and second.name not in compiled.gates:
        return False
    if compiled.noise is None:
        return True
    return error_of(compiled.noise, label_of(first), wires) == error_of(compiled.noise, label_of(second), wires)


def _without_error(part: Instruction, wires: tuple[int, ...], compiled: Compiled) -> bool:
    if part.name not in (compiled.gates or ("rz",)):
        return False
    return compiled.noise is None or error_of(compiled.noise, part.name, wires) is None
