"""Computation of a batch's gradients by many workers, several samples per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qep_qiskit.costs import Cost
from qep_qiskit.equilibrium import Gradient
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.preparer import Prepared, Start
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.seeds import integer
from qep_qiskit.settings import ADAPTIVE, Settings
from qep_qiskit.stencils import AnyStencil
from qep_qiskit.training.loop.sources import Source
from qep_qiskit.training.loop.starts import kept, of_use, restored
from qep_qiskit.workers import Pool

SAMPLES_A_TASK = 8


@dataclass(frozen=True)
class Part:
    """Some samples of a batch as plain data, to be sent to a worker."""

    weights: np.ndarray
    samples: tuple[tuple[np.ndarray, Cost], ...]
    starts: tuple[Start | None, ...] | None
    shots: int | Split | None
    seed: int
    stencil: AnyStencil
    splits: tuple[Split, ...] | None = None
    sparing: bool = False


@dataclass(frozen=True)
class Distributed:
    """A source that computes another source's gradients on the workers of a pool.

    Attributes
    ----------
    source : Source
    pool : Pool
    size : int
        The number of samples per task. The result depends on it, since each task has its own seed for shots, and samples are
        warm-started from others of their task. The result does not depend on the number of workers.
    """

    source: Source
    pool: Pool
    size: int = SAMPLES_A_TASK

    def identity(self) -> Mapping[str, object]:
        """Return everything that the numbers depend on; the workers are not part of it."""
        return {"source": self.source, "samples_a_task": self.size}

    def __call__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        splits: Sequence[Split] | None = None,
        sparing: bool = False,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return the gradients in the order of the problems."""
        preparer, shots, seed, stencil = settings.preparer, settings.shots, settings.seed, settings.stencil
        assert not isinstance(shots, OptimalShots)
        parts = []
        for number, first in enumerate(range(0, len(problems), self.size)):
            batch = problems[first : first + self.size]
            starts = None if warm_start is None else tuple(kept(p, preparer) for p in warm_start[first : first + self.size])
            samples = tuple((problem.x, problem.cost) for problem in batch)
            # without shots, only initial angles are drawn, with the batch's seed; the first task also draws its shots with it
            seed_of_task = seed if shots is None or number == 0 else integer(seed, "task", number)
            part_splits = None if splits is None else tuple(splits[first : first + self.size])
            parts.append(Part(batch[0].weights, samples, starts, shots, seed_of_task, stencil, part_splits, sparing))
        found: dict[int, list[Gradient]] = {}
        shared = (
            self.source,
            replace(settings, stencil=ADAPTIVE, shots=None, seed=0),
            problems[0].network,
        )  # the same for every step
        for number, gradients in self.pool.results(measured, shared, parts):
            found[number] = gradients
            progress(f"{len(found)} of {len(parts)} tasks", len(found) / len(parts))
        return [gradient for number in range(len(parts)) for gradient in found[number]]

    def describe(self, settings: Settings) -> Mapping[str, object]:
        """Return the source's description with the number of samples per task."""
        return {**self.source.describe(settings), "samples_a_task": self.size}


def measured(shared: tuple[Source, Settings, Network], part: Part) -> list[Gradient]:
    """Compute the gradients of one part of a batch, on a worker. Free phases are returned only as starts for later steps."""
    source, settings, network = shared
    preparer = settings.preparer
    problems = [Problem(network, part.weights, x, cost=cost) for x, cost in part.samples]
    warm_start = None if part.starts is None else [restored(start, preparer) for start in part.starts]
    settings = replace(settings, stencil=part.stencil, shots=part.shots, seed=part.seed)
    own: dict[str, Any] = {"splits": part.splits, "sparing": True} if part.sparing else {}
    gradients = source(problems, settings, warm_start=warm_start, **own)
    carried = of_use(preparer, network.num_qubits)
    return [replace(g, free=restored(kept(g.free, preparer), preparer) if carried else None) for g in gradients]
