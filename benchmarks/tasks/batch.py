"""A batch of samples from shots on Aer: one job per round, compared with one call per sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.task import Call, Method, Task
from qep_qiskit.seeds import stream

Vector = NDArray[np.float64]
SITES = 8
SHOTS = 1000


@dataclass(frozen=True)
class Case:
    """Samples, a preparer, and what makes the device."""

    problems: list[qep.Problem]
    preparer: Any
    device: Callable[[], Any]

    @property
    def own_seeds(self) -> bool:
        """Whether single calls take different seeds; not for VQE, whose random starts would then differ, too."""
        return not isinstance(self.preparer, qep.VQE)


def case(size: int, *, noise: str | None, preparer: Any) -> Case:
    """Return `size` samples of a chain with random weights, inputs uniform in [−1, 1]."""
    network = qep.ising(sites=SITES, edges="chain", inputs=[0, 1], outputs=[SITES - 1])
    rng = stream(11, "batch")
    weights = network.initial_weights(11)
    problems = [qep.Problem(network, weights, x=list(rng.uniform(-1, 1, 2)), cost=qep.SquaredError([1.0])) for _ in range(size)]
    return Case(problems, preparer, partial(qep.simulator, noise=noise, seed=1))


def batch(case: Case) -> Call:
    """One call."""

    def call() -> Vector:
        gradients = qep.gradients(case.problems, preparer=case.preparer, device=case.device(), shots=SHOTS)
        return np.array([gradient.values for gradient in gradients])

    return call


def singles(case: Case, *, keep: bool) -> Call:
    """One call a sample, with a device of its own or with one that keeps compiled circuits and noise models."""

    def call() -> Vector:
        target = case.device()
        gradients = []
        for number, problem in enumerate(case.problems):
            device = target if keep else case.device()
            seed = number if case.own_seeds else None
            gradients.append(qep.gradient(problem, preparer=case.preparer, device=device, shots=SHOTS, seed=seed).values)
        return np.array(gradients)

    return call


def error(case: Case, answer: Vector, reference: Vector) -> float:
    """Return the largest difference of a weight's mean over the batch, in units of its shot noise, about 1/(β √shots).

    Calls with one seed share their random numbers: then the mean over them has no less noise than one of them.
    """
    independent = len(case.problems) if case.own_seeds else 1
    noise = 1 / (0.1 * np.sqrt(SHOTS * independent))
    return float(np.abs((answer - reference).mean(axis=0)).max() / noise)


METHODS: tuple[Method[Case], ...] = (
    Method("qep.gradients", "qep-qiskit", batch, ours=True),
    Method(
        "qep.gradient in a loop, a device a call",
        "qep-qiskit",
        partial(singles, keep=False),
        note="qep.simulator(...) in each call",
    ),
    Method("qep.gradient in a loop, one device", "qep-qiskit", partial(singles, keep=True), note="keeps circuits and noise"),
)


def _task(name: str, title: str, noise: str | None, preparer: Any) -> Task[Case]:
    return Task(
        name=name,
        title=f"gradients of a batch, {SITES} qubits, {SHOTS} shots per circuit, {title}",
        case=partial(case, noise=noise, preparer=preparer),
        methods=METHODS,
        sizes=(64,),
        quick=(4,),
        tolerance=6.0,
        error=error,
        threads=(1,),
        unit="samples",
    )


RAMP = qep.Adiabatic(time=5.0, steps=20)
SHALLOW = qep.VQE(ansatz="hamiltonian", layers=1)
BATCH = _task("batch", "Aer, 20 Trotter steps", None, RAMP)
BATCH_NOISE = _task("batch-noise", "Aer with the noise of fake_guadalupe, 20 Trotter steps", "fake_guadalupe", RAMP)
BATCH_VQE = _task("batch-vqe", "Aer, VQE of one layer", None, SHALLOW)
BATCH_VQE_NOISE = _task("batch-vqe-noise", "Aer with the noise of fake_guadalupe, VQE of one layer", "fake_guadalupe", SHALLOW)
