"""One local worker against two, in turns: batches of 64 ten-qubit samples, an empty task, and the speed of the cores.

Run by ``.venv/bin/python -m benchmarks.workers``.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

import qep_qiskit as qep
from qep_qiskit.preparation.preparer import Preparer
from qep_qiskit.settings import Settings
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.sources import Equilibrium
from qep_qiskit.workers import Pool, mapped, pool
from qep_qiskit.workers.local import ONE_THREAD

SAMPLES, EMPTY, REPEATS = 64, 200, 21


@dataclass(frozen=True)
class Kind:
    """One way to compute a batch's gradients, and how often it is timed."""

    title: str
    preparer: Preparer
    repeats: int
    device: Any = None
    shots: int | None = None

    @property
    def settings(self) -> Settings:
        """The settings with which a training would measure its gradients."""
        return Settings(preparer=self.preparer, stencil=qep.symmetric(0.05), device=self.device, shots=self.shots, seed=0)

    def batch(self, chosen: Pool, problems: list[qep.Problem]) -> list[qep.Gradient]:
        """Return the gradients by the way that a training takes."""
        return Distributed(Equilibrium(), chosen)(problems, self.settings)


KINDS = (
    Kind("exact states", qep.Exact(), REPEATS),
    Kind("shots of ramps of 20 steps", qep.Adiabatic(time=3.0, steps=20), 11, qep.simulator(seed=1), 2000),
    Kind("VQE, one layer", qep.VQE("hamiltonian", layers=1), 3),
)


def problems() -> list[qep.Problem]:
    """Return a batch of a complete graph's samples."""
    network = qep.ising(sites=10, edges="complete", inputs=[0, 1], outputs=[9])
    weights = network.initial_weights(seed=1)
    return [qep.Problem(network, weights, x=[x, 0.3], cost=qep.SquaredError([1.0])) for x in np.linspace(-1, 1, SAMPLES)]


def whole_batch(kind: Kind) -> int:
    """Compute a whole batch here."""
    return len(Equilibrium()(problems(), kind.settings))


def nothing(shared: Any, item: int) -> int:
    """Return the item."""
    return item


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    clock = time.perf_counter()
    call()
    return time.perf_counter() - clock


def ratio(one: list[float], two: list[float]) -> str:
    """Return the median of what each pair gives, and its quartiles."""
    low, middle, high = np.quantile(np.array(one) / np.array(two), [0.25, 0.5, 0.75])
    return f"{middle:.2f} (quartiles {low:.2f} and {high:.2f})"


def workers() -> None:
    """Time one worker and two in turns."""
    batch = problems()
    with pool(1) as single, pool(2) as double:
        pools: dict[int, Pool] = {1: single, 2: double}
        for kind in KINDS:
            times: dict[int, list[float]] = {1: [], 2: []}
            for turn in range(kind.repeats + 1):
                for count, processes in pools.items():
                    elapsed = seconds(lambda processes=processes, kind=kind: kind.batch(processes, batch))  # type: ignore[misc]
                    if turn:
                        times[count].append(elapsed)
            took = " and ".join(f"{median(times[count]):.3g} s" for count in pools)
            print(f"{kind.title}: {took} a batch by one and two workers, {ratio(times[1], times[2])} times as fast", flush=True)
        for count, processes in pools.items():
            empty = seconds(lambda processes=processes: mapped(processes, nothing, None, list(range(EMPTY)))) / EMPTY  # type: ignore[misc]
            print(f"an empty task, {count} worker{'s' * (count > 1)}: {1e3 * empty:.1f} ms")


def cores() -> None:
    """Time one process with a whole batch, and two that know nothing of each other with a whole batch each."""
    times: dict[int, list[float]] = {1: [], 2: []}
    with patch.dict(os.environ, ONE_THREAD), ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for turn in range(REPEATS + 3):
            for count in times:

                def whole(count: int = count) -> list[int]:
                    return [f.result() for f in [processes.submit(whole_batch, KINDS[0]) for _ in range(count)]]

                took = seconds(whole)
                if turn >= 3:
                    times[count].append(took)
    scaling = ratio(times[1], [t / 2 for t in times[2]])
    print(f"exact states by two processes that know nothing of each other: {scaling} times as fast")


def main() -> None:
    """Print what workers, empty tasks and cores take."""
    warnings.simplefilter("ignore")
    workers()
    cores()


if __name__ == "__main__":
    main()
