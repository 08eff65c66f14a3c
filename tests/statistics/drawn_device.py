"""A device for tests that computes each exact noisy distribution of another once and draws from it ever after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qep_qiskit.devices import Compiled, SimulatedDevice, Work
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import stream


@dataclass(frozen=True)
class DrawnDevice:
    device: SimulatedDevice
    seed: int = 0
    name: str = "drawn"
    exact: bool = False
    needs_circuits: bool = True
    known: dict = field(default_factory=dict, compare=False, repr=False)

    def compile(self, circuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        return self.device.compile(circuit, qubits=qubits)

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        return [[self._row(item, values) for values in item.values] for item in work]

    def _row(self, item: Work, values: np.ndarray) -> Samples:
        # of three qubits every set of flips comes in every design, so that each distribution is met again with the next seed
        key = (str(item.compiled.circuit.count_ops()), item.axes, values.tobytes())
        if key not in self.known:
            self.known[key] = self.device.distribution([replace(item, values=values[None])])[0][0]
        return self.known[key]

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        return [
            [drawn(samples, shots, stream(seed, "drawn", w, r)) for r, samples in enumerate(rows)]
            for w, rows in enumerate(self.distribution(work))
        ]

    def describe(self) -> dict[str, object]:
        return self.device.describe()


def drawn(samples: Samples, shots: int, rng: np.random.Generator) -> Samples:
    counts = rng.multinomial(shots, samples.weights / samples.weights.sum())
    occurring = counts > 0
    return Samples(samples.outcomes[occurring], counts[occurring] / shots, shots)
