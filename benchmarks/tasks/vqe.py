"""VQE of three phases, converged as far as EP needs, compared with the VQE of qiskit-algorithms and with JAX."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit_algorithms import VQE as QiskitVQE
from qiskit_algorithms.gradients import ReverseEstimatorGradient
from qiskit_algorithms.optimizers import L_BFGS_B

import qep_qiskit as qep
from benchmarks.jax_descent import jax_minimizer
from benchmarks.problems import BETA, problem
from benchmarks.task import Call, Method, Task
from qep_qiskit.ansatz.hamiltonian import annealing_angles
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimator, AdjointEstimatorGradient, ProgramCache
from qep_qiskit.simulation.adjoint.program import CircuitProgram

Vector = NDArray[np.float64]
WANTED = 1e-3
"""The wanted relative error of the gradient of equilibrium propagation."""
SLOPE = 1e-4
"""The largest component of the energy's gradient at which a rival stops: about as far as EP needs."""
CAP = 60.0
"""Seconds after which a rival is stopped; what it took is then a lower bound."""


@dataclass(frozen=True)
class Case:
    """The three Hamiltonians, and the ansatz and first angles that all methods start from."""

    sample: qep.Problem
    family: Family
    vqe: qep.VQE
    circuit: QuantumCircuit
    program: CircuitProgram
    start: Vector

    @property
    def phases(self) -> list[int]:
        """The free phase first."""
        return sorted(range(len(self.family.betas)), key=lambda p: abs(self.family.betas[p]))

    def gradient(self, answer: Answer) -> Vector:
        """Return the gradient of equilibrium propagation from the angles of all phases."""
        states = np.array([self.program.state(answer.angles[p]) for p in (2, 1)])
        ahead, behind = structure_for(self.family.frame.paulis).expectations(states)
        return np.asarray(self.sample.derivative_rows @ (ahead - behind) / (2 * BETA))

    @cached_property
    def precise(self) -> Vector:
        """The gradient from descents to the last digits."""
        vqe = qep.VQE(layers=self.vqe.layers, starts=1, tolerance=1e-8, max_iterations=100_000)
        angles = vqe.prepare(self.family).angles
        assert angles is not None
        return self.gradient(Answer(dict(enumerate(angles))))


@dataclass
class Answer:
    """Angles of every phase, how many energies it took, and whether the time was up."""

    angles: dict[int, Vector]
    evaluations: int = 0
    stopped: bool = False


def case(size: int, *, layers: int = 3) -> Case:
    """Return the shared problem, its nudge taken at the exact ground state."""
    sample = problem(size)
    signal = sample.cost.error_signal(qep.exact_gradient(sample).predictions)
    family = Family(sample.frame, sample.hamiltonian_row, signal @ sample.cost_rows, (0.0, -BETA, BETA))
    vqe = qep.VQE(layers=layers, starts=1, tolerance=WANTED)
    compiled = vqe.compiled(family)
    assert compiled.program is not None
    labels = [family.frame.labels[i] for i in family.support]
    start = annealing_angles(labels, family.free[family.support], layers=layers)
    return Case(sample, family, vqe, compiled.circuit, compiled.program, start)


def ours(case: Case) -> Call:
    """Quasi-Newton steps on exact gradients; nudged phases from the free angles, with the tilt."""

    def call() -> Answer:
        angles = case.vqe.prepare(case.family).angles
        assert angles is not None
        return Answer(dict(enumerate(angles)))

    return call


def jax(case: Case) -> Call:
    """One compiled function and SciPy's L-BFGS-B, nudged phases from the free angles."""
    support = case.family.support
    minimize = jax_minimizer(case.circuit, case.family.frame.paulis[support], slope=SLOPE)
    rows = [case.family.coefficients[p, support] for p in range(len(case.family.betas))]

    def call() -> Answer:
        answer = Answer({})
        for phase in case.phases:
            first = answer.angles.get(case.phases[0], case.start)
            answer.angles[phase] = minimize(first[None], rows[phase][None])[0][0]
        return answer

    call()
    return call


class TimeIsUp(Exception):
    """Raised from within a rival's optimiser."""


class WatchedLBFGSB(L_BFGS_B):
    """The optimiser as it is, with the best angles kept and a stop after some time: VQE's own callback gets no angles.

    The limits of iterations and evaluations are lifted.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__(maxfun=10**9, maxiter=10**6, options={"gtol": SLOPE, "ftol": 0.0})
        self.deadline, self.evaluations = deadline, 0
        self.lowest: tuple[float, Vector] = (np.inf, np.zeros(0))

    def minimize(self, fun: Any, x0: Any, jac: Any = None, bounds: Any = None) -> Any:
        self.lowest = np.inf, np.array(x0)

        def watched(theta: Vector) -> float:
            energy = float(fun(theta))
            self.evaluations += 1
            if energy < self.lowest[0]:
                self.lowest = energy, np.array(theta)
            if time.perf_counter() > self.deadline:
                raise TimeIsUp
            return energy

        return super().minimize(watched, x0, jac, bounds)


def qiskit_vqe(case: Case, *, plugin: bool = False, gradient: Any = None) -> Call:
    """The VQE of qiskit-algorithms with L_BFGS_B, nudged phases from the free angles; by default with its own differences."""

    def call() -> Answer:
        cache = ProgramCache()
        estimator = AdjointEstimator(cache=cache) if plugin else StatevectorEstimator()
        slope = AdjointEstimatorGradient(cache=cache) if plugin else gradient and gradient()
        optimizer = WatchedLBFGSB(time.perf_counter() + CAP)
        answer = Answer({})
        for phase in case.phases:
            first = answer.angles.get(case.phases[0], case.start)
            solver = QiskitVQE(estimator, case.circuit, optimizer, gradient=slope, initial_point=first)
            try:
                minimum = solver.compute_minimum_eigenvalue(case.family.hamiltonian(phase))
                answer.angles[phase] = np.asarray(minimum.optimal_point)
            except TimeIsUp:
                answer.angles[phase] = optimizer.lowest[1]
                answer.stopped = True
                break
        answer.evaluations = optimizer.evaluations
        return answer

    return call


def relative(case: Case, answer: Answer, reference: Vector) -> float:
    """Return the relative difference of the gradient from another one; nan if phases are missing."""
    if len(answer.angles) < len(case.phases):
        return np.nan
    return float(np.linalg.norm(case.gradient(answer) - reference) / np.linalg.norm(reference))


def error(case: Case, answer: Answer, reference: Answer) -> float:
    """Return the relative difference of the gradient from ours."""
    return relative(case, answer, case.gradient(reference))


def details(case: Case, answer: Answer) -> dict[str, Any]:
    """Return the relative error of the gradient; the time is a lower bound if phases are missing."""
    done = len(answer.angles) - answer.stopped
    return {
        "error of the gradient": f"{relative(case, answer, case.precise):.1e}",
        **({"energies computed": answer.evaluations} if answer.evaluations else {}),
        **({"lower bound": f"{done} of 3 phases in {CAP:.0f} s"} if answer.stopped else {}),
    }


METHODS: tuple[Method[Case], ...] = (
    Method("qep.VQE", "qep-qiskit", ours, ours=True),
    Method("JAX, jit, L-BFGS-B", "jax", jax, modules=("jax",), note="set-up is the compilation"),
    Method("qiskit-algorithms VQE with our plug-in", "qep-qiskit", partial(qiskit_vqe, plugin=True), ours=True, note="L_BFGS_B"),
    Method(
        "qiskit-algorithms VQE, ReverseEstimatorGradient",
        "qiskit-algorithms",
        partial(qiskit_vqe, gradient=ReverseEstimatorGradient),
        note="L_BFGS_B",
    ),
    Method("qiskit-algorithms VQE as documented", "qiskit-algorithms", qiskit_vqe, qiskit=True, note="L_BFGS_B, own differences"),
)


def _task(name: str, layers: int) -> Task[Case]:
    return Task(
        name=name,
        title=f"VQE of the free and two nudged phases: Hamiltonian ansatz of {layers} layers, one start",
        case=partial(case, layers=layers),
        methods=METHODS,
        sizes=(8,),
        quick=(4,),
        tolerance=np.inf,
        error=error,
        details=details,
        threads=(1,),
    )


VQE_2, VQE = _task("vqe-2", 2), _task("vqe", 3)
