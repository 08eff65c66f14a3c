"""Expectations of Pauli strings under noise, from the light cones by which the package computes distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel

from qep_qiskit.simulation.cones.causal import covering
from qep_qiskit.simulation.cones.noisy import NoisyMarginals, rotation_to_z
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices
from qep_qiskit.simulation.noise.circuit import TO_CHANCES
from qep_qiskit.simulation.noise.transfer import Real

Bits: TypeAlias = NDArray[np.bool_]
_IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
"""The row vector that picks the expectation of I from a wire's expectations of I, X, Y, Z."""


class NoisyCones(NoisyMarginals):
    """Expectations of Pauli strings under noise; see `NoisyMarginals`.

    Strings on the same wires share one network.

    Parameters
    ----------
    circuit, noise, wires, basis_change, balls
        As for `NoisyMarginals`.
    paulis : PauliList of length L
        Strings on the logical qubits.
    readout : bool
        Whether readout errors are included.

    Attributes
    ----------
    sizes : tuple of int
        The number of wires in the whole cone of each of the L strings.
    radii : tuple of int or None
        The radius of the ball to which the cone of each string is cut; None if it is whole.

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
        balls: bool = False,
    ) -> None:
        super().__init__(circuit, noise, wires=wires, basis_change=basis_change, balls=balls)
        self._readout = readout
        self._signs = np.real((-1j) ** np.asarray(paulis.phase))
        self._letters = [_letters(x, z, self.wires) for x, z in zip(paulis.x, paulis.z, strict=True)]
        # the identity is read from any wire
        self._sources = covering([frozenset(letters) or frozenset(self.wires[:1]) for letters in self._letters])
        self.sizes = tuple(self.cone(support).num_wires for support in self._sources)
        self._cut_to = self.cut(self._sources)
        self.radii = tuple(self._cut_to[source].radius if source in self._cut_to else None for source in self._sources)

    def expectations(self, values: Real, *, coarse: bool = False) -> Real:
        """Return the expectations (R, L) for rows of values (R, P) in the order of the circuit's parameters.

        With `coarse`, balls have a radius smaller by one. The difference estimates the error of the cut; it is not a bound.
        """
        turns = self.turns(values)
        states, place = self.states(self.chosen(self._sources, self._cut_to, coarse=coarse), turns)
        wanted = {(letter, wire) for letters in self._letters for wire, letter in letters.items()}
        rows = {key: matrix[:, 0] - matrix[:, 1] for key, matrix in self.readings(sorted(wanted), turns).items()}
        out = np.empty((len(turns), len(self._letters)))
        for number, (source, sign, letters) in enumerate(zip(self._sources, self._signs, self._letters, strict=True)):
            value: Real = states[source][place]
            for wire in sorted(source):
                row = rows[letters[wire], wire] if wire in letters else _IDENTITY[None]
                value = np.asarray((row[:, None] @ value.reshape(len(place), 4, -1))[:, 0])
            out[:, number] = sign * value.reshape(-1)
        return out

    def readings(self, letters: Iterable[tuple[str, int]], turns: Real) -> dict[tuple[str, int], Real]:
        """Return, per letter and wire, the matrix from the wire's state to the probabilities of 0 and 1, shape (R or 1, 2, 4)."""
        if self._readout:
            return super().readings(letters, turns)
        return {
            (letter, wire): TO_CHANCES @ self._circuit.turn(letter, wire) @ self._circuit.ending(wire, turns)
            for letter, wire in letters
        }


def _letters(x: Bits, z: Bits, wires: Sequence[int]) -> dict[int, str]:
    return {wires[q]: "Y" if x[q] and z[q] else "X" if x[q] else "Z" for q in np.flatnonzero(x | z).tolist()}
