"""Circuits in a device's own gates: translation, basis changes, and gates that the compiler must not change."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable

import numpy as np
from qiskit.circuit import Barrier, CircuitInstruction, Operation, QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit.transpiler.exceptions import TranspilerError

from qep_qiskit.errors import InputError

_NO_GATES = frozenset(("measure", "reset", "delay", "barrier", "global_phase"))
_KEPT = "kept as it is "


@functools.cache
def standard_gates() -> frozenset[str]:
    """Return the names of all gates known to Qiskit's transpiler."""
    return frozenset(get_standard_gate_name_mapping()) - _NO_GATES


def gate_set(names: Iterable[str]) -> tuple[str, ...]:
    """Return the standard gates among some instruction names, sorted."""
    return tuple(sorted(set(names) & standard_gates()))


@functools.lru_cache(maxsize=64)
def _passes(gates: tuple[str, ...]) -> PassManager:
    return generate_preset_pass_manager(optimization_level=1, basis_gates=list(gates), seed_transpiler=11)


def translated(circuit: QuantumCircuit, gates: tuple[str, ...], keep: Collection[str] = ()) -> QuantumCircuit:
    """Return a circuit translated to these gates by ``qiskit.transpile`` with optimization level 1.

    Parameters
    ----------
    gates : tuple of str
        The allowed standard gates; see :func:`gate_set`.
    keep : collection of str
        Labels and names of instructions with errors. Labelled gates and instructions other than standard gates are kept as
        they are. If the compiler merged them with their neighbours, their errors would be lost.

    Raises
    ------
    InputError
        If the gates cannot express the circuit.
    """
    opaque, protected = _covered(circuit, keep) if keep else (circuit, [])
    try:
        if not gates and len(protected) < len(circuit.data):
            raise TranspilerError("no standard gates")
        result = _passes(gates).run(opaque) if gates else opaque
    except TranspilerError:
        needed = ", ".join(sorted(set(circuit.count_ops()) - set(gates) - set(keep) - {"barrier"})) or "circuits"
        raise InputError(
            f"device.noise: the noise model's basis gates ({', '.join(gates) or 'none'}) cannot express {needed}; "
            "add gates by NoiseModel(basis_gates=…), for instance rz, sx and cx"
        ) from None
    if not protected:
        return result
    restored = result.copy_empty_like()
    for item in result.data:
        label = getattr(item.operation, "label", None) or ""
        if item.operation.name == "barrier" and label.startswith(_KEPT):
            restored.append(CircuitInstruction(protected[int(label[len(_KEPT) :])], item.qubits))
        else:
            restored.append(item)
    return restored


def _covered(circuit: QuantumCircuit, keep: Collection[str]) -> tuple[QuantumCircuit, list[Operation]]:
    """Return the circuit with barriers in place of the operations to be kept, and these operations in order."""
    standard = standard_gates()

    def covers(operation: Operation) -> bool:
        named = operation.name in keep and operation.name not in standard
        return operation.name != "barrier" and (named or getattr(operation, "label", None) in keep)

    if not any(covers(item.operation) for item in circuit.data):
        return circuit, []
    opaque = circuit.copy_empty_like()
    protected: list[Operation] = []
    for item in circuit.data:
        if covers(item.operation):
            opaque.append(Barrier(len(item.qubits), label=f"{_KEPT}{len(protected)}"), item.qubits)
            protected.append(item.operation)
        else:
            opaque.append(item)
    return opaque, protected


@functools.lru_cache(maxsize=256)
def basis_change(axis: str, gates: tuple[str, ...] = ()) -> QuantumCircuit:
    """Return the shortest one-qubit circuit after which a Z measurement reads the given axis.

    Parameters
    ----------
    axis : {"X", "Y", "Z"}
    gates : tuple of str
        The device's own gates. If empty, rz and √X, which every IBM device has.

    Raises
    ------
    InputError
        If the gates cannot express the basis change.
    """
    if axis == "Z":
        return QuantumCircuit(1)
    ways = [QuantumCircuit(1) for _ in _WAYS[axis]]
    for way, build in zip(ways, _WAYS[axis], strict=True):
        build(way)
    if not gates:
        return ways[0]
    candidates: list[QuantumCircuit] = []
    for way in ways:
        if set(way.count_ops()) <= set(gates):
            candidates.append(way)
        try:
            candidates.append(translated(way, gates))
        except InputError:
            continue
    if not candidates:
        raise InputError(
            f"device.noise: the noise model's basis gates ({', '.join(gates)}) cannot turn {axis} into Z for its measurement; "
            "add gates by NoiseModel(basis_gates=…), for instance rz and sx"
        )
    best = min(candidates, key=len)
    best.global_phase = 0
    return best


_QUARTER = np.pi / 2
_WAYS: dict[str, tuple[Callable[[QuantumCircuit], object], ...]] = {
    # √X turns Y into Z; a quarter turn about Z before it turns X into Y
    "X": (lambda c: (c.rz(_QUARTER, 0), c.sx(0)), lambda c: c.ry(-_QUARTER, 0), lambda c: c.h(0)),
    "Y": (
        lambda c: c.sx(0),
        lambda c: c.rx(_QUARTER, 0),
        lambda c: (c.sdg(0), c.h(0)),
        lambda c: (c.rz(-_QUARTER, 0), c.ry(-_QUARTER, 0)),
    ),
}
