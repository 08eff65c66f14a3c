"""A device for tests: the exact distribution of the prepared state behind a readout error on every qubit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qep_qiskit.devices import Compiled, StatevectorDevice, Work
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.seeds import stream


@dataclass(frozen=True)
class ReadoutErrorDevice:
    """Qubit q reads 1 in state 0 with probability flips[q][0], and 0 in state 1 with probability flips[q][1].

    After that, every two neighbours q and q + 1 are flipped together with the probability `together`.
    """

    flips: tuple[tuple[float, float], ...]
    together: float = 0.0
    seed: int = 0
    name: str = "statevector with readout error"
    exact: bool = False
    needs_circuits: bool = False

    def compile(self, circuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        return StatevectorDevice().compile(circuit, qubits=qubits)

    def probabilities(self, item: Work) -> np.ndarray:
        p = np.abs(rotated(item.states(), item.axes)) ** 2
        for q, (up, down) in enumerate(self.flips[: len(item.axes)]):
            blocks = p.reshape(len(p), -1, 2, 2**q)
            zero, one = blocks[:, :, 0], blocks[:, :, 1]
            p = np.stack([(1 - up) * zero + down * one, up * zero + (1 - down) * one], axis=2).reshape(p.shape)
        both = [np.arange(p.shape[1]) ^ (3 << q) for q in range(len(item.axes) - 1)]
        for flipped in both:
            p = (1 - self.together) * p + self.together * p[:, flipped]
        return p

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        return [
            [
                draw(p, len(item.axes), shots, stream(seed, "test device", w, row))
                for row, p in enumerate(self.probabilities(item))
            ]
            for w, item in enumerate(work)
        ]

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        return [[from_probabilities(p, len(item.axes)) for p in self.probabilities(item)] for item in work]

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "noise": "readout error"}
