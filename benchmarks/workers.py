"""One local worker against two, in turns: a batch of 64 ten-qubit samples, what an empty task costs, and what the cores give.

Run by ``python -m benchmarks.workers``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

import qep_qiskit as qep
from qep_qiskit.training.distributed import SAMPLES_A_TASK
from qep_qiskit.workers import Pool, mapped, one_thread_each, pool

SAMPLES, REPEATS, EMPTY = 64, 21, 200


def gradients_of(shared: tuple[qep.Network, Any], inputs: Any) -> list[Any]:
    network, weights = shared
    problems = [qep.Problem(network, weights, x=[x, 0.3], cost=qep.SquaredError([1.0])) for x in inputs]
    return [g.values for g in qep.gradients(problems, stencil=qep.symmetric(0.05))]


def nothing(shared: Any, item: int) -> int:
    return item


def seconds(call: Callable[[], object]) -> float:
    clock = time.perf_counter()
    call()
    return time.perf_counter() - clock


def ratio(one: list[float], two: list[float]) -> str:
    """Return the median of what each pair gives, and its quartiles."""
    low, middle, high = np.quantile(np.array(one) / np.array(two), [0.25, 0.5, 0.75])
    return f"{middle:.2f} (quartiles {low:.2f} and {high:.2f})"


def workers(shared: Any, parts: list[Any]) -> None:
    """Time one worker and two in turns."""
    times: dict[int, list[float]] = {1: [], 2: []}
    with pool(1) as single, pool(2) as double:
        pools: dict[int, Pool] = {1: single, 2: double}
        for chosen in pools.values():
            for _ in range(3):
                mapped(chosen, gradients_of, shared, parts)
        for _ in range(REPEATS):
            for count, chosen in pools.items():
                times[count].append(seconds(lambda chosen=chosen: mapped(chosen, gradients_of, shared, parts)))  # type: ignore[misc]
        empty = {n: seconds(lambda c=c: mapped(c, nothing, None, list(range(EMPTY)))) / EMPTY for n, c in pools.items()}  # type: ignore[misc]
    for count, found in times.items():
        name = f"{count} worker{'s' * (count > 1)}"
        print(f"{name}: {median(found):.3f} s a batch, {1e3 * empty[count]:.1f} ms an empty task")
    print(f"two workers: {ratio(times[1], times[2])} times as fast")


def cores(shared: Any, inputs: Any) -> None:
    """Time one process with a whole batch, and two that know nothing of each other with a whole batch each."""
    times: dict[int, list[float]] = {1: [], 2: []}
    with one_thread_each(), ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for turn in range(REPEATS + 3):
            for count in times:

                def whole(count: int = count) -> list[Any]:
                    return [f.result() for f in [processes.submit(gradients_of, shared, inputs) for _ in range(count)]]

                times[count].append(seconds(whole) if turn >= 3 or whole() else 0.0)
    one, two = times[1][3:], [t / 2 for t in times[2][3:]]
    print(f"two processes that know nothing of each other: {ratio(one, two)} times as fast as one")


def main() -> None:
    network = qep.ising(sites=10, edges="complete", inputs=[0, 1], outputs=[9])
    shared, inputs = (network, network.initial_weights(seed=1)), np.linspace(-1, 1, SAMPLES)
    workers(shared, np.array_split(inputs, SAMPLES // SAMPLES_A_TASK))
    cores(shared, inputs)


if __name__ == "__main__":
    main()
