"""The whole exact gradient of one sample, as users of sparse matrices would compute it and as this project does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector
from scipy.sparse.linalg import eigsh

import qep_qiskit as qep
from benchmarks.problems import BETA, problem
from benchmarks.task import Call, Method, Task
from qep_qiskit.preparation import structures

Vector = NDArray[np.float64]


def ours(case: qep.Problem) -> Call:
    """EP with exact ground states; structures kept, as from the second sample of a training run on."""
    return lambda: qep.gradient(_fresh(case), stencil=qep.symmetric(BETA)).values


def ours_first_call(case: qep.Problem) -> Call:
    """The same with nothing kept from any call before."""

    def call() -> Vector:
        structures._structure.cache_clear()
        case.network.frames.clear()
        return qep.gradient(_fresh(case), stencil=qep.symmetric(BETA)).values

    return call


def linear_response(case: qep.Problem) -> Call:
    """The limit β → 0 by one linear solve."""
    return lambda: qep.exact_gradient(_fresh(case)).values


def _fresh(case: qep.Problem) -> qep.Problem:
    return qep.Problem(case.network, case.weights, case.x, cost=case.cost)


def to_matrix(case: qep.Problem) -> Call:
    """Follow the documentation of Qiskit and SciPy: a sparse matrix, eigsh, one expectation value per operator."""

    def ground(op: SparsePauliOp, start: Any) -> Statevector:
        return Statevector(eigsh(op.to_matrix(sparse=True), k=1, which="SA")[1][:, 0])

    return lambda: _equilibrium(case, ground, lambda psi, term: float(psi.expectation_value(term).real))


def to_matrix_tuned(case: qep.Problem) -> Call:
    """The best of that way: a real matrix built once, nudges on its diagonal, warm starts, our accuracy, plain Paulis."""
    paulis = {id(term.operator): (Pauli(term.operator.paulis[0]), term.operator.coeffs[0].real) for term in case.network.terms}

    def call() -> Vector:
        free = case.network.hamiltonian(case.weights, case.x)
        matrix = free.to_matrix(sparse=True).real

        def ground(op: SparsePauliOp, start: Any) -> Statevector:
            nudged = matrix
            if start is not None:
                nudge = (op - free).simplify().to_matrix(sparse=True).real
                nudged = matrix + scipy.sparse.csr_matrix(nudge)
            first = None if start is None else start.data.real
            return Statevector(eigsh(nudged, k=1, which="SA", v0=first, tol=1e-10)[1][:, 0])

        def expectation(psi: Statevector, term: SparsePauliOp) -> float:
            if id(term) not in paulis:
                return float(psi.expectation_value(term).real)
            pauli, factor = paulis[id(term)]
            return float(factor * psi.expectation_value(pauli).real)

        return _equilibrium(case, ground, expectation)

    return call


def _equilibrium(
    case: qep.Problem,
    ground: Callable[[SparsePauliOp, Any], Statevector],
    expectation: Callable[[Statevector, SparsePauliOp], float],
) -> Vector:
    """EP by hand: free phase, error signal, two nudged phases, every ∂H/∂w in both."""
    network = case.network
    free = network.hamiltonian(case.weights, case.x)
    outputs: Iterable[SparsePauliOp] = case.cost_observables
    psi = ground(free, None)
    signal = case.cost.error_signal(np.array([expectation(psi, o) for o in outputs]))
    nudge = SparsePauliOp.sum([e * o for e, o in zip(signal, outputs, strict=True)])
    phases = [ground((free + s * BETA * nudge).simplify(), psi) for s in (-1, 1)]
    minus, plus = (np.array([expectation(phase, term.operator) for term in network.terms]) for phase in phases)
    return network.factors(case.x) * (plus - minus) / (2 * BETA)


def finite_differences(case: qep.Problem) -> Call:
    """Two ground states a weight, by to_matrix and eigsh with warm starts."""

    def call() -> Vector:
        start: Vector | None = None

        def loss(weights: Vector) -> float:
            nonlocal start
            matrix = case.network.hamiltonian(weights, case.x).to_matrix(sparse=True).real
            start = eigsh(matrix, k=1, which="SA", v0=start, tol=1e-10)[1][:, 0]
            psi = Statevector(start)
            return case.cost.value(np.array([psi.expectation_value(o).real for o in case.cost_observables]))

        step = 1e-3
        shifts = step * np.eye(len(case.weights))
        return np.array([(loss(case.weights + s) - loss(case.weights - s)) / (2 * step) for s in shifts])

    return call


def error(case: qep.Problem, answer: Vector, reference: Vector) -> float:
    """The distance relative to the norm of the gradient."""
    return float(np.linalg.norm(answer - reference) / np.linalg.norm(reference))


GRADIENT: Task[qep.Problem] = Task(
    name="gradient",
    title="whole exact gradient of one sample: random 3-regular Ising network, all J, h, g; free and two nudged phases",
    case=problem,
    methods=(
        Method("qep.gradient", "qep-qiskit", ours, ours=True, note="structures kept from earlier samples"),
        Method("qep.gradient, first call", "qep-qiskit", ours_first_call, ours=True, note="nothing kept"),
        Method("to_matrix + eigsh + expectation_value", "qiskit", to_matrix, qiskit=True, largest=20),
        Method(
            "the same, tuned",
            "qiskit",
            to_matrix_tuned,
            largest=20,
            note="real matrix built once, warm starts, looser tolerance, Paulis",
        ),
    ),
    sizes=(12, 16, 18, 20, 22),
    quick=(12,),
    tolerance=1e-7,
    error=error,
    memory=(20, 22),
)

LIMIT: Task[qep.Problem] = Task(
    name="gradient-limit",
    title="the limit β → 0 of the same gradient: linear response against finite differences of the loss",
    case=problem,
    methods=(
        Method("qep.exact_gradient", "qep-qiskit", linear_response, ours=True),
        Method("finite differences, 2P ground states", "scipy", finite_differences, largest=12, note="to_matrix + eigsh"),
    ),
    sizes=(12, 16, 18, 20),
    quick=(12,),
    tolerance=1e-4,
    error=error,
    threads=(1,),
)
