"""Exact gradients of large networks from matrix product states, with an estimate of their error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import DegenerateGroundStateError
from qep_qiskit.preparation.mps import sweeps_told
from qep_qiskit.preparation.preparer import Phase
from qep_qiskit.preparation.uniqueness import ordinary_size
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference.value import Reference
from qep_qiskit.seeds import integer, stream
from qep_qiskit.simulation.closed_form.product_states import ProductEnergy
from qep_qiskit.simulation.mps import TensorSolver, TensorState
from qep_qiskit.stencils import Stencil, symmetric

Vector = NDArray[np.float64]

BONDS = (24, 48, 96)
"""Bond dimensions in the order of trial. The first two are always tried, unless the states do not fill the first one."""
STEP = 0.03
"""The first β tried for the limit β → 0, as a multiple of the median coefficient over ‖C‖."""
CURVED = 0.005
"""The largest correction by the extrapolation to β = 0, as a share of the gradient. If it is larger, β is halved."""
HALVINGS = 6
AGREE = 1e-3
"""The relative difference between two bond dimensions above which a larger one is tried."""
STARTS = 32
MINIMA = 3
"""The largest number of mean-field minima from which sweeps start."""
SAME_STATE = 0.9
"""Results of two starts with at least this overlap count as the same state."""
REMAINDER = 0.2
"""The assumed error of the extrapolation, as a share of its correction. The actual error is usually far smaller."""
ROUNDING = 1e-9
"""The accuracy of energies, as a share of Σ|c|."""


class GroundStates:
    """The ground states of H + βC as matrix product states, each computed once.

    Sweeps can end in a metastable state. The free phase is therefore searched at a small bond dimension from several minima of
    the mean-field energy and from a random state, and the lowest result is continued. Every known state gives an upper bound
    ⟨H + βC⟩ on the energy at every β. A phase that violates a bound is computed again from the better state.

    Parameters
    ----------
    problem : Problem
    seed : int
    progress : callable
    """

    def __init__(self, problem: Problem, *, seed: int = 0, progress: Progress = silent) -> None:
        self.problem, self._seed, self._progress = problem, seed, progress
        self._used = np.flatnonzero((problem.hamiltonian_row != 0) | (problem.cost_rows != 0).any(axis=0))
        paulis = problem.frame.paulis
        self._solvers = {chi: TensorSolver(paulis[self._used], chi) for chi in BONDS}
        self._states: dict[tuple[int, float], TensorState] = {}
        self._expectations: dict[tuple[int, float], Vector] = {}
        self._rivals: list[TensorState] = []
        self._search()
        self.exhausted = self._states[BONDS[0], 0.0].bond_dimension >= BONDS[0]
        observed = problem.cost_rows @ self.expectations(0.0, self.bond(1))
        self.nudge: Vector = problem.cost.error_signal(observed) @ problem.cost_rows
        self.nudge_size = float(np.abs(self.nudge[problem.frame.busy]).sum())

    def bond(self, level: int) -> int:
        """Return a bond dimension by its position in `BONDS`; the first one if the states do not fill it."""
        return BONDS[level if self.exhausted else 0]

    def state(self, beta: float, chi: int) -> TensorState:
        """Return the ground state at β for a bond dimension."""
        key = chi, beta
        if key not in self._states:
            stage = f"ground state at β = {beta:.3g}, bond dimension {chi}"
            self._progress(stage, None)
            start = self.state(0.0, chi) if beta else self._states[BONDS[BONDS.index(chi) - 1], 0.0]
            self._states[key] = self._solvers[chi].ground_state(
                self._coefficients(beta), start=start, swept=sweeps_told(self._progress, stage, None)
            )
            if beta:
                self._escape(key)
        return self._states[key]

    def expectations(self, beta: float, chi: int) -> Vector:
        """Return the expectations of all strings of the frame, shape (L,)."""
        state = self.state(beta, chi)
        if (chi, beta) not in self._expectations:
            self._expectations[chi, beta] = state.expectations(self.problem.frame.paulis)
        return self._expectations[chi, beta]

    def gradient(self, stencil: Stencil, chi: int) -> Vector:
        """Return the gradient of a stencil, shape (K,), followed by dL/dx if it is wanted."""
        pairs = zip(stencil.phases, stencil.phase_factors, strict=True)
        combined = sum(factor * self.expectations(beta, chi) for beta, factor in pairs if factor)
        return np.asarray(self.problem.gradient_rows @ combined)

    def excitation(self, beta: float, chi: int) -> float | None:
        """Return the mean energy of the states that C excites, 2 Var(C)/−E'', which is at least the gap; None without any."""
        operator = SparsePauliOp(self.problem.frame.paulis, self.nudge).simplify()
        square = (operator @ operator).simplify()
        here = self.state(0.0, chi)
        mean = float(operator.coeffs.real @ here.expectations(operator.paulis))
        variance = float(square.coeffs.real @ here.expectations(square.paulis)) - mean**2
        curvature = float(self.nudge @ (self.expectations(-beta, chi) - self.expectations(beta, chi))) / (2 * beta)
        return 2 * variance / curvature if curvature > 0 and variance > 0 else None

    def phases(self, betas: Sequence[float], chi: int) -> tuple[Phase, ...]:
        """Return the reports of phases."""
        reports = []
        for beta in betas:
            state = self.state(beta, chi)
            numbers = {"truncation": state.truncation, "bond_dimension": state.bond_dimension}
            reports.append(Phase(beta, state.energy, math.sqrt(state.variance), state.variance, **numbers))  # type: ignore[arg-type]
        return tuple(reports)

    def _coefficients(self, beta: float) -> Vector:
        row = self.problem.hamiltonian_row + (beta * self.nudge if beta else 0.0)
        return np.asarray(row[self._used])

    @property
    def _resolution(self) -> float:
        return ROUNDING * float(np.abs(self.problem.hamiltonian_row[self.problem.frame.busy]).sum())

    def _search(self) -> None:
        """Find the free phase by sweeps from several starting states."""
        solver, row = self._solvers[BONDS[0]], self._coefficients(0.0)
        starts: list[Vector | None] = [*self._minima(), None]
        results = []
        seed = integer(self._seed, "matrix product state")
        for number, start in enumerate(starts):
            stage, share = f"ground state, start {number + 1} of {len(starts)}", number / len(starts)
            self._progress(stage, share)
            swept = sweeps_told(self._progress, stage, share)
            results.append(solver.ground_state(row, start=start, seed=seed, loose=True, swept=swept))
        results.sort(key=lambda state: state.energy)
        lowest = solver.ground_state(row, start=results[0])
        self._states[BONDS[0], 0.0] = lowest
        self._rivals = [state for state in results[1:] if state.overlap(lowest) < SAME_STATE]
        if self._rivals and self._rivals[0].energy - lowest.energy <= self._resolution:
            raise DegenerateGroundStateError(
                f"two ground states have the same energy {lowest.energy:.8g}, so the response to a nudge is not defined; "
                "break the symmetry, for instance by a longitudinal field h or another weight"
            )

    def _minima(self) -> list[Vector]:
        """Return the lowest distinct minima of the mean-field energy as Bloch vectors, each of shape (n, 3)."""
        energy = ProductEnergy.of(self.problem.frame.paulis, self.problem.hamiltonian_row)
        found: list[Vector] = []
        for spins in energy.low_states(stream(self._seed, "mean field start"), STARTS):
            if all(np.abs(spins - other).max() > 0.1 for other in found):
                found.append(spins)
            if len(found) == MINIMA:
                break
        return found

    def _escape(self, key: tuple[int, float]) -> None:
        """Compute a phase again if another known state has a lower energy in it."""
        chi, beta = key
        row, paulis = self._coefficients(beta), self.problem.frame.paulis[self._used]
        betas = [each for bond, each in self._states if bond == chi]
        solved = [self._states[chi, each] for each in betas]
        others = [*solved, *self._rivals]
        means = [self.expectations(each, chi)[self._used] for each in betas]
        means += [state.expectations(paulis) for state in self._rivals]
        energies = [float(row @ mean) for mean in means]
        best = int(np.argmin(energies))
        allowance = self._resolution + 10 * max(state.variance for state in solved)
        if energies[best] < self._states[key].energy - allowance:
            self._states[key] = self._solvers[chi].ground_state(row, start=others[best])
            del self._expectations[key]


def limit(states: GroundStates) -> Reference:
    """Return the gradient in the limit β → 0.

    The symmetric differences D(β) and D(2β) are extrapolated, D(β) + (D(β) − D(2β))/3, with an error of fourth order. β is halved
    until the correction is small. The correction is computed at the smallest bond dimension, D(β) at larger ones.
    """
    problem, rough = states.problem, states.bond(0)
    beta = STEP * ordinary_size(problem.hamiltonian_row[problem.frame.busy]) / states.nudge_size if states.nudge_size else STEP
    for attempt in range(HALVINGS):
        beta /= 2 if attempt else 1
        near, far = (states.gradient(symmetric(b), rough) for b in (beta, 2 * beta))
        correction = (near - far) / 3
        if np.linalg.norm(correction) <= CURVED * np.linalg.norm(near):
            break
    stencil = symmetric(beta)
    values, truncation, chi = _refined(states, stencil)
    size = float(np.linalg.norm(values))
    share = float(np.linalg.norm(correction)) / size if size else 0.0
    values = values + correction
    excitation = states.excitation(beta, rough)
    scale = excitation / states.nudge_size if excitation is not None and states.nudge_size else None
    doubts: list[str] = []
    if share > CURVED:
        doubts.append(
            f"the gradient still changes with β at β = {beta:.1g}: the gap is small, and the limit β → 0 is not reached"
        )
    method = f"matrix product states, bond dimension {chi}, extrapolated from β = {beta:.2g} and {2 * beta:.2g}"
    uncertainty = truncation + REMAINDER * np.abs(correction)
    return _reference(states, stencil, chi, values, uncertainty, method, scale, doubts)


def at_stencil(states: GroundStates, stencil: Stencil) -> Reference:
    """Return the gradient of the ground states at the β of a stencil."""
    values, uncertainty, chi = _refined(states, stencil)
    method = f"matrix product states, bond dimension {chi}"
    return _reference(states, stencil, chi, values, uncertainty, method, None, [])


def _refined(states: GroundStates, stencil: Stencil) -> tuple[Vector, Vector, int]:
    """Return the gradient, an estimate of its error due to truncation and convergence, and the bond dimension."""
    chi = states.bond(0)
    values = states.gradient(stencil, chi)
    if not states.exhausted:
        return values, _unconverged(states, stencil, chi), chi
    for level in (1, 2):
        before, chi = values, states.bond(level)
        values = states.gradient(stencil, chi)
        change = np.abs(values - before)
        if np.linalg.norm(change) <= AGREE * np.linalg.norm(values):
            break
    return values, change, chi


def _unconverged(states: GroundStates, stencil: Stencil, chi: int) -> Vector:
    """Return an estimate of the error of untruncated states, whose angle to the ground state is √variance/gap."""
    size = np.abs(states.problem.gradient_rows).sum(axis=1)
    gap = ordinary_size(states.problem.hamiltonian_row[states.problem.frame.busy])
    pairs = [pair for pair in zip(stencil.phases, stencil.phase_factors, strict=True) if pair[1]]
    angle = sum(abs(factor) * math.sqrt(states.state(beta, chi).variance) for beta, factor in pairs) / gap
    return np.asarray(2 * angle * size)


def _reference(
    states: GroundStates,
    stencil: Stencil,
    chi: int,
    values: Vector,
    uncertainty: Vector,
    method: str,
    scale: float | None,
    doubts: list[str],
) -> Reference:
    problem, weights = states.problem, states.problem.network.num_weights
    free, uncertainty = states.expectations(0.0, chi), uncertainty[:weights]
    gradient = Gradient(
        names=problem.network.names,
        values=values[:weights],
        covariance=None,
        loss=problem.cost.value(problem.cost_rows @ free),
        loss_stderr=None,
        predictions=problem.output_rows @ free,
        predictions_stderr=None,
        diagnostics=Diagnostics(
            phases=states.phases(stencil.phases, chi), warnings=tuple(doubts), more={"uncertainty": uncertainty.tolist()}
        ),
        provenance={"method": method},
        input_values=values[weights:] if problem.input_gradient else None,
    )
    return Reference(uncertainty, method, gradient, scale, tuple(doubts))
