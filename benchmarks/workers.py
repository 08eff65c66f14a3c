"""One local worker against two: a batch of 64 ten-qubit samples, and what a task costs that does nothing.

Run by ``python -m benchmarks.workers``.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

import qep_qiskit as qep
from qep_qiskit.training.distributed import SAMPLES_A_TASK
from qep_qiskit.workers import Pool, mapped, pool

SAMPLES, REPEATS, EMPTY = 64, 7, 200


def gradients_of(shared: tuple[qep.Network, Any], inputs: Any) -> list[Any]:
    network, weights = shared
    problems = [qep.Problem(network, weights, x=[x, 0.3], cost=qep.SquaredError([1.0])) for x in inputs]
    return [g.values for g in qep.gradients(problems, stencil=qep.symmetric(0.05))]


def nothing(shared: Any, item: int) -> int:
    return item


def measured(chosen: Pool) -> tuple[float, float]:
    """Return the median seconds of a batch, and of an empty task."""
    network = qep.ising(sites=10, edges="complete", inputs=[0, 1], outputs=[9])
    shared = (network, network.initial_weights(seed=1))
    parts = np.array_split(np.linspace(-1, 1, SAMPLES), SAMPLES // SAMPLES_A_TASK)
    mapped(chosen, gradients_of, shared, parts)
    seconds = []
    for _ in range(REPEATS):
        clock = time.perf_counter()
        mapped(chosen, gradients_of, shared, parts)
        seconds.append(time.perf_counter() - clock)
    clock = time.perf_counter()
    mapped(chosen, nothing, None, list(range(EMPTY)))
    return median(seconds), (time.perf_counter() - clock) / EMPTY


def main() -> None:
    found = {}
    for count in (1, 2):
        with pool(count) as chosen:
            found[count] = measured(chosen)
        print(f"{count} worker{'s' * (count > 1)}: {found[count][0]:.3f} s a batch, {1e3 * found[count][1]:.1f} ms an empty task")
    print(f"ratio {found[1][0] / found[2][0]:.2f}")


if __name__ == "__main__":
    main()
