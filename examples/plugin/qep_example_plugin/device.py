"""An ideal device whose outcomes are, with some probability, replaced by random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qep_qiskit.devices import Compiled, Measuring, Work
from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.seeds import stream


@dataclass(frozen=True)
class Depolarised(Measuring):
    """With probability `strength` an outcome is uniformly random: ⟨P⟩ shrinks by 1 − strength.

    Parameters
    ----------
    strength : float
        From 0 to 1.
    seed : int
    """

    strength: float = 0.01
    seed: int = 0
    name: str = "depolarised"

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise InputError(f"strength: {self.strength!r} is not allowed; give a number from 0 to 1")

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit as it is."""
        wires = tuple(range(circuit.num_qubits))
        return Compiled(circuit, wires, wires, wires)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Draw shots from the exact distributions."""
        return [
            [draw(p, len(item.axes), shots, stream(seed, "depolarised", number, row)) for row, p in enumerate(self._rows(item))]
            for number, item in enumerate(work)
        ]

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return the exact distributions."""
        return [[from_probabilities(p, len(item.axes)) for p in self._rows(item)] for item in work]

    def describe(self) -> dict[str, object]:
        """Return the name and the strength."""
        return {"name": self.name, "noise": f"depolarised by {self.strength:g}"}

    def _rows(self, item: Work) -> list[NDArray[np.float64]]:
        circuit = item.compiled.rotated(item.axes)
        ideal = [Statevector(circuit.assign_parameters(values)).probabilities() for values in item.values]
        return [(1.0 - self.strength) * p + self.strength / len(p) for p in ideal]
