"""A parameterised circuit and a list of Pauli strings, evaluated for many rows of parameters at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.readings import Reading
from qep_qiskit.simulation.batched.steps import steps_of
from qep_qiskit.simulation.batched.strings import strings_of
from qep_qiskit.simulation.batched.sweeps import Sweeps
from qep_qiskit.simulation.batched.template import Template
from qep_qiskit.simulation.threads import single_threaded

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
_STATES = 64
"""The number of states that are computed at once."""


class BatchedProgram:
    """A circuit with P parameters and L Pauli strings, ready to be evaluated for R rows of parameters at once.

    All results are exact up to rounding. They do not depend on how rows are put together, to about 1e-13 of the sum of the
    coefficients, and are the same bit for bit for the same rows in the same order.

    Parameters
    ----------
    circuit
        A circuit of unitary gates. Up to 12 qubits, this is faster than `adjoint.program.CircuitProgram` row by row; beyond, it
        is about as fast. Barriers and final measurements are dropped. Angles must be real, differentiable expressions of the
        parameters.
    paulis
        Hermitian strings on the circuit's qubits.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of ``circuit.parameters``. Every row of parameters has this order.
    num_parameters, num_qubits, num_strings : int
        P, the number of qubits and L.
    has_hessians : bool
        Whether `hessians` takes less time than differences of gradients: not if most parameters occur in several gates, and not
        for circuits with qubits that need no simulation, which have none.

    Raises
    ------
    InputError
        If an instruction is not a unitary gate or has no definition in terms of standard gates, or a string does not fit.

    Examples
    --------
    >>> from qiskit.circuit import Parameter
    >>> circuit = QuantumCircuit(1)
    >>> _ = circuit.rx(Parameter("a"), 0)
    >>> program = BatchedProgram(circuit, PauliList(["Z"]))
    >>> energies, gradients = program.energies_and_gradients([[0.0], [np.pi / 2]], [[1.0], [2.0]])
    >>> energies.round(6) + 0.0, gradients.round(6) + 0.0
    (array([1., 0.]), array([[ 0.], [-2.]]))
    """

    def __init__(self, circuit: QuantumCircuit, paulis: PauliList) -> None:
        layering, self._slots = layered(circuit)
        steps = self._steps = steps_of(layering.layers())
        self._template = Template(circuit.num_qubits, steps, paulis, num_angles=len(self._slots))
        self.parameters = tuple(parameter.name for parameter in circuit.parameters)
        self.num_qubits, self.num_strings = circuit.num_qubits, len(paulis)
        tangents = self._template.num_tangents
        self.has_hessians = tangents is not None and tangents <= 2 * self.num_parameters

    @property
    def num_parameters(self) -> int:
        return len(self.parameters)

    def energies_and_gradients(self, thetas: ArrayLike, coefficients: ArrayLike) -> tuple[Real, Real]:
        """Return the energies ``sum_l c_l <P_l>`` of all rows and their gradients.

        Parameters
        ----------
        thetas : array_like, shape (R, P)
        coefficients : array_like, shape (R, L) or (K, R, L)
            With a third dimension, K operators are evaluated at the same parameters: one sweep forward, K sweeps back.

        Returns
        -------
        energies : ndarray, shape (R,) or (K, R)
        gradients : ndarray, shape (R, P) or (K, R, P)
        """
        rows = self._slots.checked(thetas)
        weights = np.asarray(coefficients, dtype=np.float64)
        shape = (len(rows), self.num_strings)
        if weights.ndim not in (2, 3) or weights.shape[-2:] != shape:
            raise InputError(f"coefficients has shape {weights.shape}; give {shape} or (K, {shape[0]}, {shape[1]})")
        energies, slopes = self._template.evaluate(self._slots.values_of_rows(rows).T, weights.swapaxes(-1, -2))
        return energies, self._slots.chain(np.ascontiguousarray(slopes.swapaxes(-1, -2)), rows)

    def hessians(self, thetas: ArrayLike, coefficients: ArrayLike) -> Real:
        """Return the second derivatives of the energies of all rows, shape (R, P, P).

        They are exact up to rounding, and those of a row take half to all of the time of its P gradients in a batch.

        Parameters
        ----------
        thetas : array_like, shape (R, P)
        coefficients : array_like, shape (R, L)

        Raises
        ------
        InputError
            If a shape is another, or if some qubits need no simulation.
        """
        rows, weights = self._slots.checked(thetas), np.asarray(coefficients, dtype=np.float64)
        if weights.shape != (len(rows), self.num_strings):
            raise InputError(f"coefficients has shape {weights.shape}; give {(len(rows), self.num_strings)}")
        if self._template.num_tangents is None:
            raise InputError("this circuit has no exact Hessians; take differences of gradients")
        slopes, curvatures = self._template.second_derivatives(self._slots.values_of_rows(rows).T, weights.T)
        if self._slots.affine:
            return curvatures
        result = np.empty((len(rows), rows.shape[1], rows.shape[1]))
        for r, row in enumerate(rows):
            jacobian = self._slots.jacobian(row)
            result[r] = jacobian.T @ curvatures[r] @ jacobian
            self._slots.add_curvature(row, slopes[:, r], result[r])
        return result

    def expectations(self, thetas: ArrayLike) -> Real:
        """Return the expectations of all strings, shape (R, L), for parameters (R, P)."""
        return np.ascontiguousarray(self._template.expectations(self._slots.values_of_rows(self._slots.checked(thetas)).T).T)

    def states(self, thetas: ArrayLike) -> Complex:
        """Return the states of all rows up to a phase, shape (R, 2**n), for parameters (R, P)."""
        angles = self._slots.values_of_rows(self._slots.checked(thetas)).T
        result = np.empty((angles.shape[1], 1 << self.num_qubits), dtype=np.complex128)
        with single_threaded(self.num_qubits):
            for first in range(0, len(result), _STATES):
                part = slice(first, first + _STATES)
                room = self._whole.workspace(len(result[part]))
                (held,) = self._whole.forward(angles[:, part], room).held.values()
                np.multiply(held.array.T, np.sqrt(self._whole.norm), out=result[part])
        return result

    @cached_property
    def _whole(self) -> Sweeps:
        """Sweeps through all steps, with a reading of the identity at the end."""
        identity = strings_of(PauliList(["I" * self.num_qubits]))
        return Sweeps(self.num_qubits, self._steps, len(self._slots), {len(self._steps): Reading(self.num_qubits, identity, 0)})
