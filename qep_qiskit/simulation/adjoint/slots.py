"""The slots of a compiled circuit as functions of its parameters: the parameters themselves, then non-linear expressions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import Parameter, ParameterExpression, QuantumCircuit
from scipy import sparse

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import SlotTable, feed
from qep_qiskit.simulation.adjoint.layers import Layering

Real = NDArray[np.float64]


def layered(circuit: QuantumCircuit) -> tuple[Layering, Slots]:
    """Return the layers of a circuit, whose angles are affine in the slots, and the slots.

    Parameters
    ----------
    circuit
        A circuit of unitary gates. Barriers and final measurements are dropped.

    Raises
    ------
    InputError
        If an instruction is not a unitary gate or has no definition in terms of standard gates.
    """
    bare = circuit.remove_final_measurements(inplace=False) if circuit.clbits else circuit  # it copies every gate
    assert bare is not None
    parameters = list(circuit.parameters)
    table = SlotTable(parameters)
    layering = Layering(bare.num_qubits)
    feed(bare, table, layering)
    return layering, Slots(parameters, table.expressions)


class Slots:
    """The P parameters of a circuit, followed by the E non-linear expressions found in its gates.

    Attributes
    ----------
    num_parameters : int
        P.
    affine : bool
        Whether there are no expressions, so that the slots are the parameters.
    """

    def __init__(self, parameters: Sequence[Parameter], expressions: Sequence[ParameterExpression]) -> None:
        self.num_parameters = len(parameters)
        self._expressions = [_Expression(expression, list(parameters)) for expression in expressions]
        self.affine = not expressions

    def __len__(self) -> int:
        return self.num_parameters + len(self._expressions)

    def values(self, theta: Real) -> Real:
        """Return the slots, shape (P + E,), for parameters (P,)."""
        if self.affine:
            return theta
        return np.append(theta, [expression.value(theta) for expression in self._expressions])

    def jacobian(self, theta: Real) -> Real:
        """Return the derivatives of the slots with respect to the parameters, shape (P + E, P)."""
        jacobian = np.eye(len(self), self.num_parameters)
        for row, expression in enumerate(self._expressions, self.num_parameters):
            expression.write_gradient(theta, jacobian[row])
        return jacobian

    @property
    def pattern(self) -> sparse.csr_array:
        """Ones where a slot depends on a parameter, shape (P + E, P)."""
        entries = [(slot, slot) for slot in range(self.num_parameters)]
        entries += [(slot, i) for slot, each in enumerate(self._expressions, self.num_parameters) for i in each.index]
        slots, parameters = np.array(entries, dtype=np.intp).reshape(-1, 2).T
        return sparse.csr_array((np.ones(len(slots)), (slots, parameters)), shape=(len(self), self.num_parameters))

    def checked(self, thetas: ArrayLike) -> Real:
        """Return rows of parameters as an array, shape (R, P). Raises InputError if the shape is another."""
        rows = np.asarray(thetas, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.num_parameters:
            raise InputError(f"thetas has shape {rows.shape}; give rows of {self.num_parameters} parameters")
        return rows

    def values_of_rows(self, rows: Real) -> Real:
        """Return the slots of all rows, shape (R, P + E), for parameters (R, P)."""
        if self.affine:
            return rows
        return np.array([self.values(row) for row in rows]).reshape(len(rows), len(self))

    def chain(self, gradients: Real, rows: Real) -> Real:
        """Return the derivatives with respect to the parameters (..., R, P), given those with respect to the slots."""
        if self.affine:
            return gradients
        chained = [gradients[..., row, :] @ self.jacobian(theta) for row, theta in enumerate(rows)]
        return np.stack(chained, axis=-2) if chained else gradients[..., : self.num_parameters]

    def add_curvature(self, theta: Real, slopes: Real, hessian: Real) -> None:
        """Add ``sum_e slope_e d²(expression_e)/dtheta²`` to a Hessian (P, P), given the slopes of all slots (P + E,)."""
        for expression, slope in zip(self._expressions, slopes[self.num_parameters :], strict=True):
            expression.add_curvature(theta, slope, hessian)


class _Expression:
    """A non-linear function of the parameters, with its first and second derivatives."""

    def __init__(self, expression: ParameterExpression, parameters: list[Parameter]) -> None:
        self._function = Function(expression, parameters)
        self.index = self._function.index
        self._gradient = [Function(expression.gradient(parameters[i]), parameters) for i in self.index]
        self._curvature: list[list[Function]] | None = None
        self._parameters = parameters

    def value(self, theta: Real) -> float:
        return self._function(theta)

    def write_gradient(self, theta: Real, row: Real) -> None:
        for i, slope in zip(self.index, self._gradient, strict=True):
            row[i] = slope(theta)

    def add_curvature(self, theta: Real, scale: float, hessian: Real) -> None:
        if self._curvature is None:
            self._curvature = [[slope.derivative(self._parameters, j) for j in self.index] for slope in self._gradient]
        for i, row in zip(self.index, self._curvature, strict=True):
            for j, entry in zip(self.index, row, strict=True):
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
