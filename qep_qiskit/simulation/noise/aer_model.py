"""Aer noise models as transfer matrices.

As in Aer's density-matrix method, every gate is followed by its error: the one that the model has for the gate's label (or
name) on these wires in this order, or else the one for all wires. Anything else raises :class:`Unsuited`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Delay, Instruction, Operation
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Kraus, Operator, SuperOp
from qiskit_aer.noise import NoiseModel, QuantumError, RelaxationNoisePass

from qep_qiskit.simulation.noise import transfer
from qep_qiskit.simulation.noise.transfer import Real

_NO_UNITARY = frozenset(("reset", "measure", "initialize"))
_LEFT_OUT = 1e-10
"""Terms of an error with at most this probability are dropped, as in Aer; the others are scaled to preserve the trace."""


class Unsuited(Exception):
    """The error for a circuit or noise that cannot be treated exactly; its message says which part."""


def label_of(operation: Operation) -> str:
    """Return the name under which Aer looks up a gate's errors: its label, or its name if it has none."""
    return str(getattr(operation, "label", None) or operation.name)


def error_of(model: NoiseModel, label: str, wires: tuple[int, ...]) -> QuantumError | None:
    """Return the error after a gate with this label on these wires in this order, or None if there is none."""
    # no public accessors exist
    error = model._local_quantum_errors.get(label, {}).get(wires, model._default_quantum_errors.get(label))
    assert error is None or isinstance(error, QuantumError)
    return error


def confusion_of(model: NoiseModel | None, wires: Sequence[int]) -> list[NDArray[np.float64]]:
    """Return, for each wire, the 2 × 2 matrix P(outcome | state), with one column per state."""
    if model is None:
        return [np.eye(2) for _ in wires]
    local = model._local_readout_errors  # no public accessor exists
    common = model._default_readout_error
    confusions = []
    for wire in wires:
        error = local.get((wire,), common)
        confusions.append(np.eye(2) if error is None else np.asarray(error.probabilities, dtype=float).T)
    return confusions


def confused(probabilities: NDArray[np.float64], matrices: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return a distribution over 2**n outcomes after each qubit's readout error; qubit 0 is the least significant bit."""
    out = probabilities
    for q, matrix in enumerate(matrices):
        out = np.einsum("ab,ibj->iaj", matrix, out.reshape(-1, 2, 2**q)).reshape(-1)
    return out


class NoiseMatrices:
    """The errors of a noise model as transfer matrices, each computed once."""

    def __init__(self, model: NoiseModel) -> None:
        # no public accessors exist; the copies keep the errors alive, so that their ids show whether the model has changed
        self._local = {name: dict(errors) for name, errors in model._local_quantum_errors.items()}
        self._common = dict(model._default_quantum_errors)
        self.model = model
        self._made: dict[int, Real] = {}
        self._gates: dict[tuple[object, ...], Real] = {}
        self._readout = [model._default_readout_error, *model._local_readout_errors.values()]
        self._relaxation = [each for each in model._custom_noise_passes if _acts_on_delays(each)]
        self.passes = [each for each in model._custom_noise_passes if not _acts_on_delays(each)]

    def after(self, name: str, wires: tuple[int, ...]) -> Real | None:
        """Return the transfer matrix of the error after a gate with this label, or None."""
        error = self._local.get(name, {}).get(wires, self._common.get(name))
        if error is None:
            return None
        if id(error) not in self._made:
            self._made[id(error)] = _matrix_of(error)
        matrix = self._made[id(error)]
        if error.num_qubits > len(wires):
            raise Unsuited(f"an error on {error.num_qubits} qubits after {name!r} on {len(wires)}")
        # an error on fewer qubits than the gate acts on the gate's first qubits
        return transfer.lifted(matrix, slow=False) if error.num_qubits < len(wires) else matrix

    def noisy(self, name: str, label: str | None, wires: tuple[int, ...], angles: tuple[float | None, ...]) -> Real:
        """Return the parts of a gate followed by its error; an angle of None is free."""
        key = (name, label, wires, angles)
        if key not in self._gates:
            if None in angles and name not in transfer.TURNING:
                raise Unsuited(f"free angles of the gate {name!r}")
            parts, error = transfer.gate_parts(name, angles), self.after(label or name, wires)
            self._gates[key] = parts if error is None else error @ parts
        return self._gates[key]

    def noisy_matrix(self, operation: Operation, wires: tuple[int, ...]) -> Real:
        """Return the matrix of any gate without free angles, followed by its error; a delay has the model's relaxation."""
        if operation.name == "delay":
            return self._delay(operation, wires)[None]
        if operation.name in _NO_UNITARY:
            raise Unsuited(f"the instruction {operation.name!r}")
        try:
            unitary = Operator(operation).data
        except (QiskitError, TypeError, ValueError):
            raise Unsuited(f"the instruction {operation.name!r}") from None
        parts, error = transfer.of_kraus(unitary[None])[None], self.after(label_of(operation), wires)
        return parts if error is None else error @ parts

    def _delay(self, operation: Operation, wires: tuple[int, ...]) -> Real:
        key = ("delay", label_of(operation), wires, (float(operation.duration), operation.unit))
        if key not in self._gates:
            error = self.after(label_of(operation), wires)
            matrix = np.eye(4) if error is None else error
            for each in self._relaxation:
                relaxation = each._thermal_relaxation_error(operation, list(wires))
                matrix = matrix if relaxation is None else _matrix_of(relaxation) @ matrix
            self._gates[key] = matrix
        return self._gates[key]


def _acts_on_delays(each: object) -> bool:
    """Return whether a noise pass is the relaxation of idle qubits, as in Aer's models of backends."""
    return isinstance(each, RelaxationNoisePass) and each._ops == (Delay,)


def state_of(model: NoiseModel) -> tuple[object, ...]:
    """Return a value that differs if the model has been changed."""
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
    return total / total[0, 0]


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
