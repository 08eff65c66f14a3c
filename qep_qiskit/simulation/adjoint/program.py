"""A parameterised circuit compiled for its energy, gradient, Hessian and tangent states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.slots import Slots, layered
from qep_qiskit.simulation.adjoint.sweeps import LayeredCircuit, Operator
from qep_qiskit.simulation.threads import single_threaded

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_MOST_TOGETHER = 12
"""Up to this many qubits, the states for several rows of values are evolved together."""


class CircuitProgram:
    """A circuit with free parameters, ready to be evaluated many times.

    Create it with `from_circuit`. All results are exact up to rounding; nothing is sampled. Methods may be called from
    several threads at once.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of ``circuit.parameters``. Every ``theta`` has this order.
    num_parameters, num_qubits : int
        The numbers of parameters P and of qubits n.

    Examples
    --------
    >>> from qiskit.circuit import Parameter, QuantumCircuit
    >>> circuit = QuantumCircuit(1)
    >>> _ = circuit.ry(Parameter("a"), 0)
    >>> CircuitProgram.from_circuit(circuit).state([0.0]).real
    array([1., 0.])
    """

    def __init__(self, parameters: Sequence[str], circuit: LayeredCircuit, slots: Slots) -> None:
        self.parameters = tuple(parameters)
        self.num_qubits = circuit.num_qubits
        self._circuit = circuit
        self._slots = slots

    @property
    def num_parameters(self) -> int:
        return len(self.parameters)

    @classmethod
    def from_circuit(cls, circuit: QuantumCircuit) -> CircuitProgram:
        """Compile a circuit.

        Parameters
        ----------
        circuit
            A circuit of unitary gates. Barriers and final measurements are dropped. Angles must be real, differentiable
            expressions of the parameters; affine expressions are the fastest.

        Raises
        ------
        InputError
            If an instruction is not a unitary gate or has no definition in terms of standard gates.
        """
        layering, slots = layered(circuit)
        compiled = LayeredCircuit(circuit.num_qubits, layering.layers(), layering.global_phase, len(slots))
        return cls([parameter.name for parameter in circuit.parameters], compiled, slots)

    def state(self, theta: ArrayLike) -> Complex:
        """Return the state, shape (2**n,), with its global phase; qubit 0 is the least significant bit of the index."""
        with single_threaded(self.num_qubits):
            return self._circuit.state(self._slots.values(self._checked(theta)))

    def states(self, thetas: ArrayLike) -> Complex:
        """Return the states (R, 2**n) for rows of values (R, P); faster than one by one for up to 12 qubits."""
        rows = self._slots.checked(thetas)
        with single_threaded(self.num_qubits):
            slots = self._slots.values_of_rows(rows)
            if self.num_qubits > _MOST_TOGETHER:
                return np.array([self._circuit.state(row) for row in slots]).reshape(len(rows), 1 << self.num_qubits)
            return self._circuit.states(slots)

    def energy_and_gradient(self, theta: ArrayLike, op: Operator) -> tuple[float, Real]:
        """Return the expectation value of ``op``, any object with a method ``apply(v)``, and its gradient, shape (P,).

        The cost is one forward sweep and one backward sweep.
        """
        values = self._checked(theta)
        with single_threaded(self.num_qubits):
            energy, gradient = self._circuit.energy_and_gradient(self._slots.values(values), op)
        return energy, gradient if self._slots.affine else gradient @ self._slots.jacobian(values)

    def tangents(self, theta: ArrayLike) -> Complex:
        """Return the derivatives of the state with respect to each parameter, shape (P, 2**n)."""
        values = self._checked(theta)
        with single_threaded(self.num_qubits):
            tangents = self._circuit.tangents(self._slots.values(values))[1]
        return tangents if self._slots.affine else self._slots.jacobian(values).T @ tangents

    def hessian(self, theta: ArrayLike, op: Operator) -> Real:
        """Return the second derivatives of the expectation value, shape (P, P), symmetric.

        Tangent states are swept backward together with the states of the gradient (forward over reverse). The result is exact
        up to rounding. It takes about as long as P gradients, or 2 P if memory is the limit.
        """
        values = self._checked(theta)
        slots = self._slots.values(values)
        with single_threaded(self.num_qubits):
            hessian = self._circuit.hessian(slots, op)
            if self._slots.affine:
                return hessian
            slopes = self._circuit.energy_and_gradient(slots, op)[1]
        jacobian = self._slots.jacobian(values)
        hessian = jacobian.T @ hessian @ jacobian
        self._slots.add_curvature(values, slopes, hessian)
        return np.asarray((hessian + hessian.T) / 2)

    def _checked(self, theta: ArrayLike) -> Real:
        values = np.asarray(theta, dtype=np.float64)
        if values.shape != (self.num_parameters,):
            raise InputError(f"theta has shape {values.shape}; the circuit has {self.num_parameters} parameters")
        return values
