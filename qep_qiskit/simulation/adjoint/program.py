"""A parameterised circuit compiled for its energy, gradient, Hessian and tangent states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import Parameter, ParameterExpression, QuantumCircuit

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import SlotTable, feed
from qep_qiskit.simulation.adjoint.layers import Layering
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

    def __init__(
        self, parameters: Sequence[Parameter], circuit: LayeredCircuit, expressions: Sequence[ParameterExpression]
    ) -> None:
        self.parameters = tuple(parameter.name for parameter in parameters)
        self.num_qubits = circuit.num_qubits
        self._circuit = circuit
        self._expressions = [_Expression(expression, list(parameters)) for expression in expressions]

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
        bare = circuit.remove_final_measurements(inplace=False) if circuit.clbits else circuit  # it copies every gate
        assert bare is not None
        parameters = list(circuit.parameters)
        slots = SlotTable(parameters)
        layering = Layering(bare.num_qubits)
        feed(bare, slots, layering)
        num_slots = len(parameters) + len(slots.expressions)
        layered = LayeredCircuit(bare.num_qubits, layering.layers(), layering.global_phase, num_slots)
        return cls(parameters, layered, slots.expressions)

    def state(self, theta: ArrayLike) -> Complex:
        """Return the state, shape (2**n,), with its global phase; qubit 0 is the least significant bit of the index."""
        with single_threaded(self.num_qubits):
            return self._circuit.state(self._slots(self._checked(theta)))

    def states(self, thetas: ArrayLike) -> Complex:
        """Return the states (R, 2**n) for rows of values (R, P); faster than one by one for up to 12 qubits."""
        rows = np.asarray(thetas, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.num_parameters:
            raise InputError(f"thetas has shape {rows.shape}; give rows of {self.num_parameters} parameters")
        with single_threaded(self.num_qubits):
            if self.num_qubits > _MOST_TOGETHER:
                return np.array([self._circuit.state(self._slots(row)) for row in rows]).reshape(len(rows), 1 << self.num_qubits)
            return self._circuit.states(np.array([self._slots(row) for row in rows]) if self._expressions else rows)

    def energy(self, theta: ArrayLike, op: Operator) -> float:
        """Return the expectation value of ``op``, which may be any object with a method ``apply(v)``."""
        with single_threaded(self.num_qubits):
            return self._circuit.energy(self._slots(self._checked(theta)), op)

    def energy_and_gradient(self, theta: ArrayLike, op: Operator) -> tuple[float, Real]:
        """Return the expectation value and its gradient, shape (P,)."""
        values, gradients = self.energies_and_gradients(theta, [op])
        return float(values[0]), gradients[0]

    def energies_and_gradients(self, theta: ArrayLike, ops: Sequence[Operator]) -> tuple[Real, Real]:
        """Return the expectation values of K operators, shape (K,), and their gradients, shape (K, P).

        The cost is one forward sweep and K backward sweeps, or P tangent states if these are fewer.
        """
        values = self._checked(theta)
        slots = self._slots(values)
        with single_threaded(self.num_qubits):
            if len(ops) > max(2, self._circuit.num_slots):
                energies, gradients = self._through_tangents(slots, ops)
            else:
                energies, gradients = self._circuit.energies_and_gradients(slots, ops)
        return energies, gradients @ self._jacobian(values) if self._expressions else gradients

    def gradients(self, theta: ArrayLike, ops: Sequence[Operator]) -> Real:
        """Return the gradients of K expectation values, shape (K, P); see `energies_and_gradients`."""
        return self.energies_and_gradients(theta, ops)[1]

    def tangents(self, theta: ArrayLike) -> Complex:
        """Return the derivatives of the state with respect to each parameter, shape (P, 2**n)."""
        values = self._checked(theta)
        with single_threaded(self.num_qubits):
            tangents = self._circuit.tangents(self._slots(values))[1]
        return self._jacobian(values).T @ tangents if self._expressions else tangents

    def hessian(self, theta: ArrayLike, op: Operator) -> Real:
        """Return the second derivatives of the expectation value, shape (P, P), symmetric.

        Tangent states are swept backward together with the states of the gradient (forward over reverse). The result is exact
        up to rounding. It takes about as long as P gradients, or 2 P if memory is the limit.
        """
        values = self._checked(theta)
        slots = self._slots(values)
        with single_threaded(self.num_qubits):
            hessian = self._circuit.hessian(slots, op)
            if not self._expressions:
                return hessian
            slopes = self._circuit.energies_and_gradients(slots, [op])[1][0]
        jacobian = self._jacobian(values)
        hessian = jacobian.T @ hessian @ jacobian
        for expression, slope in zip(self._expressions, slopes[self.num_parameters :], strict=True):
            expression.add_curvature(values, slope, hessian)
        return np.asarray((hessian + hessian.T) / 2)

    def _through_tangents(self, slots: Real, ops: Sequence[Operator]) -> tuple[Real, Real]:
        state, tangents = self._circuit.tangents(slots)
        energies, gradients = np.empty(len(ops)), np.empty((len(ops), len(slots)))
        flat = tangents.view(np.float64)
        for k, op in enumerate(ops):
            product = np.asarray(op.apply(state), dtype=np.complex128)
            energies[k] = np.vdot(state, product).real
            gradients[k] = 2.0 * (flat @ product.view(np.float64))
        return energies, gradients

    def _checked(self, theta: ArrayLike) -> Real:
        values = np.asarray(theta, dtype=np.float64)
        if values.shape != (self.num_parameters,):
            raise InputError(f"theta has shape {values.shape}; the circuit has {self.num_parameters} parameters")
        return values

    def _slots(self, values: Real) -> Real:
        if not self._expressions:
            return values
        return np.append(values, [expression.value(values) for expression in self._expressions])

    def _jacobian(self, values: Real) -> Real:
        jacobian = np.eye(self.num_parameters + len(self._expressions), self.num_parameters)
        for row, expression in enumerate(self._expressions, self.num_parameters):
            expression.write_gradient(values, jacobian[row])
        return jacobian


class _Expression:
    """A non-linear function of the parameters, with its first and second derivatives."""

    def __init__(self, expression: ParameterExpression, parameters: list[Parameter]) -> None:
        self._function = Function(expression, parameters)
        self._index = self._function.index
        self._gradient = [Function(expression.gradient(parameters[i]), parameters) for i in self._index]
        self._curvature: list[list[Function]] | None = None
        self._parameters = parameters

    def value(self, theta: Real) -> float:
        return self._function(theta)

    def write_gradient(self, theta: Real, row: Real) -> None:
        for i, slope in zip(self._index, self._gradient, strict=True):
            row[i] = slope(theta)

    def add_curvature(self, theta: Real, scale: float, hessian: Real) -> None:
        if self._curvature is None:
            self._curvature = [[slope.derivative(self._parameters, j) for j in self._index] for slope in self._gradient]
        for i, row in zip(self._index, self._curvature, strict=True):
            for j, entry in zip(self._index, row, strict=True):
                hessian[i, j] += scale * entry(theta)


class Function:
    """An expression of some of the parameters, as a function of the values of all parameters."""

    def __init__(self, expression: ParameterExpression | complex, parameters: list[Parameter]) -> None:
        self._expression = expression
        present = expression.parameters if isinstance(expression, ParameterExpression) else set()
        self.index = [i for i, parameter in enumerate(parameters) if parameter in present]
        self._present = [parameters[i] for i in self.index]

    def __call__(self, theta: Real) -> float:
        if not isinstance(self._expression, ParameterExpression):
            return complex(self._expression).real
        values = (float(theta[i]) for i in self.index)
        return complex(self._expression.bind(dict(zip(self._present, values, strict=True)))).real

    def derivative(self, parameters: list[Parameter], j: int) -> Function:
        if j not in self.index or not isinstance(self._expression, ParameterExpression):
            return Function(0.0, parameters)
        return Function(self._expression.gradient(parameters[j]), parameters)
