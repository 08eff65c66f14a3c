"""Search for stationary angles with an optimizer of qiskit-algorithms, one phase after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.preparation.evaluator import Evaluator
from qep_qiskit.preparation.family import Family, inward_neighbour, outwards
from qep_qiskit.preparation.variational import Begin, Model, Solution, allowed_residuals

if TYPE_CHECKING:
    from qep_qiskit.preparation.vqe import VQE

Vector = NDArray[np.float64]


def search_angles(options: VQE, circuit: QuantumCircuit, evaluator: Evaluator, family: Family, begin: Begin) -> Solution:
    """Return the angles that the user's optimizer finds, and how far from stationary they are.

    Nudged phases minimise the tilted energy, as in :mod:`variational`, unless the energies come from an estimator.
    """
    search = _Search(options, circuit, evaluator, family)
    free = begin.starts[0] if begin.free else min((search.minimise(0.0, start) for start in begin.starts), key=search.energy)
    search.origin, search.tilt = free, search.slope(0.0, free)
    angles: dict[int, Vector] = {}
    for p in outwards(family.betas):
        start = inward_neighbour(angles, family.betas, p, free)
        assert start is not None
        angles[p] = free if family.betas[p] == 0.0 else search.minimise(family.betas[p], start)
    return search.judged(np.array([angles[p] for p in range(len(family.betas))]))


class _Search:
    """The searches for the phases of one family."""

    def __init__(self, options: VQE, circuit: QuantumCircuit, evaluator: Evaluator, family: Family) -> None:
        self._options, self._circuit, self._family = options, circuit, family
        self._model = Model(evaluator, [family], options.precision)
        self.origin, self.tilt = np.zeros((2, evaluator.num_parameters))
        self._evaluations = 0

    def minimise(self, beta: float, start: Vector) -> Vector:
        """Return the angles at which the optimizer stops."""
        if self._options.estimator is not None:
            return self._by_estimator(beta, start)
        result = self._options.optimizer.minimize(
            lambda theta: self._tilted(beta, theta)[0], start, jac=lambda theta: self._tilted(beta, theta)[1]
        )
        return np.asarray(result.x, dtype=float)

    def energy(self, theta: Vector) -> float:
        """Return the energy of the free phase."""
        return self._value(0.0, theta)[0]

    def slope(self, beta: float, theta: Vector) -> Vector:
        """Return the gradient of the energy of a phase."""
        return self._value(beta, theta)[1]

    def judged(self, angles: NDArray[np.float64]) -> Solution:
        """Return the angles of all phases with their residuals and the errors that follow from these."""
        betas = self._family.betas
        tilted = self._options.estimator is None
        left = np.array(
            [
                np.linalg.norm(self.slope(b, theta) - (self.tilt if b and tilted else 0.0))
                for b, theta in zip(betas, angles, strict=True)
            ]
        )
        allowed = allowed_residuals(self._model, 0, self.origin)
        errors = left / allowed
        evaluations = np.full(len(betas), self._evaluations)
        return Solution(angles, left, errors, errors <= self._options.tolerance, evaluations, None)

    def _value(self, beta: float, theta: Vector) -> tuple[float, Vector]:
        self._evaluations += 1
        row = self._family.free + beta * self._family.nudge
        values, gradients = self._model.value(np.zeros(1, dtype=np.intp), row[None], np.asarray(theta, dtype=float)[None])
        return float(values[0]), gradients[0]

    def _tilted(self, beta: float, theta: Vector) -> tuple[float, Vector]:
        value, gradient = self._value(beta, theta)
        return value - float((theta - self.origin) @ self.tilt), gradient - self.tilt

    def _by_estimator(self, beta: float, start: Vector) -> Vector:
        from qiskit_algorithms import VQE as QiskitVQE
        from qiskit_algorithms.optimizers import SPSA

        optimizer: Any = self._options.optimizer or SPSA(maxiter=self._options.max_iterations)
        solver = QiskitVQE(self._options.estimator, self._circuit, optimizer, initial_point=start)
        hamiltonian = self._family.frame.operator(self._family.free + beta * self._family.nudge)
        return np.asarray(solver.compute_minimum_eigenvalue(hamiltonian).optimal_point, dtype=float)
