"""A batch of variational gradients from exact expectations: all samples together, one call per sample, and JAX."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.jax_descent import jax_minimizer
from benchmarks.problems import BETA
from benchmarks.task import Call, Method, Task
from qep_qiskit.ansatz.hamiltonian import annealing_angles, hamiltonian_ansatz
from qep_qiskit.seeds import stream

Real = NDArray[np.float64]
SITES = 8
SLOPE = 1e-4
"""The gradient at which L-BFGS stops."""


@dataclass(frozen=True)
class Case:
    """Samples of one network, and the number of layers."""

    problems: list[qep.Problem]
    layers: int


def case(size: int, *, layers: int) -> Case:
    """Return `size` samples of a disordered chain, inputs uniform in [−1, 1]."""
    network = qep.ising(sites=SITES, edges="chain", inputs=[0, 1], outputs=[SITES - 1])
    rng = stream(11, "batch")
    weights = np.concatenate([rng.normal(size=SITES - 1), 0.5 * rng.normal(size=SITES), rng.uniform(0.5, 1.5, SITES)])
    problems = [qep.Problem(network, weights, x=list(rng.uniform(-1, 1, 2)), cost=qep.SquaredError([1.0])) for _ in range(size)]
    return Case(problems, layers)


def options(case: Case) -> dict[str, Any]:
    """Return the preparer and the stencil."""
    return {"preparer": qep.VQE(layers=case.layers, starts=1), "stencil": qep.symmetric(BETA)}


def batch(case: Case) -> Call:
    """One call."""
    return lambda: np.array([gradient.values for gradient in qep.gradients(case.problems, **options(case))])


def singles(case: Case) -> Call:
    """One call per sample."""
    return lambda: np.array([qep.gradient(problem, **options(case)).values for problem in case.problems])


def jax(case: Case, *, mapped: bool = False) -> Call:
    """All free phases, then all nudged phases from the free angles."""
    first = case.problems[0]
    frame, busy = first.frame, first.frame.busy
    paulis = frame.paulis[busy]
    circuit = hamiltonian_ansatz(paulis, layers=case.layers)
    minimize = jax_minimizer(circuit, paulis, slope=SLOPE, mapped=mapped)
    free = np.array([problem.hamiltonian_row[busy] for problem in case.problems])
    starts = np.array([annealing_angles(paulis, row, layers=case.layers) for row in free])

    def call() -> Real:
        angles, values = (np.asarray(each) for each in minimize(starts, free))
        nudges = np.array(
            [
                problem.cost.error_signal(problem.cost_rows[:, busy] @ row) @ problem.cost_rows[:, busy]
                for problem, row in zip(case.problems, values, strict=True)
            ]
        )
        both = np.concatenate([free + BETA * nudges, free - BETA * nudges])
        nudged = np.asarray(minimize(np.concatenate([angles, angles]), both)[1])
        difference = (nudged[: len(free)] - nudged[len(free) :]) / (2 * BETA)
        return np.array([problem.derivative_rows[:, busy] @ row for problem, row in zip(case.problems, difference, strict=True)])

    call()
    return call


def relative(answer: Real, reference: Real) -> Real:
    """Return the relative differences of the samples' gradients."""
    return np.asarray(np.linalg.norm(answer - reference, axis=1) / np.linalg.norm(reference, axis=1))


def error(case: Case, answer: Real, reference: Real) -> float:
    """Return the median relative difference from ours."""
    return float(np.median(relative(answer, reference)))


def details(case: Case, answer: Real) -> dict[str, Any]:
    """Return the median and the largest relative error, from descents to the last digits."""
    precise = {**options(case), "preparer": qep.VQE(layers=case.layers, starts=1, tolerance=1e-7)}
    exact = qep.gradients(case.problems, **precise)
    errors = relative(answer, np.array([gradient.values for gradient in exact]))
    return {"median error": f"{np.median(errors):.1e}", "largest": f"{errors.max():.1e}"}


def _task(layers: int) -> Task[Case]:
    return Task(
        name=f"batch-states-{layers}",
        title=f"gradients of a batch by VQE, {SITES} qubits, {layers} layer{'s' if layers > 1 else ''}, exact expectations",
        case=partial(case, layers=layers),
        methods=(
            Method("qep.gradients", "qep-qiskit", batch, ours=True),
            Method("qep.gradient in a loop", "qep-qiskit", singles, ours=True),
            Method("JAX, jit, L-BFGS-B", "jax", jax, modules=("jax",), note="set-up is the compilation"),
            Method(
                "JAX, jit and vmap, Optax's L-BFGS",
                "optax",
                partial(jax, mapped=True),
                modules=("jax", "optax"),
                note="set-up is the compilation",
            ),
        ),
        sizes=(64,),
        quick=(4,),
        tolerance=np.inf,
        error=error,
        details=details,
        threads=(1,),
        unit="samples",
    )


BATCH_STATES_1, BATCH_STATES_2 = _task(1), _task(2)
