"""Search for the angles at which the energy of one phase is stationary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.preparation.stationary import arrive, descend, relax
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.eigen.operators import PauliSum

Vector = NDArray[np.float64]
MOST_NEWTON_ANGLES = 400
POLISH = 1e-3
"""Newton steps continue to this share of the tolerance, because the error of an unconverged phase is divided by β."""
VALLEY = 1e-6
"""L-BFGS continues to this slope; earlier Newton steps would stop at the nearest point of a nearly flat valley."""
SPREADS = (0.1, 0.6, 1.2)
"""Standard deviations of the initial angles of the random starts, used in turn."""


@dataclass(frozen=True, eq=False)
class AngleSearch:
    """Search for the angles of one phase.

    Attributes
    ----------
    options : VQE
    circuit : QuantumCircuit
        The ansatz.
    program : ReportedProgram
        The ansatz, compiled.
    operator : PauliSum
        H + βC.
    hamiltonian : callable
        A function without arguments; returns H + βC in the form that an estimator accepts.
    """

    options: Any
    circuit: QuantumCircuit
    program: Any
    operator: PauliSum
    hamiltonian: Callable[[], SparsePauliOp]

    def from_random_starts(self, seed: int) -> Vector:
        """Return the lowest-energy angles found from several random starts."""
        best, lowest = np.zeros(self.program.num_parameters), math.inf
        for number in range(self.options.starts):
            self.program.stage(f"VQE start {number + 1} of {self.options.starts}", number / self.options.starts)
            spread = SPREADS[number % len(SPREADS)]
            start = stream(seed, "VQE start", number).normal(0.0, spread, self.program.num_parameters)
            theta = self.optimise(start)
            energy = self.program.energy(theta, self.operator)
            if energy < lowest:
                best, lowest = theta, energy
        return self.polish(best)

    def follow(self, start: Vector) -> Vector:
        """Return this phase's angles, starting from those of a nearby phase, by Newton steps alone if they are available."""
        return self.polish(start) if self._newton else self.optimise(start)

    def optimise(self, start: Vector) -> Vector:
        """Return the angles that the optimizer finds from a start."""
        options, program = self.options, self.program
        if options.estimator is not None:
            return self._by_estimator(start)
        if options.optimizer is not None:
            result = options.optimizer.minimize(
                lambda theta: program.energy(np.asarray(theta), self.operator),
                start,
                jac=lambda theta: program.energy_and_gradient(np.asarray(theta), self.operator)[1],
            )
            return np.asarray(result.x, dtype=float)
        slope = VALLEY if self._newton else options.tolerance / 30
        return descend(self._slope, start, slope=slope, max_iterations=options.max_iterations)

    def polish(self, start: Vector) -> Vector:
        """Take Newton steps; if they do not converge, take BFGS steps along the valley and then Newton steps again."""
        if not self._newton:
            return start
        aim = self.options.tolerance * POLISH
        theta = arrive(self._slope, self._curvature, start, slope=aim)
        if np.linalg.norm(self._slope(theta)[1]) > self.options.tolerance:
            theta = relax(
                self._slope,
                theta,
                slope=self.options.tolerance / 10,
                max_iterations=4 * self.options.max_iterations,
                hessian=self._curvature(theta),
            )
            theta = arrive(self._slope, self._curvature, theta, slope=aim)
        return theta

    @property
    def _newton(self) -> bool:
        custom = self.options.estimator is not None or self.options.optimizer is not None
        return not custom and self.program.num_parameters <= MOST_NEWTON_ANGLES

    def _slope(self, theta: Vector) -> tuple[float, Vector]:
        energy, gradient = self.program.energy_and_gradient(theta, self.operator)
        return energy, gradient

    def _curvature(self, theta: Vector) -> NDArray[np.float64]:
        return np.asarray(self.program.hessian(theta, self.operator))

    def _by_estimator(self, start: Vector) -> Vector:
        from qiskit_algorithms import VQE as QiskitVQE
        from qiskit_algorithms.optimizers import SPSA

        optimizer = self.options.optimizer or SPSA(maxiter=self.options.max_iterations)
        solver = QiskitVQE(self.options.estimator, self.circuit, optimizer, initial_point=start)
        result = solver.compute_minimum_eigenvalue(self.hamiltonian())
        return np.asarray(result.optimal_point, dtype=float)
