"""Small circuits with noise: the exact state of each row of values, whatever the number of bases and shots.

Noise is what Aer's density matrices make of a NoiseModel: after every gate the error that the model has for the gate's label (or
name) on these wires in this order, or else for the gate anywhere. Whatever is not exactly that is left to Aer.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Instruction, Operation, ParameterExpression, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Kraus, Operator, SuperOp
from qiskit_aer.noise import NoiseModel, QuantumError, RelaxationNoisePass

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Work, distinct_rows
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.noise import confusion_of, label_of
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import Angle, SlotTable
from qep_qiskit.simulation.adjoint.program import Function
from qep_qiskit.simulation.noise import transfer
from qep_qiskit.simulation.noise.channels import ChannelProgram, Fusion
from qep_qiskit.simulation.noise.transfer import Piece, Real

FAST_WIRES = 11
"""Up to here it is faster than Aer for any number of shots; 12 wires are slower than few of Aer's trajectories."""
MOST_WIRES = 12
"""A state of 12 wires takes 0.13 GB, its density matrix 0.27 GB; 13 would take four times that."""


_NO_UNITARY = frozenset(("delay", "reset", "measure", "initialize"))
_LEFT_OUT = 1e-10
"""Aer leaves out the terms of an error whose probability is not larger, and so do we."""


class Unsuited(Exception):
    """Raised for a circuit, or noise, that cannot be treated exactly; its text names it."""


class Errors:
    """The errors of a noise model as transfer matrices, each one made once."""

    def __init__(self, model: NoiseModel) -> None:
        # no public accessors exist; copies keep the errors alive, whose ids tell whether the model was changed
        self._local = {name: dict(errors) for name, errors in model._local_quantum_errors.items()}
        self._common = dict(model._default_quantum_errors)
        self.model = model
        self._made: dict[int, Real] = {}
        self._gates: dict[tuple[object, ...], Real] = {}
        self._readout = [model._default_readout_error, *model._local_readout_errors.values()]
        self.passes = [each for each in model._custom_noise_passes if type(each) is not RelaxationNoisePass]

    def after(self, name: str, wires: tuple[int, ...]) -> Real | None:
        """Return the error after a gate of this label, or None."""
        error = self._local.get(name, {}).get(wires, self._common.get(name))
        if error is None:
            return None
        if id(error) not in self._made:
            self._made[id(error)] = _matrix_of(error)
        matrix = self._made[id(error)]
        if error.num_qubits > len(wires):
            raise Unsuited(f"an error on {error.num_qubits} qubits after {name!r} on {len(wires)}")
        # an error on fewer qubits than the gate's acts on the first of them
        return transfer.lifted(matrix, slow=False) if error.num_qubits < len(wires) else matrix

    def noisy(self, name: str, label: str | None, wires: tuple[int, ...], angles: tuple[float | None, ...]) -> Real:
        """Return the parts of a gate with its error; an angle of None is free."""
        key = (name, label, wires, angles)
        if key not in self._gates:
            if None in angles and name not in transfer.TURNING:
                raise Unsuited(f"free angles of the gate {name!r}")
            parts, error = transfer.gate_parts(name, angles), self.after(label or name, wires)
            self._gates[key] = parts if error is None else error @ parts
        return self._gates[key]

    def noisy_matrix(self, operation: Operation, wires: tuple[int, ...]) -> Real:
        """Return any gate without free angles with its error, as parts."""
        if operation.name in _NO_UNITARY:
            raise Unsuited(f"the instruction {operation.name!r}")
        try:
            unitary = Operator(operation).data
        except (QiskitError, TypeError, ValueError):
            raise Unsuited(f"the instruction {operation.name!r}") from None
        parts, error = transfer.of_kraus(unitary[None])[None], self.after(label_of(operation), wires)
        return parts if error is None else error @ parts


def state_of(model: NoiseModel) -> tuple[object, ...]:
    """Return what changes when a model is changed."""
    local = [(name, wires, id(error)) for name, errors in model._local_quantum_errors.items() for wires, error in errors.items()]
    readout = [(wires, id(error)) for wires, error in model._local_readout_errors.items()]
    common = [(name, id(error)) for name, error in model._default_quantum_errors.items()]
    return (id(model), id(model._default_readout_error), *local, *common, *readout)


def _matrix_of(error: QuantumError) -> Real:
    n = error.num_qubits
    if n > 2:
        raise Unsuited(f"an error on {n} qubits")
    total = np.zeros((4**n, 4**n))
    for circuit, chance in zip(error.circuits, error.probabilities, strict=True):
        if chance <= _LEFT_OUT:
            continue
        matrix = np.eye(4**n)
        for item in circuit.data:
            matrix = _placed(item.operation, [circuit.find_bit(q).index for q in item.qubits], n) @ matrix
        total += chance * matrix
    return total


def _placed(operation: Instruction, qubits: Sequence[int], num_qubits: int) -> Real:
    matrix = _matrix_of_instruction(operation)
    if len(qubits) == num_qubits:
        return transfer.swapped(matrix) if list(qubits) == [1, 0] else matrix
    return transfer.lifted(matrix, slow=qubits[0] == 1)


_SIGNS = {"I": (1, 1, 1, 1), "X": (1, 1, -1, -1), "Y": (1, -1, 1, -1), "Z": (1, -1, -1, 1)}


def _matrix_of_instruction(operation: Instruction) -> Real:
    if operation.name == "pauli":
        return np.diag(functools.reduce(np.kron, [np.array(_SIGNS[letter], dtype=float) for letter in operation.params[0]]))
    if operation.name == "reset":
        return np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    if operation.name == "kraus":
        return transfer.of_kraus(np.array(operation.params, dtype=np.complex128))
    if operation.name in ("id", "x", "y", "z"):
        return transfer.gate(operation.name, ())
    try:
        unitary = Operator(operation).data
    except (QiskitError, TypeError):
        pass
    else:
        return transfer.of_kraus(unitary[None])
    try:
        pair = Kraus(SuperOp(operation))._data
    except (QiskitError, TypeError):
        raise Unsuited(f"the error {operation.name!r}") from None
    if pair[1] is not None:
        raise Unsuited(f"the error {operation.name!r} is not completely positive")
    return transfer.of_kraus(np.array(pair[0]))


class NoisyProgram:
    """A compiled circuit under a noise model, and what it takes to read it in any basis.

    Parameters
    ----------
    circuit : QuantumCircuit
    errors : Errors
    gates : tuple of str
        Those of which basis changes are made; see :func:`basis_change`.

    Raises
    ------
    Unsuited
        If it is left to Aer.
    """

    def __init__(self, circuit: QuantumCircuit, errors: Errors, gates: tuple[str, ...] = ()) -> None:
        if circuit.num_qubits > MOST_WIRES:
            raise Unsuited(f"noise on {circuit.num_qubits} wires (at most {MOST_WIRES})")
        if circuit.num_clbits:
            raise Unsuited("a circuit with classical bits")
        if errors.passes:
            raise Unsuited(f"the noise pass {type(errors.passes[0]).__name__}")
        self._errors = errors
        self._parameters = list(circuit.parameters)
        slots = SlotTable(self._parameters)
        fusion = Fusion(circuit.num_qubits)
        self._angles: list[Angle] = []
        wire = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        for item in circuit.data:
            if item.operation.name != "barrier":
                self._add(fusion, item.operation, tuple(wire[q] for q in item.qubits), errors, slots)
        self._functions = [Function(expression, self._parameters) for expression in slots.expressions]
        self._constants = np.array([angle.constant for angle in self._angles])
        self._weights = np.zeros((len(self._parameters) + len(self._functions), len(self._angles)))
        for number, angle in enumerate(self._angles):
            for slot, weight in angle.weights.items():
                self._weights[slot, number] = weight
        self._program = ChannelProgram(circuit.num_qubits, fusion.blocks())
        self._gates = gates
        self._turns: list[dict[str, Real]] = [{} for _ in range(circuit.num_qubits)]
        # the errors of a measurement act before it
        measured = [errors.after("measure", (w,)) for w in range(circuit.num_qubits)]
        confusion = confusion_of(errors.model, range(circuit.num_qubits))
        self._chances = [
            matrix @ _TO_CHANCES if error is None else matrix @ _TO_CHANCES @ error
            for matrix, error in zip(confusion, measured, strict=True)
        ]

    def _add(self, fusion: Fusion, operation: Instruction, wires: tuple[int, ...], errors: Errors, slots: SlotTable) -> None:
        if len(wires) > 2:
            raise Unsuited(f"the gate {operation.name!r} on {len(wires)} qubits")
        free = [value for value in operation.params if isinstance(value, ParameterExpression) and value.parameters]
        if operation.name not in transfer.TURNING and operation.name not in transfer.FIXED:
            if free:
                raise Unsuited(f"free angles of the gate {operation.name!r}")
            fusion.add(wires, Piece(errors.noisy_matrix(operation, wires)))
            return
        if operation.name == "r" and free:
            self._add_r(fusion, operation, wires, errors, slots)
            return
        numbers = tuple(None if any(value is own for own in free) else float(value) for value in operation.params)
        parts = errors.noisy(operation.name, operation.label, wires, numbers)
        first = len(self._angles)
        try:
            self._angles += [slots.angle(value) for value in free]
        except InputError as problem:
            raise Unsuited(str(problem)) from None
        fusion.add(wires, Piece(parts, tuple(range(first, len(self._angles)))))

    def _add_r(self, fusion: Fusion, operation: Instruction, wires: tuple[int, ...], errors: Errors, slots: SlotTable) -> None:
        """Add R(θ, φ) = RZ(φ) RX(θ) RZ(−φ), then its error: φ turns it at two frequencies."""
        theta, phi = operation.params
        try:
            turns = [("rz", slots.angle(phi).scaled(-1.0)), ("rx", slots.angle(theta)), ("rz", slots.angle(phi))]
        except InputError as problem:
            raise Unsuited(str(problem)) from None
        for name, angle in turns:
            fusion.add(wires, Piece(transfer.gate_parts(name, (None,)), (len(self._angles),)))
            self._angles.append(angle)
        error = errors.after(label_of(operation), wires)
        if error is not None:
            fusion.add(wires, Piece(error[None]))

    def distributions(
        self, values: Real, axes: Sequence[str], wires: Sequence[int], wanted: Sequence[NDArray[np.bool_]]
    ) -> list[Real]:
        """Return the probabilities of all outcomes, readout errors included: of each basis an array (R', 2**n).

        Parameters
        ----------
        values : ndarray of shape (R, P)
        axes : sequence of str
        wires : sequence of int
            Of the logical qubits.
        wanted : sequence of ndarray of bool, shape (R,)
            The rows that are wanted in each basis.
        """
        slots = values
        if self._functions:
            more = [[function(row) for function in self._functions] for row in values]
            slots = np.concatenate([values, more], axis=1)
        readings = [self._reading(letters, wires) for letters in axes]
        return self._program.distributions(self._constants + slots @ self._weights, readings, wires, wanted)

    def _reading(self, letters: str, wires: Sequence[int]) -> list[Real]:
        found = [np.array([[1.0, 0, 0, 0]]) for _ in self._turns]
        for letter, wire in zip(letters, wires, strict=True):
            found[wire] = self._chances[wire] @ self._turn(letter, wire)
        return found

    def _turn(self, letter: str, wire: int) -> Real:
        """Return the basis change of a wire, in the device's own gates with their errors."""
        known = self._turns[wire]
        if letter not in known:
            matrix = np.eye(4)
            for item in basis_change(letter, self._gates).data:
                matrix = self._errors.noisy_matrix(item.operation, (wire,))[0] @ matrix
            known[letter] = matrix
        return known[letter]


_TO_CHANCES = np.array([[0.5, 0, 0, 0.5], [0.5, 0, 0, -0.5]])


def program_of(compiled: Compiled, model: NoiseModel, cache: Cache) -> NoisyProgram:
    """Return the program of a compiled circuit under a noise model.

    Raises
    ------
    Unsuited
        If the circuit is too large or the noise cannot be treated exactly.
    """
    state = state_of(model)

    def make() -> NoisyProgram | str:
        errors: Errors = cache.kept(("errors", state), lambda: Errors(model), anchor=model)
        try:
            return NoisyProgram(compiled.circuit, errors, compiled.gates)
        except Unsuited as reason:
            return str(reason)

    key = ("noisy program", id(compiled.circuit), compiled.gates, state)
    program = cache.kept(key, make, anchor=(compiled.circuit, model))
    if isinstance(program, str):
        raise Unsuited(program)
    return program


def distributions(work: Sequence[Work], programs: Sequence[NoisyProgram]) -> list[Real]:
    """Return the probabilities of every item's rows; each distinct row of a program is worked out once for all its bases."""
    members: dict[int, list[int]] = {}
    for number, program in enumerate(programs):
        members.setdefault(id(program), []).append(number)
    found: dict[int, Real] = {}
    for numbers in members.values():
        items = [work[i] for i in numbers]
        values, places = distinct_rows(items)
        axes = list(dict.fromkeys(item.axes for item in items))
        wanted = np.zeros((len(axes), len(values)), dtype=bool)
        for item, rows in zip(items, places, strict=True):
            wanted[axes.index(item.axes), rows] = True
        chances = programs[numbers[0]].distributions(values, axes, items[0].compiled.wires, list(wanted))
        order = np.cumsum(wanted, axis=1) - 1
        for i, item, rows in zip(numbers, items, places, strict=True):
            basis = axes.index(item.axes)
            found[i] = chances[basis][order[basis, rows]]
    return [found[number] for number in range(len(work))]
