"""Small circuits under an Aer noise model: one exact state per row of values, whatever the number of bases and shots."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.simulation.noise.aer_model import NoiseMatrices, Unsuited
from qep_qiskit.simulation.noise.channels import ChannelProgram
from qep_qiskit.simulation.noise.circuit import NoisyCircuit
from qep_qiskit.simulation.noise.transfer import Real

MOST_WIRES = 12
"""Largest number of wires: a state of 12 takes 0.13 GB, its density matrix 0.27 GB, and 13 wires four times as much."""


class NoisyProgram:
    """A circuit under a noise model, and its measurement in any basis.

    Parameters
    ----------
    circuit : QuantumCircuit
    noise : NoiseMatrices
    basis_change : callable
        Takes a letter X, Y or Z and returns the one-qubit circuit after which a Z measurement reads that axis.

    Raises
    ------
    Unsuited
        If the circuit is too large, or if the circuit or its noise cannot be treated exactly.
    """

    def __init__(self, circuit: QuantumCircuit, noise: NoiseMatrices, basis_change: Callable[[str], QuantumCircuit]) -> None:
        if circuit.num_qubits > MOST_WIRES:
            raise Unsuited(f"noise on {circuit.num_qubits} wires (at most {MOST_WIRES})")
        self._noisy = NoisyCircuit(circuit, noise, basis_change)
        self._program = ChannelProgram(self._noisy.num_wires, self._noisy.blocks)

    def distributions(
        self, values: Real, axes: Sequence[str], wires: Sequence[int], wanted: Sequence[NDArray[np.bool_]]
    ) -> list[Real]:
        """Return the probabilities of all outcomes, with readout errors: one array (R', 2**n) per basis.

        Parameters
        ----------
        values : ndarray of shape (R, P)
            Rows of values in the order of the circuit's parameters.
        axes : sequence of str
            For each basis, one letter of XYZ per measured wire.
        wires : sequence of int
            The measured wires; the first is the least significant bit of an outcome.
        wanted : sequence of ndarray of bool, shape (R,)
            For each basis, which rows to compute.
        """
        readings = [self._reading(letters, wires) for letters in axes]
        return self._program.distributions(self._noisy.angles(values), readings, wires, wanted)

    def _reading(self, letters: str, wires: Sequence[int]) -> list[Real]:
        readings = [np.array([[1.0, 0, 0, 0]]) for _ in range(self._noisy.num_wires)]
        for letter, wire in zip(letters, wires, strict=True):
            readings[wire] = self._noisy.chances(letter, wire)
        return readings
