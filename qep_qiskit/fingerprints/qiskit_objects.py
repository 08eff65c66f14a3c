"""Digests of Qiskit's objects: circuits gate by gate, noise models by their errors, backends by their target and options."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    ControlledGate,
    Instruction,
    Operation,
    Parameter,
    ParameterExpression,
    ParameterVectorElement,
    QuantumCircuit,
)
from qiskit.circuit.classical import expr, types
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import Pauli, PauliList, SparsePauliOp
from qiskit.transpiler import CouplingMap, Target

from qep_qiskit.fingerprints.digests import packed

if TYPE_CHECKING:
    from qep_qiskit.fingerprints.content import Reader

LOCAL = ("qiskit", "qiskit_aer")
"""Packages whose backends run on this machine. Their outcomes depend on the numbers of the target, which never change."""

_COUNTED = re.compile(r"(c?circuit)-\d+(-\d+)?(_dg)?")
"""Names that Qiskit gives to unnamed circuits, with a number that starts from 0 in each process."""


def read(reader: Reader, value: Any) -> bytes | None:
    """Return the digest of a Qiskit object, or None if its ordinary state describes it completely."""
    match value:
        case QuantumCircuit():
            return of_circuit(reader, value)
        case ParameterExpression():
            return packed("expression", [_expression(value)])
        case Operation():
            return packed("operation", _operation(reader, value, {}))
        case SparsePauliOp():
            return reader.sequence("pauli sum", (value.paulis.to_labels(), np.asarray(value.coeffs)))
        case PauliList():
            return reader.sequence("paulis", value.to_labels())
        case Pauli():
            return packed("pauli", [value.to_label()])
        case CouplingMap():
            return reader.sequence("coupling", (value.size(), sorted(value.get_edges())))
        case Target():
            return _target(reader, value)
        case BackendV2():
            return _backend(reader, value)
        case BaseSamplerV2() | BaseEstimatorV2():
            return _primitive(reader, value)
        case Options():
            return reader.mapping("options", dict(value).items())
    module = type(value).__module__
    if module.startswith("qiskit_aer.noise"):
        return _noise(reader, value)
    if module.startswith("qiskit_algorithms.optimizers") and isinstance(settings := getattr(value, "settings", None), dict):
        return packed("optimizer", [type(value).__qualname__, reader.digest(settings), reader.digest(_bounds(value))])
    return None


def _bounds(optimizer: Any) -> object:
    """Return the options that SciPy's optimizers store separately from their settings."""
    return {key: value for key, value in (getattr(optimizer, "_kwargs", None) or {}).items() if value is not None}


def of_circuit(reader: Reader, circuit: QuantumCircuit) -> bytes:
    """Return the digest of a circuit: gates, qubits, angles, labels and global phase, but not the circuit's name."""
    places: dict[object, str] = {bit: f"q{i}" for i, bit in enumerate(circuit.qubits)}
    places |= {bit: f"c{i}" for i, bit in enumerate(circuit.clbits)}
    parts: list[str | bytes] = [str((circuit.num_qubits, circuit.num_clbits)), _angle(reader, circuit.global_phase)]
    for kind in ("captured", "declared", "input"):
        parts += sorted(f"{kind} {var.name} {var.type!r}" for var in getattr(circuit, f"iter_{kind}_vars")())
    for item in circuit.data:
        parts += _item(reader, item, places)
    return packed("circuit", parts)


def _item(reader: Reader, item: CircuitInstruction, places: dict[object, str]) -> list[str | bytes]:
    where = " ".join(places[bit] for bit in (*item.qubits, *item.clbits))
    if item.is_standard_gate():
        return ["\x1f".join([item.name, where, item.label or "", *(_text(value) for value in item.params)])]
    return [where, *_operation(reader, item.operation, places)]


def _operation(reader: Reader, operation: Any, places: dict[object, str]) -> list[str | bytes]:
    name = "" if _COUNTED.fullmatch(operation.name) else operation.name
    parts: list[str | bytes] = [name, str((operation.num_qubits, operation.num_clbits))]
    if isinstance(operation, AnnotatedOperation):
        return [*parts, *_operation(reader, operation.base_op, places), reader.digest(operation.modifiers)]
    if not isinstance(operation, Instruction):
        return [*parts, reader.state(operation)]
    parts.append(operation.label or "")
    if isinstance(operation, ControlFlowOp):
        return [*parts, *_control_flow(reader, operation, places)]
    parts += [_angle(reader, value) for value in operation.params]
    if isinstance(operation, ControlledGate):
        parts += [str(operation.ctrl_state), *_operation(reader, operation.base_gate, places)]
    for name in ("operator", "unit", "expr"):
        if (extra := getattr(operation, name, None)) is not None:
            parts.append(packed(name, [_classical(reader, extra, places)]))
    standard = getattr(operation, "_standard_gate", None) is not None
    if not standard and not isinstance(operation, ControlledGate):
        inside = getattr(operation, "definition", None)
        parts.append(packed("opaque", []) if inside is None else of_circuit(reader, inside))
    return parts


def _control_flow(reader: Reader, operation: Any, places: dict[object, str]) -> list[str | bytes]:
    """Return the parts of a branch, loop or switch: its condition, and its blocks with their own bits."""
    parts: list[str | bytes] = []
    for name in ("condition", "target", "duration", "unit"):
        if (condition := getattr(operation, name, None)) is not None:
            parts.append(packed(name, [_classical(reader, condition, places)]))
    if operation.name == "switch_case":
        parts += [_classical(reader, labels, places) for labels, _ in operation.cases_specifier()]
    if operation.name == "for_loop":
        indices, parameter, _ = operation.params
        parts += [reader.digest(list(indices)), "" if parameter is None else _text(parameter)]
    return parts + [of_circuit(reader, block) for block in operation.blocks]


def _classical(reader: Reader, value: Any, places: dict[object, str]) -> bytes:
    """Return the digest of a classical value; bits are identified by their place in the circuit."""
    match value:
        case Clbit():
            return packed("bit", [places.get(value, "?")])
        case ClassicalRegister():
            return packed("register", [places.get(bit, "?") for bit in value])
        case expr.Var() | expr.Stretch():
            return packed(
                "variable", [repr(value.type), _classical(reader, value.var, places) if _bits(value) else str(value.name)]
            )
        case expr.Expr():
            slots = sorted({name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())})
            contents = [(name, getattr(value, name)) for name in slots if hasattr(value, name)]
            return packed(type(value).__name__, [packed(name, [_classical(reader, part, places)]) for name, part in contents])
        case bool():
            return reader.digest(int(value))  # Qiskit's copies may turn a bool into an int or back
        case types.Type():
            return packed("type", [repr(value)])
        case list() | tuple():
            return packed("classical", [_classical(reader, part, places) for part in value])
    if type(value).__module__.startswith("qiskit.circuit.controlflow"):
        return packed("sentinel", [repr(value)])  # the default case of a switch
    return reader.digest(value)


def _bits(variable: Any) -> bool:
    return isinstance(getattr(variable, "var", None), Clbit | ClassicalRegister)


def _angle(reader: Reader, value: Any) -> bytes:
    return packed("angle", [_text(value)]) if isinstance(value, int | float | ParameterExpression) else reader.digest(value)


def _text(value: Any) -> str:
    """Return the exact text of an angle."""
    if isinstance(value, ParameterExpression):
        return _expression(value)
    return float.hex(float(value) + 0.0) if isinstance(value, int | float) else repr(value)


def _expression(value: ParameterExpression) -> str:
    """Return the text of an expression. Vector elements are marked: they sort differently from parameters of the same name."""
    if isinstance(value, ParameterVectorElement):
        return f"element {value.index} of {value.vector.name}"
    if isinstance(value, Parameter):
        return f"parameter {value.name}"
    return f"{value}; " + ", ".join(sorted(_expression(parameter) for parameter in value.parameters))


def _noise(reader: Reader, value: Any) -> bytes | None:
    from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError

    match value:
        case NoiseModel():  # no public accessors exist
            local = {(name, wires): e for name, errors in value._local_quantum_errors.items() for wires, e in errors.items()}
            parts = (
                sorted(value.basis_gates),
                value._default_quantum_errors,
                local,
                value._default_readout_error,
                value._local_readout_errors,
                list(value._custom_noise_passes),
            )
            return reader.sequence("noise model", parts)
        case QuantumError():
            return reader.sequence("error", (list(map(float, value.probabilities)), value.circuits))
        case ReadoutError():
            return reader.sequence("readout error", (np.asarray(value.probabilities),))
    return None


def _backend(reader: Reader, backend: Any) -> bytes:
    """Return the digest of a backend. The calibration of a device changes every day and is not part of it."""
    module = type(backend).__module__
    here = module.split(".")[0] in LOCAL or "fake_provider" in module
    parts = [reader.digest(str(backend.name)), reader.digest(backend.num_qubits), reader.digest(backend.options)]
    target = backend.target
    if here:
        parts.append(reader.digest(target))
    elif target is not None:
        parts.append(reader.digest(sorted(target.operation_names)))
    return packed("backend", [type(backend).__qualname__, *parts])


def _target(reader: Reader, target: Target) -> bytes:
    parts: list[str | bytes] = [str((target.num_qubits, target.dt))]
    for name in sorted(target.operation_names):
        instructions = target[name]
        qubits = sorted(instructions, key=lambda q: (q is None, q or ()))
        rows = [(q, None if instructions[q] is None else (instructions[q].error, instructions[q].duration)) for q in qubits]
        parts.append(f"{name} {rows!r}")
    for qubit in target.qubit_properties or ():
        parts.append("" if qubit is None else repr((qubit.t1, qubit.t2, qubit.frequency)))
    return packed("target", parts)


def _primitive(reader: Reader, primitive: Any) -> bytes:
    """Return the digest of a sampler or an estimator, from its options and its backend."""
    parts: dict[str, object] = {}
    for name in ("options", "seed", "default_shots", "default_precision", "_backend", "backend"):
        option = getattr(primitive, name, None)
        if option is not None:
            parts[name.lstrip("_")] = option() if callable(option) and not isinstance(option, BackendV2) else option
    options = parts.get("options")
    if dataclasses.is_dataclass(options) and not isinstance(options, type):
        parts["options"] = dataclasses.asdict(options)
    return packed("primitive", [reader.digest(type(primitive)), reader.mapping("parts", parts.items())])
