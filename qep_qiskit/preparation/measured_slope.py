"""Gradients of an energy measured by an estimator, with their error bars, by parameter shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import transpile
from qiskit.circuit import Operation, Parameter, ParameterExpression, QuantumCircuit
from qiskit.primitives import BaseEstimatorV2
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import numbers, shown
from qep_qiskit.errors import PreparationError
from qep_qiskit.simulation.adjoint.gates import Angle, SlotTable
from qep_qiskit.simulation.adjoint.slots import Slots
from qep_qiskit.simulation.noise.transfer import FIXED, TURNING

Vector = NDArray[np.float64]
_SHIFT = math.pi / 2
_BASIS = sorted((TURNING - {"u", "u1", "u2", "u3", "cp", "cu1"}) | (FIXED - {"r"}))


@dataclass(frozen=True)
class MeasuredGradient:
    """A measured gradient.

    Attributes
    ----------
    values, stderr : ndarray of shape (P,)
        The derivatives and their error bars, which are zero for an exact estimator.
    """

    values: Vector
    stderr: Vector

    @property
    def length(self) -> float:
        """The measured length of the gradient."""
        return float(np.linalg.norm(self.values))

    @property
    def noise(self) -> float:
        """The root-mean-square length of the gradient's error."""
        return float(np.linalg.norm(self.stderr))

    @property
    def shrunk(self) -> Vector:
        """The gradient, shortened by the share of its square length that is noise (James and Stein 1961)."""
        size = self.length**2
        return self.values * max(0.0, 1.0 - self.noise**2 / size) if size else self.values

    def minus(self, other: MeasuredGradient) -> MeasuredGradient:
        """Return the difference from a gradient that was measured independently."""
        return MeasuredGradient(self.values - other.values, np.hypot(self.stderr, other.stderr))


class MeasuredSlope:
    """The gradient ∂⟨H⟩/∂θ of a circuit, one job per gradient with all shifted circuits in one pub.

    A gate with the angle φ contains φ only as cos φ/2 and sin φ/2, so that ∂E/∂φ = (E(φ + π/2) − E(φ − π/2))/2 (Mitarai et al.
    2018, arXiv:1803.00745). A parameter may occur in several gates and in expressions: every gate is shifted alone, and the
    chain rule gives the rest. If the estimator reports error bars of zero, every circuit is evaluated twice. Either the values
    agree and are exact, or the error bars are estimated from their differences.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit with P parameters.
    estimator : BaseEstimatorV2
    """

    def __init__(self, circuit: QuantumCircuit, estimator: BaseEstimatorV2) -> None:
        self._estimator = estimator
        self._parameters = list(circuit.parameters)
        table = SlotTable(self._parameters)
        self._circuit, angles = _of_single_angles(_in_shiftable_gates(circuit), table)
        self._slots = Slots(self._parameters, table.expressions)
        self._constants = np.array([angle.constant for angle in angles])
        self._weights = np.zeros((len(angles), len(self._slots)))
        for row, angle in zip(self._weights, angles, strict=True):
            for slot, weight in angle.weights.items():
                row[slot] = weight
        self._repeated = False
        self._exact = False

    def energies(self, thetas: Vector, operator: SparsePauliOp) -> Vector:
        """Return measured energies, shape (R,), of rows of parameters, from one job."""
        return self._run(np.array([self._angles(theta) for theta in thetas]), operator)[0]

    def gradient(self, theta: Vector, operator: SparsePauliOp) -> MeasuredGradient:
        """Return the gradient at the angles θ, shape (P,)."""
        angles = self._angles(theta)
        shifts = _SHIFT * np.eye(len(angles))
        values, errors = self._evaluated(np.concatenate([angles + shifts, angles - shifts]), operator)
        ahead, behind = values.reshape(2, -1)
        jacobian = self._weights @ self._slots.jacobian(np.asarray(theta, dtype=float))
        bars = np.hypot(*errors.reshape(2, -1)) / 2
        return MeasuredGradient((ahead - behind) / 2 @ jacobian, np.sqrt(bars**2 @ jacobian**2))

    def _angles(self, theta: Vector) -> Vector:
        return np.asarray(self._constants + self._weights @ self._slots.values(np.asarray(theta, dtype=float)))

    def _evaluated(self, rows: Vector, operator: SparsePauliOp) -> tuple[Vector, Vector]:
        """Return energies and their error bars, for rows of the angles of all gates."""
        if not self._repeated:
            values, errors = self._run(rows, operator)
            if self._exact or errors.any():
                return values, errors
        both = self._run(np.concatenate([rows, rows]), operator)[0].reshape(2, -1)
        values, differences = both.mean(axis=0), both[0] - both[1]
        self._exact = not differences.any()
        self._repeated = not self._exact
        # of the mean of two values, pooled over all circuits
        return values, np.full(len(rows), math.sqrt(float(np.mean(differences**2))) / 2)

    def _run(self, rows: Vector, operator: SparsePauliOp) -> tuple[Vector, Vector]:
        """Return energies and their error bars, shape (R,) each, as the estimator measures them for rows of the gates' angles."""
        results, shape = list(self._estimator.run([(self._circuit, operator, rows)]).result()), (len(rows),)
        given = f"{len(results)} results"
        if len(results) == 1:
            evs, stds = (getattr(results[0].data, name, None) for name in ("evs", "stds"))
            energies, errors = (np.array(np.nan) if part is None else part for part in (numbers(evs), numbers(stds)))
            fits = energies.shape == shape and errors.shape in (shape, ())
            if fits and np.isfinite(energies).all() and np.isfinite(errors).all() and (errors >= 0.0).all():
                return energies, np.broadcast_to(errors, shape)
            given = f"the energies {shown(evs)} with the error bars {shown(stds)}"
        raise PreparationError(
            f"VQE: {type(self._estimator).__name__} returned {given}; an estimator must return one result with a finite energy, "
            f"and an error bar of at least 0, for each row of angles, here {len(rows)}"
        )


def _in_shiftable_gates(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit, translated to other gates if a gate with a free angle is not a rotation by half angles."""
    if all(item.operation.name in TURNING for item in circuit.data if _free(item.operation)):
        return circuit
    translated: QuantumCircuit = transpile(circuit, basis_gates=_BASIS, optimization_level=0)
    return translated


def _of_single_angles(circuit: QuantumCircuit, table: SlotTable) -> tuple[QuantumCircuit, list[Angle]]:
    """Return the circuit with one parameter per free angle of its gates, and these angles as functions of the slots."""
    count = sum(len(_free(item.operation)) for item in circuit.data)
    names = iter([Parameter(f"angle_{number:0{len(str(count))}d}") for number in range(count)])
    single, angles = circuit.copy_empty_like(), []
    single.global_phase = 0
    for item in circuit.data:
        operation, free = item.operation, _free(item.operation)
        if free:
            angles += [table.angle(value) for value in free]
            operation = operation.to_mutable()
            operation.params = [next(names) if value in free else value for value in operation.params]
        single.append(operation, item.qubits, item.clbits)
    return single, angles


def _free(operation: Operation) -> list[ParameterExpression]:
    values = getattr(operation, "params", ())
    return [value for value in values if isinstance(value, ParameterExpression) and value.parameters]
