"""Decomposition of gates into a few primitives: phases of Pauli-Z strings, Y rotations, and relabellings of basis states.

Any circuit is a product of ``exp(-i a Z...Z)``, ``RY(a)``, CX, X, SWAP and a global phase. In this form, consecutive
gates merge well: all phases commute, all Y rotations commute and are real, and CX, X and SWAP only move amplitudes.
A gate without a rule here is replaced by its definition; a PauliEvolutionGate becomes its product formula, as on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import pi
from typing import Any, NamedTuple, Protocol, TypeAlias

from qiskit.circuit import (
    AnnotatedOperation,
    CircuitError,
    Gate,
    Operation,
    Parameter,
    ParameterExpression,
    QuantumCircuit,
)
from qiskit.circuit import library as lib
from qiskit.transpiler import TranspilerError
from qiskit.transpiler.passes import HighLevelSynthesis

from qep_qiskit.errors import InputError


class Angle(NamedTuple):
    """An affine function of a program's slots, ``constant + sum(weight * slot)``.

    A slot is a parameter of the circuit or a non-linear expression of its parameters.
    """

    constant: float
    weights: Mapping[int, float]

    def scaled(self, factor: float) -> Angle:
        return Angle(self.constant * factor, {slot: factor * weight for slot, weight in self.weights.items()})

    def plus(self, other: Angle) -> Angle:
        weights = dict(self.weights)
        for slot, weight in other.weights.items():
            weights[slot] = weights.get(slot, 0.0) + weight
        return Angle(self.constant + other.constant, weights)

    def shifted(self, constant: float) -> Angle:
        return Angle(self.constant + constant, self.weights)


def fixed(value: float) -> Angle:
    """Return an angle with a fixed value, independent of the slots."""
    return Angle(float(value), {})


class Sink(Protocol):
    """A receiver of primitives, which are sent in the order in which they act."""

    def phase(self, angle: Angle) -> None:
        """Multiply the state by ``exp(i angle)``."""

    def string(self, qubits: Sequence[int], angle: Angle) -> None:
        """Apply ``exp(-i angle Z...Z)`` on the qubits."""

    def rotate(self, qubit: int, angle: Angle) -> None:
        """Apply ``RY(angle)``."""

    def relabel(self, kind: str, qubits: Sequence[int]) -> None:
        """Apply ``"x"``, ``"cx"`` (control first) or ``"swap"``."""


Rule: TypeAlias = Callable[[Sink, Sequence[int], Sequence[Angle]], None]


class SlotTable:
    """The slots of a circuit: its parameters in order, followed by the non-linear expressions found in its gates."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._slots: dict[ParameterExpression, int] = {parameter: i for i, parameter in enumerate(parameters)}
        self._angles: dict[ParameterExpression, Angle] = {}
        self.expressions: list[ParameterExpression] = []

    def angle(self, value: float | ParameterExpression) -> Angle:
        """Write a gate's parameter as an affine function of the slots."""
        if not isinstance(value, ParameterExpression):
            return fixed(value)
        if value in self._slots:
            return Angle(0.0, {self._slots[value]: 1.0})
        if value not in self._angles:
            self._angles[value] = self._expand(value)
        return self._angles[value]

    def _expand(self, value: ParameterExpression) -> Angle:
        parameters = list(value.parameters)
        if not parameters:
            return fixed(_number(value))
        try:
            slopes = [_constant_slope(value.gradient(parameter)) for parameter in parameters]
        except (TypeError, ValueError, RuntimeError, CircuitError) as error:
            raise InputError(f"the angle {value} has no derivative ({error}); use a differentiable expression") from None
        if None in slopes:
            slot = self._slots[value] = len(self._slots)
            self.expressions.append(value)
            return Angle(0.0, {slot: 1.0})
        constant = _number(value.bind(dict.fromkeys(parameters, 0.0)))
        weights = {self._slots[parameter]: slope for parameter, slope in zip(parameters, slopes, strict=True) if slope}
        return Angle(constant, weights)


def _constant_slope(slope: Any) -> float | None:
    if isinstance(slope, ParameterExpression):
        return None if slope.parameters else _number(slope)
    return _real(complex(slope), slope)


def _number(value: ParameterExpression) -> float:
    return _real(complex(value), value)


def _real(number: complex, origin: Any) -> float:
    if number.imag:
        raise InputError(f"the angle {origin} is complex; gates take real angles")
    return number.real


def feed(circuit: QuantumCircuit, slots: SlotTable, sink: Sink) -> None:
    """Send the primitives of a circuit to ``sink``.

    Parameters
    ----------
    circuit
        A circuit of gates and barriers only. A gate without a rule is replaced by its definition.
    slots
        The slot of each of the circuit's parameters.
    sink
        The receiver of the primitives.

    Raises
    ------
    InputError
        If an instruction is not a unitary gate, or has neither a rule nor a definition.
    """
    _feed(circuit, list(range(circuit.num_qubits)), slots, sink)


def _feed(circuit: QuantumCircuit, wires: Sequence[int], slots: SlotTable, sink: Sink) -> None:
    sink.phase(slots.angle(circuit.global_phase))
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [wires[circuit.find_bit(qubit).index] for qubit in instruction.qubits]
        if operation.name in ("barrier", "delay", "id"):
            continue
        rule = _rule(operation)
        if rule is not None:
            rule(sink, qubits, [slots.angle(value) for value in operation.params])
        else:
            _feed(_definition(operation, len(instruction.clbits)), qubits, slots, sink)


def _rule(operation: Operation) -> Rule | None:
    rule = _RULES.get(getattr(operation, "base_class", type(operation)))
    controls = getattr(operation, "num_ctrl_qubits", 0)
    return rule if getattr(operation, "ctrl_state", (1 << controls) - 1) == (1 << controls) - 1 else None


def _definition(operation: Operation, num_clbits: int) -> QuantumCircuit:
    if num_clbits or operation.name in ("reset", "initialize"):
        raise InputError(f"{operation.name!r} within the circuit is not a unitary gate; only final measurements are allowed")
    definition = getattr(operation, "definition", None)
    if definition is None and isinstance(operation, AnnotatedOperation):
        wrapped = QuantumCircuit(operation.num_qubits)
        wrapped.append(operation, range(operation.num_qubits))
        try:
            definition = HighLevelSynthesis()(wrapped)
        except (CircuitError, TranspilerError) as error:
            raise InputError(f"the gate {operation.name!r} cannot be simulated: {error.message}") from None
    if definition is None:
        raise InputError(f"the gate {operation.name!r} cannot be simulated: it has no definition in terms of standard gates")
    return definition


def _rz(sink: Sink, qubit: int, angle: Angle) -> None:
    sink.string([qubit], angle.scaled(0.5))


def _rx(sink: Sink, qubit: int, angle: Angle) -> None:
    _r(sink, qubit, angle, fixed(0.0))


def _r(sink: Sink, qubit: int, angle: Angle, axis: Angle) -> None:
    _rz(sink, qubit, axis.scaled(-1.0).shifted(pi / 2))
    sink.rotate(qubit, angle)
    _rz(sink, qubit, axis.shifted(-pi / 2))


def _u(sink: Sink, qubit: int, theta: Angle, phi: Angle, lam: Angle) -> None:
    _rz(sink, qubit, lam)
    sink.rotate(qubit, theta)
    _rz(sink, qubit, phi)
    sink.phase(phi.plus(lam).scaled(0.5))


def _controlled_phase(sink: Sink, qubits: Sequence[int], angle: Angle) -> None:
    share = 2.0 ** -len(qubits)
    sink.phase(angle.scaled(share))
    for size in range(1, len(qubits) + 1):
        for subset in combinations(qubits, size):
            sink.string(subset, angle.scaled(share if size % 2 else -share))


def _hadamard(sink: Sink, qubit: int) -> None:
    _controlled_phase(sink, [qubit], fixed(pi))
    sink.rotate(qubit, fixed(pi / 2))


def _multi_x(sink: Sink, qubits: Sequence[int]) -> None:
    _hadamard(sink, qubits[-1])
    _controlled_phase(sink, qubits, fixed(pi))
    _hadamard(sink, qubits[-1])


def _phase_rule(value: float) -> Rule:
    return lambda sink, qubits, _: _controlled_phase(sink, qubits, fixed(value))


def _in_x_basis(sink: Sink, qubits: Sequence[int], inner: Callable[[], None]) -> None:
    for qubit in qubits:
        sink.rotate(qubit, fixed(-pi / 2))
    inner()
    for qubit in qubits:
        sink.rotate(qubit, fixed(pi / 2))


def _in_y_basis(sink: Sink, qubits: Sequence[int], inner: Callable[[], None]) -> None:
    for qubit in qubits:
        _rx(sink, qubit, fixed(pi / 2))
    inner()
    for qubit in qubits:
        _rx(sink, qubit, fixed(-pi / 2))


def _rzz(sink: Sink, qubits: Sequence[int], angle: Angle) -> None:
    sink.string(qubits, angle.scaled(0.5))


def _y(sink: Sink, qubits: Sequence[int], _: Sequence[Angle]) -> None:
    _controlled_phase(sink, qubits, fixed(pi))
    sink.relabel("x", qubits)
    sink.phase(fixed(pi / 2))


def _sx(sink: Sink, qubit: int, sign: float) -> None:
    _rx(sink, qubit, fixed(sign * pi / 2))
    sink.phase(fixed(sign * pi / 4))


def _ch(sink: Sink, qubits: Sequence[int], _: Sequence[Angle]) -> None:
    sink.rotate(qubits[1], fixed(-pi / 4))
    _controlled_phase(sink, qubits, fixed(pi))
    sink.rotate(qubits[1], fixed(pi / 4))


_RULES: dict[type[Gate], Rule] = {
    lib.GlobalPhaseGate: lambda s, q, a: s.phase(a[0]),
    lib.ZGate: _phase_rule(pi),
    lib.SGate: _phase_rule(pi / 2),
    lib.SdgGate: _phase_rule(-pi / 2),
    lib.TGate: _phase_rule(pi / 4),
    lib.TdgGate: _phase_rule(-pi / 4),
    lib.CZGate: _phase_rule(pi),
    lib.CCZGate: _phase_rule(pi),
    lib.PhaseGate: lambda s, q, a: _controlled_phase(s, q, a[0]),
    lib.U1Gate: lambda s, q, a: _controlled_phase(s, q, a[0]),
    lib.CPhaseGate: lambda s, q, a: _controlled_phase(s, q, a[0]),
    lib.CU1Gate: lambda s, q, a: _controlled_phase(s, q, a[0]),
    lib.RZGate: lambda s, q, a: _rz(s, q[0], a[0]),
    lib.RYGate: lambda s, q, a: s.rotate(q[0], a[0]),
    lib.RXGate: lambda s, q, a: _rx(s, q[0], a[0]),
    lib.RGate: lambda s, q, a: _r(s, q[0], a[0], a[1]),
    lib.UGate: lambda s, q, a: _u(s, q[0], a[0], a[1], a[2]),
    lib.U3Gate: lambda s, q, a: _u(s, q[0], a[0], a[1], a[2]),
    lib.HGate: lambda s, q, a: _hadamard(s, q[0]),
    lib.YGate: _y,
    lib.SXGate: lambda s, q, a: _sx(s, q[0], 1.0),
    lib.SXdgGate: lambda s, q, a: _sx(s, q[0], -1.0),
    lib.XGate: lambda s, q, a: s.relabel("x", q),
    lib.CXGate: lambda s, q, a: s.relabel("cx", q),
    lib.SwapGate: lambda s, q, a: s.relabel("swap", q),
    lib.CHGate: _ch,
    lib.CCXGate: lambda s, q, a: _multi_x(s, q),
    lib.RZZGate: lambda s, q, a: _rzz(s, q, a[0]),
    lib.RXXGate: lambda s, q, a: _in_x_basis(s, q, lambda: _rzz(s, q, a[0])),
    lib.RYYGate: lambda s, q, a: _in_y_basis(s, q, lambda: _rzz(s, q, a[0])),
    lib.RZXGate: lambda s, q, a: _in_x_basis(s, q[1:], lambda: _rzz(s, q, a[0])),
    lib.C3XGate: lambda s, q, a: _multi_x(s, q),
}
