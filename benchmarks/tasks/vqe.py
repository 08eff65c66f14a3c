"""VQE of three phases, converged as far as EP needs, compared with the VQE of qiskit-algorithms."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit_algorithms import VQE as QiskitVQE
from qiskit_algorithms.gradients import ReverseEstimatorGradient
from qiskit_algorithms.optimizers import L_BFGS_B

import qep_qiskit as qep
from benchmarks.problems import BETA, problem
from benchmarks.task import Call, Method, Task
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.vqe import SPREADS
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimator, AdjointEstimatorGradient, ProgramCache
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.eigen.operators import PauliSum

Vector = NDArray[np.float64]
LAYERS = 2
WANTED = 1e-6
CAP = 180.0
"""Seconds after which a rival is stopped; what it took is then a lower bound."""


@dataclass(frozen=True)
class Case:
    """The three Hamiltonians, and the ansatz and first angles that all methods start from."""

    family: Family
    vqe: qep.VQE
    circuit: QuantumCircuit
    program: CircuitProgram
    start: Vector

    @property
    def phases(self) -> list[int]:
        """The free phase first."""
        return sorted(range(len(self.family.betas)), key=lambda p: abs(self.family.betas[p]))


@dataclass
class Answer:
    """Angles of every phase, how many energies it took, and whether the time was up."""

    angles: dict[int, Vector]
    evaluations: int = 0
    stopped: bool = False


def case(size: int) -> Case:
    """Return the shared problem, its nudge taken at the exact ground state."""
    sample = problem(size)
    signal = sample.cost.error_signal(qep.exact_gradient(sample).predictions)
    family = Family(sample.frame, sample.hamiltonian_row, signal @ sample.cost_rows, (0.0, -BETA, BETA))
    vqe = qep.VQE(ansatz="real_amplitudes", layers=LAYERS, starts=1, tolerance=WANTED, regulariser=1e-9)
    compiled = vqe.compiled(family)
    assert compiled.program is not None
    start = stream(0, "VQE start", 0).normal(0.0, SPREADS[0], compiled.program.num_parameters)
    return Case(family, vqe, compiled.circuit, compiled.program, start)


def ours(case: Case) -> Call:
    """L-BFGS and Newton steps on adjoint gradients and Hessians; nudged phases by Newton steps alone."""

    def call() -> Answer:
        angles = case.vqe.prepare(case.family).angles
        assert angles is not None
        return Answer(dict(enumerate(angles)))

    return call


class TimeIsUp(Exception):
    """Raised from within a rival's optimiser."""


class WatchedLBFGSB(L_BFGS_B):
    """The optimiser as it is, with the best angles kept and a stop after some time: VQE's own callback gets no angles.

    The limits of iterations and evaluations are lifted, and the gradient tolerance is put where the wanted gradient is reached.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__(maxfun=10**9, maxiter=10**6, options={"gtol": WANTED / 30})
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


def _reached(case: Case, answer: Answer) -> dict[int, tuple[float, float]]:
    """Energy and norm of the gradient of every phase."""
    energies = {}
    for phase, theta in answer.angles.items():
        energy, slope = case.program.energy_and_gradient(theta, PauliSum.from_operator(case.family.hamiltonian(phase)))
        energies[phase] = energy, float(np.linalg.norm(slope))
    return energies


def error(case: Case, answer: Answer, reference: Answer) -> float:
    """Return how far the energies of the phases that it finished are from ours; the remarks tell the direction."""
    reached, other = _reached(case, reference), _reached(case, answer)
    return max(abs(other[p][0] - reached[p][0]) for p in other)


def details(case: Case, answer: Answer) -> dict[str, Any]:
    """Return energies and gradients; the time is a lower bound where they fall short of what was wanted."""
    reached = _reached(case, answer)
    done = len(reached) - answer.stopped
    short = done < len(case.phases) or max(norm for _, norm in reached.values()) > WANTED
    return {
        "free energy": f"{reached[case.phases[0]][0]:.9f}",
        "largest |∂θE|": f"{max(norm for _, norm in reached.values()):.1e}",
        **({"energies computed": answer.evaluations} if answer.evaluations else {}),
        **({"lower bound": f"{done} of 3 phases in {CAP:.0f} s" if answer.stopped else "gradient not reached"} if short else {}),
    }


VQE: Task[Case] = Task(
    name="vqe",
    title=f"VQE of the free and two nudged phases to |∂θE| < {WANTED:g}: real_amplitudes of two layers, one start",
    case=case,
    methods=(
        Method("qep.VQE", "qep-qiskit", ours, ours=True),
        Method(
            "qiskit-algorithms VQE with our plug-in", "qep-qiskit", partial(qiskit_vqe, plugin=True), ours=True, note="L_BFGS_B"
        ),
        Method(
            "qiskit-algorithms VQE, ReverseEstimatorGradient",
            "qiskit-algorithms",
            partial(qiskit_vqe, gradient=ReverseEstimatorGradient),
            note="L_BFGS_B",
        ),
        Method(
            "qiskit-algorithms VQE as documented", "qiskit-algorithms", qiskit_vqe, qiskit=True, note="L_BFGS_B, own differences"
        ),
    ),
    sizes=(8, 12),
    quick=(4,),
    tolerance=np.inf,
    error=error,
    details=details,
    threads=(1,),
)
