"""Collection of the evidence for a certified interval: variances, the first excited energy, and the shots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.certified.bounds import Evidence, NoBoundError
from qep_qiskit.certified.shots import Part, part_of
from qep_qiskit.devices.simulated.device import SimulatedDevice, adds_no_noise
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.mitigator import parities, signs_of
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.cones.variance import LocalVariance
from qep_qiskit.simulation.eigen.excited_bound import DENSE_QUBITS, MOST_QUBITS, EnergyBound, first_excited_bound
from qep_qiskit.simulation.eigen.lanczos import ground_state
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
VARIANCE_ROUNDING = 1e-14
"""An allowance for the rounding of a variance from light cones, as a share of (Σ|c|)²."""
CHAIN_ROUNDING = float(np.finfo(float).eps)
"""The same for matrix product states, as a share of Σc² for each site."""
RESIDUAL_ROUNDING = 1e-14
"""An allowance for the rounding of ‖(H − E)ψ‖, as a share of Σ|c|."""


def refuse_unbounded(problem: Problem, settings: Settings) -> None:
    """Raise NoBoundError for problems and settings for which no bound is known."""
    if problem.network.closed_form:
        raise NoBoundError("the observables of oscillators in closed form are not bounded; levels = 4 compiles them to qubits")
    reference = settings.preparer.reference
    if reference is not None and (not isinstance(reference, Exact) or reference.level):
        raise NoBoundError(f"{type(settings.preparer).__name__} states are not the ground state, for which the bounds are proved")
    simulated = isinstance(settings.device, StatevectorDevice | SimulatedDevice)
    if not simulated or not adds_no_noise(settings.device):
        raise NoBoundError("the noise of a device has no known bound; take a device without noise")
    if settings.mitigation != Mitigation():
        raise NoBoundError("a mitigation has no known bound on its own error; leave it out on a device without noise")


def first_energy(
    problem: Problem, energy: float, gap: float | None, seed: int, progress: Progress = silent
) -> tuple[EnergyBound, tuple[str, ...]]:
    """Return a lower bound on E₁, and the assumptions that it rests on.

    Raises
    ------
    NoBoundError
        If there are too many qubits and no `gap` is given.
    InputError
        If the first excited energy cannot be as high as `gap` says.
    """
    if gap is not None:
        _refuse_impossible(problem, energy, gap)
        assumed = f"the first excited energy is at least {gap:g} above the prepared state's, as gap={gap:g} says"
        return EnergyBound(energy + gap, 0.0, "given"), (assumed,)
    if problem.network.num_qubits > MOST_QUBITS:
        raise NoBoundError(
            f"the first excited energy of {problem.network.num_qubits} qubits has no known lower bound (it is computed up "
            f"to {MOST_QUBITS}); give gap= if you know one"
        )
    operator = PauliSum.from_operator(problem.hamiltonian)
    state = None
    if problem.network.num_qubits > 1:
        state = ground_state(operator, seed=seed).vector
    bound = first_excited_bound(operator, state, seed=seed, progress=progress)
    assert bound is not None
    return bound, ()


def _refuse_impossible(problem: Problem, energy: float, gap: float) -> None:
    """Raise InputError if E + gap exceeds E₁, or on more than 9 qubits the largest energy that there can be."""
    hamiltonian = problem.hamiltonian
    scale = float(np.abs(hamiltonian.coeffs).sum())
    most, why = scale, "since no energy of this network lies higher"
    if hamiltonian.num_qubits <= DENSE_QUBITS:
        bound = first_excited_bound(PauliSum.from_operator(hamiltonian), None)
        assert bound is not None
        most, why = bound.energy, "as the whole spectrum says, or leave it out"
    if energy + gap > most + 1e-9 * scale:
        raise InputError(f"gap: {gap:g} is not allowed; give at most {most - energy:.4g}, {why}")


def variances_of(problem: Problem, prepared: Prepared, betas: Vector, nudge: Vector) -> list[float]:
    """Return the energy variance of each prepared phase, with an allowance for rounding.

    States from light cones have none of their own; it is the sum of the correlations of all pairs of terms whose cones meet.

    Raises
    ------
    NoBoundError
        If the states have no variance.
    """
    rows = problem.hamiltonian_row + betas[:, None] * nudge
    sizes = np.abs(rows).sum(axis=1)
    if all(phase.variance is not None for phase in prepared.phases):
        reported = np.array([phase.variance for phase in prepared.phases], dtype=float)
        residual = np.sqrt(np.clip(reported, 0.0, None)) + RESIDUAL_ROUNDING * sizes
        chains = np.array([phase.bond_dimension is not None for phase in prepared.phases])
        return list(residual**2 + chains * CHAIN_ROUNDING * problem.network.num_qubits * (rows**2).sum(axis=1))
    if prepared.angles is None:
        raise NoBoundError(
            "the energy variance of these states is not computed, so their distance from the ground state is not known"
        )
    used = np.flatnonzero((rows != 0.0).any(axis=0) & problem.frame.busy)
    part, variances = rows[:, used], np.zeros(len(rows))
    for circuit in prepared.circuits():
        where = list(circuit.phases)
        try:
            variance = LocalVariance(circuit.circuit, problem.frame.paulis[used], np.ones(len(used), dtype=bool))
        except InputError as error:
            raise NoBoundError(f"the energy variance of these light cones is not computed: {error}") from None
        variances[where] = np.clip(variance.variances(circuit.values, part[where]), 0.0, None)
    return list(variances + VARIANCE_ROUNDING * sizes**2)


def evidence_of(plan: Plan, first: float) -> Evidence:
    """Return the evidence of a complete plan's states."""
    problem, stencil = plan.problem, plan.stencil
    assert plan.error_signal is not None
    nudge = plan.error_signal @ problem.cost_rows
    energies, variances = np.zeros(len(stencil.phases)), np.zeros(len(stencil.phases))
    strings = np.zeros((len(stencil.phases), len(problem.frame.paulis)))
    for part in (plan,) if plan.earlier is None else (plan.earlier, plan):
        where = list(part.phases)
        betas = np.array(stencil.phases)[where]
        strings[where] = part.expectations
        energies[where] = np.einsum("pl,pl->p", problem.hamiltonian_row + betas[:, None] * nudge, part.expectations)
        variances[where] = variances_of(problem, part.prepared, betas, nudge)
    return Evidence(stencil, tuple(energies), tuple(variances), strings, nudge, first)


def predicted_evidence(problem: Problem, free: Prepared, nudge: Vector, stencil: Stencil, first: float) -> Evidence:
    """Return the evidence that a stencil is expected to give, from its free phase alone."""
    variance = variances_of(problem, free, np.zeros(1), np.zeros_like(nudge))[0]
    strings = free.expectations(problem.frame.strings)[0]
    energy, slope = float(problem.hamiltonian_row @ strings), float(nudge @ strings)
    count = len(stencil.phases)
    energies = tuple(energy + beta * slope for beta in stencil.phases)
    return Evidence(stencil, energies, (variance,) * count, np.tile(strings, (count, 1)), nudge, first)


def shot_parts(plan: Plan, outcomes: Outcomes) -> tuple[list[list[Part]], list[Part]]:
    """Return the circuits' contributions to the gradient, one list per round, and those to the cost's observables.

    Circuits of one round are independent. Those of the second depend on the first, whose result sets their nudge.
    """
    problem, stencil = plan.problem, plan.stencil
    paulis, slopes = problem.frame.paulis, problem.gradient_rows
    rounds: list[list[Part]] = [[] for _ in range(plan.round + 1)]
    free: list[Part] = []
    for (p, b), samples in sorted(outcomes.samples.items()):
        if isinstance(samples, LocalSamples):
            raise NoBoundError("these distributions come from light cones of noisy circuits, which are not certified")
        if samples.shots is None:
            raise NoBoundError("the rounding of simulated circuits has no known bound; take qep.statevector(), or give shots")
        strings = list(plan.bases[b].strings)
        values = parities(signs_of(samples), (paulis.x | paulis.z)[strings])
        first_round = plan.earlier is not None and p in plan.earlier.phases
        for part, rows in (
            (rounds[0 if first_round else -1], stencil.phase_factors[p] * slopes[:, strings]),
            (free if p == 0 else None, problem.cost_rows[:, strings]),
        ):
            if part is not None and np.any(rows):
                width = 2 * np.abs(rows).sum(axis=1)
                part.append(part_of(values @ rows.T, samples.weights, samples.shots, width))
    return [part for part in rounds if part], free
