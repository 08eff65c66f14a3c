"""A training step of the Kitaev sensor (18 qubits), compared with plain Qiskit and SciPy: ``python -m benchmarks.kitaev_step``.

A step of `examples/literature/kitaev_sensor.py` measures six gradients, each from a free and two nudged ground states. The
rival keeps the sparse matrices of all parts of H (`SparsePauliOp.to_matrix`), adds them once per step for the weights and once
per point, and finds each ground state by `scipy.sparse.linalg.eigsh`, the nudged ones from the free one. Its state at −β is taken
to cost as much as that at +β. Both take turns point by point, in processor time. Building the rival's parts is not counted.

    python -m benchmarks.kitaev_step [POINTS [VECTORS]]

VECTORS is `ncv`, the number of Lanczos vectors that `eigsh` keeps.
"""

from __future__ import annotations

import functools
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp
from scipy.sparse.linalg import eigsh

import qep_qiskit as qep

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "literature" / "kitaev_sensor.py"
BETA, TOLERANCE = 0.05, 1e-6
ORDER = (0, 3, 1, 4, 2, 5)
"""The points of a batch, gapped and middle phase in turn."""


def clocked(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and its processor seconds."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


class Rival:
    """Ground states of Σ w_k P_k + Σ x_k S_k + β C, from the cached sparse matrices of all parts."""

    def __init__(self, strings: list[str], system: list[dict[str, float]], readout: str) -> None:
        self.weighted = [SparsePauliOp(label).to_matrix(sparse=True).tocsr() for label in strings]
        self.system = [SparsePauliOp.from_list(list(bonds.items())).to_matrix(sparse=True).tocsr() for bonds in system]
        self.readout = SparsePauliOp(readout).to_matrix(sparse=True).tocsr()

    def added(self, weights: NDArray[np.float64]) -> Any:
        """Return the part of H that all points of a step share."""
        return sum(w * part for w, part in zip(weights, self.weighted, strict=True))

    def at(self, shared: Any, x: NDArray[np.float64]) -> Any:
        """Return H at a point."""
        return shared + sum(c * part for c, part in zip(x, self.system, strict=True))

    def nudge(self, state: NDArray[Any], target: NDArray[np.float64]) -> Any:
        """Return the operator C of the squared error of the outputs (1 ± Z)/2, up to a constant."""
        z = np.vdot(state, self.readout @ state).real
        return float((1 + z) / 2 - target[0] - (1 - z) / 2 + target[1]) * self.readout

    def expectations(self, state: NDArray[Any]) -> NDArray[np.float64]:
        """Return ⟨P_k⟩ of all weights."""
        return np.array([np.vdot(state, part @ state).real for part in self.weighted])


def ground(matrix: Any, vectors: int, start: NDArray[Any] | None = None) -> tuple[float, NDArray[Any]]:
    """Return the lowest level and its state."""
    values, states = eigsh(matrix, k=1, which="SA", tol=TOLERANCE, ncv=vectors, v0=start)
    return float(values[0]), states[:, 0]


def main(points: str = "6", vectors: str = "60") -> None:
    """Measure and print both."""
    sys.path.insert(0, str(EXAMPLE.parent))  # the example imports from its folder
    example = vars(importlib.import_module(EXAMPLE.stem))
    system, weights, count = example["honeycomb_bonds"](), np.array(example["START"]), int(points)
    network, _ = example["sensor_network"](system)
    strings = [next(iter(term)) for terms in example["sensor_terms"]() for term in terms.values()]
    rival = Rival(strings, system, example["string"]({example["SENSORS"][0]: "Z"}))
    preparer = qep.Exact(tolerance=TOLERANCE, gap=False)
    shared, adding = clocked(lambda: rival.added(weights))
    ours, theirs = 0.0, adding * count / 6
    batch = example["batch"](np.random.default_rng(1))
    for place in ORDER[:count]:
        x, target = batch[place], np.eye(2)[int(place > 2)]
        problem = qep.Problem(network, weights, x=x.tolist(), cost=qep.SquaredError(target))
        gradient, seconds = clocked(
            functools.partial(qep.gradient, problem, stencil=qep.symmetric(BETA), shots=10_000, preparer=preparer, seed=0)
        )
        matrix, building = clocked(functools.partial(rival.at, shared, x))
        (energy, state), free = clocked(functools.partial(ground, matrix, int(vectors)))
        nudged = matrix + BETA * rival.nudge(state, target)
        (_, moved), again = clocked(functools.partial(ground, nudged, int(vectors), state))
        _, reading = clocked(functools.partial(rival.expectations, moved))
        ours, theirs = ours + seconds, theirs + building + free + 2 * (again + reading)
        free_energy = next(phase.energy for phase in gradient.diagnostics.phases if phase.beta == 0.0)
        print(
            f"point {place}: ours {seconds:.2f} s; rival: matrix {building:.1f} s, free state {free:.1f} s, "
            f"nudged state {again:.1f} s, readings {reading:.1f} s; its level is higher by {energy - free_energy:.0e}",
            flush=True,
        )
    print(f"{count} of the 6 points: ours {ours:.1f} s, rival {theirs:.1f} s, {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main(*sys.argv[1:])
