"""Energies, gradients and expectations of shallow circuits on any number of qubits, from many small simulations.

In a circuit of few layers of local gates, the expectation of a local operator depends on few qubits, its light cone. Cones of
equal structure are the columns of one template.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList
from scipy import sparse

from qep_qiskit.errors import InputError
from qep_qiskit.memory import require
from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling
from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.steps import Hadamards, Step, merge, steps_of
from qep_qiskit.simulation.batched.template import Template
from qep_qiskit.simulation.cones.angle_map import AngleMap, weights_of
from qep_qiskit.simulation.cones.choice import planted, size_of
from qep_qiskit.simulation.cones.completion import inverse_columns
from qep_qiskit.simulation.cones.forest import ForestProgram
from qep_qiskit.simulation.cones.groups import grouped, strings_of
from qep_qiskit.simulation.cones.partition import Partition
from qep_qiskit.simulation.cones.sizes import ConeSizes
from qep_qiskit.simulation.cones.structures import Structure, structures_of
from qep_qiskit.simulation.cones.walk import Circuit, Form, Phased, Turned

Real = NDArray[np.float64]

LARGEST = 20
"""Cones of more qubits are refused."""


class LightCones:
    """A circuit with P parameters and L Pauli strings, each of which depends on few qubits, ready for R rows of parameters.

    All results are exact up to rounding. The cones are found at once; templates are compiled when they are first needed.

    Parameters
    ----------
    circuit
        A circuit of unitary gates on any number of qubits. Barriers and final measurements are dropped. Angles must be real,
        differentiable expressions of the parameters.
    paulis
        Hermitian strings on the circuit's qubits.
    largest
        The largest number of qubits of a cone.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of ``circuit.parameters``. Every row of parameters has this order.
    num_parameters, num_qubits, num_strings : int
        P, the number of qubits and L.
    sizes : ConeSizes
        How large the cones are, and how long an evaluation takes.

    Raises
    ------
    InputError
        If an instruction is not a unitary gate, a string does not fit, or a string depends on too many qubits.

    Examples
    --------
    >>> from qiskit.circuit.library import real_amplitudes
    >>> circuit = real_amplitudes(100, entanglement="pairwise", reps=1)
    >>> cones = LightCones(circuit, PauliList(["ZZ" + 98 * "I", 98 * "I" + "XX"]))
    >>> print(cones.sizes)
    2 light cones of 4 qubits in 2 structures, 32 amplitudes
    >>> cones.expectations(np.zeros((1, 200))).round(6) + 0.0
    array([[1., 0.]])
    """

    def __init__(self, circuit: QuantumCircuit, paulis: PauliList, *, largest: int = LARGEST) -> None:
        if paulis.num_qubits != circuit.num_qubits:
            raise InputError(f"paulis: strings of {paulis.num_qubits} letters do not fit {circuit.num_qubits} qubits")
        layering, self._slots = layered(circuit)
        self.parameters = tuple(parameter.name for parameter in circuit.parameters)
        self.num_qubits, self.num_strings = circuit.num_qubits, len(paulis)
        whole = Circuit(circuit.num_qubits, steps_of(layering.layers()))
        self._angles = whole.angles
        strings = strings_of(paulis)
        self._whole, self._strings = whole, strings
        self._constant = np.array([0.0 if string.letters else string.sign for string in strings])
        self._forests, rest = planted(whole, strings, largest)
        self._structures = structures_of(grouped(whole, rest, largest))
        trees = size_of(self._forests) if self._forests else None
        self.sizes = ConeSizes([structure.size for structure in self._structures], trees)
        require(self.sizes.memory, f"light cones of {self.sizes.largest} qubits", "take fewer layers or a sparser graph")

    @property
    def num_parameters(self) -> int:
        return len(self.parameters)

    def energies_and_gradients(self, thetas: ArrayLike, coefficients: ArrayLike) -> tuple[Real, Real]:
        """Return the energies ``sum_l c_l <P_l>`` of all rows, shape (R,), and their gradients, shape (R, P).

        Parameters
        ----------
        thetas : array_like, shape (R, P)
        coefficients : array_like, shape (R, L)
        """
        rows = self._slots.checked(thetas)
        weights = np.asarray(coefficients, dtype=np.float64)
        if weights.shape != (len(rows), self.num_strings):
            raise InputError(f"coefficients has shape {weights.shape}; give ({len(rows)}, {self.num_strings})")
        slots = self._slots.values_of_rows(rows)
        angles, slopes = self._map.angles(slots), np.empty((self._map.size, len(rows)))
        energies = weights @ self._constant
        for block in self._blocks:
            values, part = block.template.evaluate(block.of(angles), block.coefficients(weights))
            energies += values.reshape(len(values) // max(len(rows), 1), len(rows)).sum(axis=0)
            block.of(slopes)[:] = part
        gradients = self._map.gradients(slopes)
        for program in self._trees:
            values, part = program.evaluate(slots, weights)
            energies, gradients = energies + values, gradients + part
        return energies, self._slots.chain(gradients, rows)

    def expectations(self, thetas: ArrayLike) -> Real:
        """Return the expectations of all strings, shape (R, L), for parameters (R, P)."""
        rows = self._slots.checked(thetas)
        slots = self._slots.values_of_rows(rows)
        angles = self._map.angles(slots)
        result = np.tile(self._constant, (len(rows), 1))
        for block in self._blocks:
            block.write(block.template.expectations(block.of(angles)), result)
        for program in self._trees:
            program.expectations(slots, result)
        return result

    def depends(self, strings: Iterable[int]) -> NDArray[np.bool_]:
        """Return a mask of the initial qubits on which each of these strings depends, shape (strings, num_qubits)."""
        numbers = list(strings)
        result = np.zeros((len(numbers), self.num_qubits), dtype=bool)
        for row, number in zip(result, numbers, strict=True):
            row[list(self._whole.reach(self._strings[number].letters))] = True
        return result

    @cached_property
    def partition(self) -> Partition:
        """The parameters in groups that share no cone."""
        rows = [self._whole.phases(string.letters) for string in self._strings]
        entries = [(cone, angle) for cone, angles in enumerate(rows) for angle in angles]
        cones, angles = np.array(entries, dtype=np.intp).reshape(-1, 2).T
        shape = len(rows), len(self._angles) + 1
        inside = sparse.csr_array((np.ones(len(entries)), (cones, angles)), shape=shape)
        weights = abs(weights_of(self._angles, len(self._slots)))
        return Partition(inside @ weights @ self._slots.pattern)

    @cached_property
    def _trees(self) -> list[ForestProgram]:
        return [ForestProgram(forest, self._angles, len(self._slots)) for forest in self._forests]

    @cached_property
    def _blocks(self) -> list[_Block]:
        blocks, first = [], 0
        for structure in self._structures:
            blocks.append(_Block(structure, first))
            first = blocks[-1].last
        return blocks

    @cached_property
    def _map(self) -> AngleMap:
        index = [np.array([column.angles for column in structure.columns], dtype=np.intp).T for structure in self._structures]
        return AngleMap(
            self._angles, np.concatenate([each.reshape(-1) for each in index] or [np.empty(0, dtype=np.intp)]), len(self._slots)
        )


class _Block:
    """The cones of one structure: a template, and which strings its columns hold. Its columns are cones × rows."""

    def __init__(self, structure: Structure, first: int) -> None:
        keys = sorted({(x, z) for column in structure.columns for x, z, *_ in column.strings})
        number = {key: row for row, key in enumerate(keys)}
        self._shape = len(keys), len(structure.columns)
        entries = [
            (number[x, z], place, index, sign)
            for place, column in enumerate(structure.columns)
            for x, z, index, sign in column.strings
        ]
        self._rows, self._places, self._index, signs = (np.array(each) for each in zip(*entries, strict=True))
        self._signs = signs[:, None]
        self._repeated = len(np.unique(self._rows * self._shape[1] + self._places)) < len(entries)
        self.last = first + structure.form.num_angles * len(structure.columns)
        self._part = slice(first, self.last)
        self._num_angles = structure.form.num_angles
        self.template = Template(
            structure.form.qubits, _steps(structure.form), _paulis(structure.form.qubits, keys), num_angles=self._num_angles
        )

    def of(self, values: Real) -> Real:
        """Return the block's part of the angles of all cones, shape (angles, columns)."""
        return values[self._part].reshape(self._num_angles, self._shape[1] * values.shape[1])

    def coefficients(self, weights: Real) -> Real:
        """Return the coefficients of the template's strings, shape (strings, columns), given those of all strings (R, L)."""
        table = np.zeros((*self._shape, len(weights)))
        values = weights.T[self._index] * self._signs
        if self._repeated:
            np.add.at(table, (self._rows, self._places), values)
        else:
            table[self._rows, self._places] = values
        return table.reshape(self._shape[0], self._shape[1] * len(weights))

    def write(self, values: Real, out: Real) -> None:
        """Write expectations, shape (strings, columns), to those of all strings, shape (R, L)."""
        table = values.reshape(*self._shape, len(out))
        out[:, self._index] = (table[self._rows, self._places] * self._signs).T


def _steps(form: Form) -> list[Step]:
    steps: list[Step] = []
    count = 0
    for step in form.steps:
        if isinstance(step, Turned):
            steps.append(Hadamards(step.wires))
        elif isinstance(step, Phased):
            steps.append(Phases({mask: Angle(0.0, {count + k: 1.0}) for k, mask in enumerate(step.masks)}))
            count += len(step.masks)
        else:
            steps.append(Relabelling(step.rows, inverse_columns(step.rows), step.flips))
    return merge(steps)


def _paulis(qubits: int, keys: Sequence[tuple[int, int]]) -> PauliList:
    x, z = (
        np.array([[mask >> qubit & 1 for qubit in range(qubits)] for mask in masks], dtype=bool)
        for masks in zip(*keys, strict=True)
    )
    return PauliList.from_symplectic(z, x)
