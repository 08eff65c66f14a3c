"""The noise-free device: exact expectations, or samples of the exact distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.checks import seed_of
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.kinds import DEVICES
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.seeds import stream

MOST_READ = 12
"""The largest number of qubits whose joint outcomes are drawn without those of the others."""


@dataclass(frozen=True, repr=False)
class StatevectorDevice:
    """A device that uses the noise-free state: its exact expectations without shots, or samples of it with shots."""

    seed: int = 0
    name: str = "statevector"
    exact: ClassVar[bool] = True
    needs_circuits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", seed_of(self.seed))

    def __repr__(self) -> str:
        return f"statevector({f'seed={self.seed}' if self.seed else ''})"

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit unchanged."""
        wires = tuple(range(circuit.num_qubits))
        return Compiled(circuit, wires, wires, wires)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Draw outcomes from |⟨outcome|ψ⟩|² in each basis."""
        return [self._sampled(item, shots, seed, number) for number, item in enumerate(work)]

    def _sampled(self, item: Work, shots: int, seed: int, number: int) -> list[Samples]:
        def random(row: int) -> np.random.Generator:
            return stream(seed, "statevector", number, row)

        if item.draw is not None:
            return [draw_row(item.axes, shots, random(row)) for row, draw_row in enumerate(item.draw)]
        read = tuple(sorted({qubit for support in item.supports or () for qubit in support}))
        if item.probabilities is not None and 0 < len(read) <= MOST_READ:
            tables = [joint(item.axes, read) for joint in item.probabilities]
            drawn = [draw(p, len(read), shots, random(row)) for row, p in enumerate(tables)]
            return [_on_all(samples, read, len(item.axes)) for samples in drawn]
        return [draw(p, len(item.axes), shots, random(row)) for row, p in enumerate(_probabilities(item))]

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return |⟨outcome|ψ⟩|² in each basis."""
        return [[from_probabilities(p, len(item.axes)) for p in _probabilities(item)] for item in work]

    def describe(self) -> dict[str, object]:
        """Return the device's name."""
        return {"name": self.name, "noise": None}


@DEVICES.register("statevector")
def statevector(*, seed: int = 0) -> StatevectorDevice:
    """Return the noise-free device: exact expectations, or samples of the exact distribution if shots are given."""
    return StatevectorDevice(seed)


def _probabilities(item: Work) -> NDArray[np.float64]:
    if item.states is None:
        raise TypeError("the statevector device samples states; this work has only a circuit")
    return np.abs(rotated(item.states(), item.axes)) ** 2


def _on_all(samples: Samples, read: tuple[int, ...], num_qubits: int) -> Samples:
    """Return outcomes of some qubits as outcomes of all, with zeros for those that nobody reads."""
    outcomes = np.zeros((len(samples.outcomes), num_qubits), bool)
    outcomes[:, list(read)] = samples.outcomes
    return Samples(outcomes, samples.weights, samples.shots)


_TO_Z = {
    "X": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "Y": np.array([[1, -1j], [1, 1j]]) / np.sqrt(2),
}


def rotated(states: NDArray[np.complex128], axes: str) -> NDArray[np.complex128]:
    """Return states of shape (B, 2**n) rotated so that a Z measurement reads the given axes (qubit 0 first)."""
    out = states
    for q, letter in enumerate(axes):
        if letter != "Z":
            shaped = out.reshape(out.shape[0], -1, 2, 2**q)
            out = np.einsum("ab,kibj->kiaj", _TO_Z[letter], shaped).reshape(out.shape)
    return out
