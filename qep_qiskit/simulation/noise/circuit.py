"""Circuits with the errors of an Aer noise model, compiled to blocks of channels on one and two wires."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qiskit.circuit import Instruction, ParameterExpression, QuantumCircuit

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import Angle, SlotTable
from qep_qiskit.simulation.adjoint.slots import Function
from qep_qiskit.simulation.noise import transfer
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices, Unsuited, confusion_of, label_of
from qep_qiskit.simulation.noise.channels import Fusion
from qep_qiskit.simulation.noise.transfer import Block, Chain, Piece, Real

TO_CHANCES = np.array([[0.5, 0, 0, 0.5], [0.5, 0, 0, -0.5]])


class NoisyCircuit:
    """A circuit in which every gate is followed by its error.

    Parameters
    ----------
    circuit : QuantumCircuit
    noise : NoiseMatrices
    basis_change : callable
        A function that takes a letter X, Y or Z and returns the one-qubit circuit after which a Z measurement reads that axis.
    apart : bool
        Whether channels on one wire after its last two-qubit block are kept separate from the blocks, in `endings`.

    Attributes
    ----------
    num_wires : int
    blocks : list of Block
        The channels, fused, in the order in which they act. Wires start in |0⟩.
    endings : list of Chain
        The separate channels of each wire, if `apart`.

    Raises
    ------
    Unsuited
        If the circuit or its noise cannot be treated exactly.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        noise: NoiseMatrices,
        basis_change: Callable[[str], QuantumCircuit],
        *,
        apart: bool = False,
    ) -> None:
        if circuit.num_clbits:
            raise Unsuited("a circuit with classical bits")
        if noise.passes:
            raise Unsuited(f"the noise pass {type(noise.passes[0]).__name__}")
        self.num_wires = circuit.num_qubits
        self._noise, self._basis_change = noise, basis_change
        self._parameters = list(circuit.parameters)
        slots = SlotTable(self._parameters)
        fusion = Fusion(circuit.num_qubits)
        self._angles: list[Angle] = []
        wire = {qubit: i for i, qubit in enumerate(circuit.qubits)}
        for item in circuit.data:
            if item.operation.name != "barrier":
                self._add(fusion, item.operation, tuple(wire[q] for q in item.qubits), slots)
        self._functions = [Function(expression, self._parameters) for expression in slots.expressions]
        self._constants = np.array([angle.constant for angle in self._angles])
        self._weights = np.zeros((len(self._parameters) + len(self._functions), len(self._angles)))
        for number, angle in enumerate(self._angles):
            for slot, weight in angle.weights.items():
                self._weights[slot, number] = weight
        self.endings = fusion.endings() if apart else [Chain() for _ in range(circuit.num_qubits)]
        self.blocks: list[Block] = fusion.blocks()
        self._turns: list[dict[str, Real]] = [{} for _ in range(circuit.num_qubits)]
        self._confusion = confusion_of(noise.model, range(circuit.num_qubits))

    def _add(self, fusion: Fusion, operation: Instruction, wires: tuple[int, ...], slots: SlotTable) -> None:
        if len(wires) > 2:
            raise Unsuited(f"the gate {operation.name!r} on {len(wires)} qubits")
        free = [value for value in operation.params if isinstance(value, ParameterExpression) and value.parameters]
        if operation.name not in transfer.TURNING and operation.name not in transfer.FIXED:
            if free:
                raise Unsuited(f"free angles of the gate {operation.name!r}")
            fusion.add(wires, Piece(self._noise.noisy_matrix(operation, wires)))
            return
        if operation.name == "r" and free:
            self._add_r(fusion, operation, wires, slots)
            return
        numbers = tuple(None if any(value is angle for angle in free) else float(value) for value in operation.params)
        parts = self._noise.noisy(operation.name, operation.label, wires, numbers)
        first = len(self._angles)
        try:
            self._angles += [slots.angle(value) for value in free]
        except InputError as problem:
            raise Unsuited(str(problem)) from None
        fusion.add(wires, Piece(parts, tuple(range(first, len(self._angles)))))

    def _add_r(self, fusion: Fusion, operation: Instruction, wires: tuple[int, ...], slots: SlotTable) -> None:
        """Add R(θ, φ), followed by its error, as RZ(φ) RX(θ) RZ(−φ), since its matrix also contains 2φ."""
        theta, phi = operation.params
        try:
            turns = [("rz", slots.angle(phi).scaled(-1.0)), ("rx", slots.angle(theta)), ("rz", slots.angle(phi))]
        except InputError as problem:
            raise Unsuited(str(problem)) from None
        for name, angle in turns:
            fusion.add(wires, Piece(transfer.gate_parts(name, (None,)), (len(self._angles),)))
            self._angles.append(angle)
        error = self._noise.after(label_of(operation), wires)
        if error is not None:
            fusion.add(wires, Piece(error[None]))

    @property
    def num_angles(self) -> int:
        """The number of angles on which the blocks depend."""
        return len(self._angles)

    def angles(self, values: Real) -> Real:
        """Return the angles of the blocks, shape (R, A), for rows of values in the order of the circuit's parameters."""
        slots = values
        if self._functions:
            derived = [[function(row) for function in self._functions] for row in values]
            slots = np.concatenate([values, derived], axis=1)
        return np.asarray(self._constants + slots @ self._weights)

    def chances(self, letter: str, wire: int) -> Real:
        """Return the matrix from a wire's expectations of I, X, Y, Z to the chances of 0 and 1 along an axis, shape (2, 4)."""
        error = self._noise.after("measure", (wire,))  # the errors of a measurement act before it
        matrix = self._confusion[wire] @ (TO_CHANCES if error is None else TO_CHANCES @ error)
        return np.asarray(matrix @ self.turn(letter, wire))

    def ending(self, wire: int, turns: Real) -> Real:
        """Return the transfer matrix of a wire's separate channels, shape (R or 1, 4, 4), given 1, cos and sin of all angles."""
        return self.endings[wire].matrices(turns) if self.endings[wire].pieces else np.eye(4)[None]

    def turn(self, letter: str, wire: int) -> Real:
        """Return the basis change on a wire, with the errors of its gates."""
        turns = self._turns[wire]
        if letter not in turns:
            matrix = np.eye(4)
            for item in self._basis_change(letter).data:
                matrix = self._noise.noisy_matrix(item.operation, (wire,))[0] @ matrix
            turns[letter] = matrix
        return turns[letter]
