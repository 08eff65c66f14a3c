"""The cost of the whole gradient as the number of weights grows: ground states, and shots."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.problems import BETA, problem
from benchmarks.task import Call, Method, Task
from benchmarks.tasks.gradient import error as relative
from benchmarks.tasks.gradient import finite_differences
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.simulation.eigen.lanczos import ground_state

Vector = NDArray[np.float64]
SIZES = (4, 6, 8, 10, 12)


def equilibrium(case: qep.Problem) -> Call:
    """EP: three ground states for any number of weights, at a β whose bias is a few per cent at most."""
    return lambda: qep.gradient(case, stencil=qep.symmetric(BETA / 4)).values


def shifted_loss(case: qep.Problem, shift: Vector) -> float:
    """Return the loss of the exact ground state at shifted weights, by our own solver."""
    moved = qep.Problem(case.network, case.weights + shift, case.x, cost=case.cost)
    family = Family(moved.frame, moved.hamiltonian_row, np.zeros_like(moved.hamiltonian_row), (0.0,))
    state = ground_state(bound(structure_of(family), family, 0), gap=False).vector
    return float(case.cost.value(moved.cost_rows @ structure_for(moved.frame.paulis).expectations(state)))


def shifted_weights(case: qep.Problem) -> Call:
    """Central differences of the loss on our own solver: 2P ground states."""

    def call() -> Vector:
        step = 1e-3
        shifts = step * np.eye(len(case.weights))
        return np.array([(shifted_loss(case, s) - shifted_loss(case, -s)) / (2 * step) for s in shifts])

    return call


def details(case: qep.Problem, answer: Any) -> dict[str, Any]:
    """Return the number of weights."""
    return {"weights": len(case.weights)}


PER_WEIGHT: Task[qep.Problem] = Task(
    name="per-weight",
    title="the whole gradient from three ground states, or from two per weight",
    case=problem,
    methods=(
        Method("qep.gradient", "qep-qiskit", equilibrium, ours=True),
        Method("differences of every weight, our solver", "qep-qiskit", shifted_weights),
        Method("differences of every weight, to_matrix + eigsh", "scipy", finite_differences),
    ),
    sizes=SIZES,
    quick=(6,),
    tolerance=0.05,
    error=relative,
    details=details,
    threads=(1,),
)
