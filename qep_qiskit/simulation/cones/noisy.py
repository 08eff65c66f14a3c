"""Local expectations of circuits of any size under an Aer noise model, exact from many small networks of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel

from qep_qiskit.simulation.cones.causal import TRACED, ZERO, Cone, Shape, cone_of, covering
from qep_qiskit.simulation.cones.contraction import contract
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices, Unsuited
from qep_qiskit.simulation.noise.circuit import NoisyCircuit
from qep_qiskit.simulation.noise.transfer import Block, Piece, Real
from qep_qiskit.simulation.threads import single_threaded

Bits = NDArray[np.bool_]
MOST_LEGS = 12
"""Most legs of a tensor: one with 12 takes 0.13 GB, as much as the density matrix of 12 qubits."""
MOST_WORK = 1e11
"""Most multiplications per row of angles: about a minute."""
_TOGETHER = 1 << 18
"""Total size, in numbers, of the largest tensors of the networks that are contracted together."""
_ROWS = 32
"""Number of rows whose blocks are in memory together."""


def rotation_to_z(letter: str) -> QuantumCircuit:
    """Return the circuit of h and sdg after which a Z measurement reads the axis X, Y or Z."""
    circuit = QuantumCircuit(1)
    if letter == "Y":
        circuit.sdg(0)
    if letter in "XY":
        circuit.h(0)
    return circuit


class NoisyCones:
    """Expectations of Pauli strings under noise, each from its causal cone.

    Blocks of channels are followed backwards from the string's wires: a block that touches the cone belongs to it, with all of
    its errors, and adds its wires. All others preserve the trace and drop out exactly. The blocks of a cone form a network of
    transfer matrices, which is contracted in an order that keeps its tensors small. That order need not follow time, so that a
    cone may have more wires than a density matrix could hold. Strings on the same wires share one network, cones of equal shape
    share one order, and all of their rows are contracted together.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit in the gates that run, without measurements.
    noise : NoiseModel or NoiseMatrices
    paulis : PauliList of length L
        Strings on the logical qubits.
    wires : sequence of int, optional
        The wire that holds each logical qubit at the end. Default: its own number.
    basis_change : callable, optional
        Takes a letter X, Y or Z and returns the one-qubit circuit after which a Z measurement reads that axis. Its gates have
        their errors. Default: :func:`rotation_to_z`.
    readout : bool
        Whether measurements have their errors.

    Attributes
    ----------
    sizes : tuple of int
        The number of wires of each string's cone, shape (L,).

    Raises
    ------
    Unsuited
        If a cone is too large, or if the circuit or its noise cannot be treated exactly.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        noise: NoiseModel | NoiseMatrices,
        paulis: PauliList,
        *,
        wires: Sequence[int] | None = None,
        basis_change: Callable[[str], QuantumCircuit] = rotation_to_z,
        readout: bool = True,
    ) -> None:
        matrices = noise if isinstance(noise, NoiseMatrices) else NoiseMatrices(noise)
        self._circuit = NoisyCircuit(circuit, matrices, basis_change)
        self._blocks = list(self._circuit.blocks)
        place = tuple(range(circuit.num_qubits)) if wires is None else tuple(wires)
        signs = np.real((-1j) ** np.asarray(paulis.phase))
        strings = [_letters(x, z, place) for x, z in zip(paulis.x, paulis.z, strict=True)]
        read = [frozenset(letters) or frozenset(place[:1]) for letters in strings]  # the identity is read from any wire
        self._add_idle({wire for wires in read for wire in wires})
        supports = covering(read)
        cones = {support: cone_of(support, self._blocks) for support in set(supports)}
        self.sizes = tuple(cones[support].num_wires for support in supports)
        for cone in cones.values():
            if cone.order.legs > MOST_LEGS:
                raise Unsuited(
                    f"noise in a light cone of {cone.num_wires} wires, whose largest tensor has 4**{cone.order.legs} numbers "
                    f"(at most 4**{MOST_LEGS})"
                )
        work = sum(cone.order.work for cone in cones.values())
        if work > MOST_WORK:
            raise Unsuited(
                f"noise in light cones of up to {max(self.sizes)} wires, which would take {work:.1e} multiplications per row of "
                f"angles (at most {MOST_WORK:.0e})"
            )
        shapes: dict[Shape, list[frozenset[int]]] = {}
        for support in sorted(cones, key=sorted):
            shapes.setdefault(cones[support].shape, []).append(support)
        self._groups = [[cones[support] for support in members] for members in shapes.values()]
        number = {support: i for i, support in enumerate(s for members in shapes.values() for s in members)}
        self._readings = [
            (number[support], sign, [self._reading(letters.get(wire), wire, readout) for wire in sorted(support)])
            for support, sign, letters in zip(supports, signs, strings, strict=True)
        ]

    def _add_idle(self, wires: Iterable[int]) -> None:
        """Add a block that does nothing to each of these wires on which nothing acts."""
        for wire in sorted(set(wires) - {wire for block in self._blocks for wire in block.wires}):
            self._blocks.append(Block((wire,)))
            self._blocks[-1].append(Piece(np.eye(4)[None]))

    def _reading(self, letter: str | None, wire: int, readout: bool) -> Real:
        """Return the row that takes a wire's expectations of I, X, Y, Z to the measured expectation of a letter, or of I."""
        if letter is None:
            return np.array([1.0, 0.0, 0.0, 0.0])
        chances = self._circuit.chances(letter, wire, readout=readout)
        return np.asarray(chances[0] - chances[1])

    def expectations(self, values: Real) -> Real:
        """Return the expectations (R, L) for rows of values (R, P) in the order of the circuit's parameters."""
        rows = np.atleast_2d(np.asarray(values, dtype=float))
        out = np.empty((len(rows), len(self._readings)))
        with single_threaded(0):
            for first in range(0, len(rows), _ROWS):
                states = self._states(self._circuit.angles(rows[first : first + _ROWS]))
                for number, (cone, sign, readings) in enumerate(self._readings):
                    value = states[cone]
                    for reading in readings:
                        value = np.tensordot(value, reading, axes=(1, 0))
                    out[first : first + _ROWS, number] = sign * value
        return out

    def _states(self, angles: Real) -> list[Real]:
        """Return the states of the wires of each support, shape (R, 4, …, 4), with the wires in ascending order."""
        turns = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=-1)
        used = sorted({number for group in self._groups for cone in group for number in cone.blocks})
        matrices = {number: self._blocks[number].matrices(turns) for number in used}
        states: list[Real] = []
        for group in self._groups:
            largest = 4 ** group[0].order.legs
            together = max(1, _TOGETHER // (largest * len(angles)))
            for first in range(0, len(group), together):
                states += _contracted(group[first : first + together], matrices, len(angles))
        return states


def _contracted(cones: Sequence[Cone], matrices: dict[int, Real], rows: int) -> list[Real]:
    """Contract cones of equal shape together and return one state (rows, 4, …, 4) per cone."""
    first = cones[0]
    tensors, legs = [], []
    for place, each in enumerate(first.legs):
        stack = np.array([np.broadcast_to(m, (rows, *m.shape[1:])) for m in (matrices[cone.blocks[place]] for cone in cones)])
        tensor = stack.reshape(len(cones) * rows, *(4,) * len(each))
        for axis in range(len(each), 0, -1):
            if each[axis - 1] == TRACED:
                tensor = tensor.take(0, axis=axis)
            elif each[axis - 1] == ZERO:
                tensor = tensor.take(0, axis=axis) + tensor.take(3, axis=axis)
        tensors.append(tensor)
        legs.append([leg for leg in each if leg >= 0])
    result = contract(tensors, legs, first.order, first.open)
    return list(result.reshape(len(cones), rows, *result.shape[1:]))


def _letters(x: Bits, z: Bits, wires: Sequence[int]) -> dict[int, str]:
    return {wires[q]: "Y" if x[q] and z[q] else "X" if x[q] else "Z" for q in np.flatnonzero(x | z).tolist()}
