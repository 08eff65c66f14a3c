"""Exact gradients to hold everything else against."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.estimate import finish, stamped
from qep_qiskit.equilibrium.executed import execute
from qep_qiskit.equilibrium.planned import check_options, plan
from qep_qiskit.equilibrium.reduced import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import InputError
from qep_qiskit.networks.polynomial import CONSTANT, PRODUCT
from qep_qiskit.preparation.exact import MOST_QUBITS, Exact, bound, refuse_degenerate, structure_for, structure_of
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.vqe import VQE
from qep_qiskit.problem import Problem
from qep_qiskit.simulation.lanczos import ground_state
from qep_qiskit.simulation.quadratic import MOST_DENSE, respond
from qep_qiskit.simulation.quadratic import ground_state as ground_form
from qep_qiskit.simulation.response import linear_response
from qep_qiskit.simulation.threads import single_threaded
from qep_qiskit.stencils import extrapolated, symmetric

Vector = NDArray[np.float64]
NUDGE_SHARE = 0.02
"""The nudge |β|‖C‖ as a share of the gap: the bias is of its fourth power, and errors of the states are divided by β."""
FLAT = 1e-9
"""Directions whose curvature is below this share of the largest are redundant angles: nothing depends on them."""


def exact_gradient(problem: Problem, *, seed: int = 0) -> Gradient:
    """Return dL/dw of the true ground state, the limit β → 0, by linear response.

    Parameters
    ----------
    problem : Problem
        With either kind of cost.
    seed : int
        Of the first Lanczos vector.

    Returns
    -------
    Gradient
        With `stderr` None.

    Raises
    ------
    DegenerateGroundStateError
        Where the ground state is not unique.
    InputError
        For more than 26 qubits without TeNPy.

    Notes
    -----
    Beyond 26 qubits the ground states are matrix product states, and β → 0 is an extrapolated stencil at
    β = 0.02 gap/‖C‖; `provenance` and a warning say so, and `diagnostics` holds a bound of the error.

    With C = Σ ε_m O_m and ε = ∂ℓ/∂⟨O⟩: dL/dw_k = 2 Re⟨δψ|∂H/∂w_k|ψ⟩ where (H − E0) δψ = −(C − ⟨C⟩) ψ, one linear
    solve for all weights (first-order perturbation theory; Scellier 2024, arXiv:2406.00879, theorem 1).
    """
    check_options(problem, Exact(), symmetric(0.1))
    started, clock = datetime.now(UTC), time.perf_counter()
    if problem.network.closed_form:
        return stamped(_closed_form(problem), started, clock)
    n = problem.network.num_qubits
    if n > MOST_QUBITS:
        return _by_tensor_network(problem, seed, started, clock)
    everything = structure_for(problem.frame.paulis)
    family = _free_family(problem)
    operator = bound(structure_of(family), family, 0)
    ground = ground_state(operator, seed=seed)
    refuse_degenerate(ground, operator)
    free = everything.expectations(ground.vector)
    observed = problem.cost_rows @ free
    signal = problem.cost.error_signal(observed)
    source = everything.bind(signal @ problem.cost_rows).apply(ground.vector)
    delta = linear_response(operator, ground, source)
    values = problem.derivative_rows @ _transitions(problem, ground.vector, delta)
    found = Gradient(
        names=problem.network.names,
        values=values,
        covariance=None,
        loss=problem.cost.value(observed),
        loss_stderr=None,
        predictions=problem.output_rows @ free,
        predictions_stderr=None,
        diagnostics={
            "gap": ground.gap,
            "phases": [
                {
                    "beta": 0.0,
                    "energy": ground.energy,
                    "residual": ground.residual,
                    "variance": ground.residual**2,
                }
            ],
            "warnings": [],
        },
        provenance={"method": "linear response of the exact ground state", "products": ground.products},
    )
    return stamped(found, started, clock)


def _closed_form(problem: Problem) -> Gradient:
    """The gradient of a quadratic form's Gaussian ground state: normal modes and their linear response."""
    strings, quantum = problem.frame.strings, problem.frame.quantum
    form = strings.form(problem.hamiltonian_row)
    dense = form.size <= MOST_DENSE or bool((problem.cost_rows[:, strings.where(PRODUCT)[0]] != 0).any())
    if dense:
        state = ground_form(form, quantum=quantum)
        mean, energy, gap = state.mean, state.energy, state.gap
        free = strings.expectations(mean, state.covariance, state.momenta)
    else:
        mean, energy, gap = form.mean(), None, form.lowest_frequency()
        free = strings.slopes(np.zeros_like(mean), mean, None, None)
        free[strings.where(CONSTANT)[0]] = 1.0
    observed = problem.cost_rows @ free
    nudge = strings.form(problem.cost.error_signal(observed) @ problem.cost_rows)
    change = strings.slopes(mean, *respond(form, mean, nudge, quantum=quantum))
    left = float(np.linalg.norm(form.stiffness @ mean - form.force))
    return Gradient(
        names=problem.network.names,
        values=problem.derivative_rows @ change,
        covariance=None,
        loss=problem.cost.value(observed),
        loss_stderr=None,
        predictions=problem.output_rows @ free,
        predictions_stderr=None,
        diagnostics={
            "gap": gap,
            "phases": [{"beta": 0.0, "energy": energy, "residual": left, "variance": 0.0}],
            "warnings": [],
        },
        provenance={"method": "linear response of normal modes, in closed form", "sites": form.size},
    )


def variational_gradient(problem: Problem, vqe: VQE, *, seed: int = 0) -> Gradient:
    """Return the gradient of the ansatz's own loss by implicit differentiation, the limit β → 0 of EP on that ansatz.

    Parameters
    ----------
    problem : Problem
    vqe : VQE
        Its free phase is optimised as in :func:`gradient` with the same seed.

    Returns
    -------
    Gradient
        With `stderr` None.

    Notes
    -----
    −∂_w∂_θE · (∂²_θE)⁺ · ∂_θ⟨C⟩ with E = ⟨H⟩, at ∂_θE = 0. Flat directions of E (redundant angles) are left out.
    """
    check_options(problem, vqe, symmetric(0.1))
    if not isinstance(vqe, VQE):
        raise InputError(f"variational_gradient: {vqe!r} has no ansatz; give qep.VQE(...)")
    started, clock = datetime.now(UTC), time.perf_counter()
    family = _free_family(problem)
    prepared = vqe.prepare(family, seed=seed)
    program = vqe.compiled(family)[1]
    assert prepared.angles is not None
    theta = prepared.angles[0]
    everything = structure_for(problem.frame.paulis)
    with single_threaded(problem.network.num_qubits):
        state = program.state(theta)
        free = everything.expectations(state)
        observed = problem.cost_rows @ free
        cost = everything.bind(problem.cost.error_signal(observed) @ problem.cost_rows)
        slope = program.energy_and_gradient(theta, cost)[1]
        curvature, directions = np.linalg.eigh(program.hessian(theta, bound(structure_of(family), family, 0)))
        curved = np.abs(curvature) > FLAT * np.abs(curvature).max()
        moved = -directions[:, curved] @ ((directions[:, curved].T @ slope) / curvature[curved])
        delta = moved @ program.tangents(theta)
    values = problem.derivative_rows @ _transitions(problem, state, delta)
    phase = prepared.phases[0]
    found = Gradient(
        names=problem.network.names,
        values=values,
        covariance=None,
        loss=problem.cost.value(observed),
        loss_stderr=None,
        predictions=problem.output_rows @ free,
        predictions_stderr=None,
        diagnostics={
            "gap": None,
            "phases": [{"beta": 0.0, "energy": phase.energy, "residual": phase.residual, "variance": phase.variance}],
            "curvature_range": [float(curvature[curved].min()), float(curvature.max())],
            "warnings": list(prepared.details.get("warnings", [])),  # type: ignore[call-overload]
        },
        provenance={"method": "implicit differentiation of the ansatz", "preparer": vqe.describe()},
    )
    return stamped(found, started, clock)


def _by_tensor_network(problem: Problem, seed: int, started: datetime, clock: float) -> Gradient:
    """The gradient of matrix product states, by a stencil of small β whose bias is of the fourth order in it."""
    preparer = MPS()
    first = preparer.prepare(_free_family(problem), seed=seed)
    free = first.expectations(problem.frame.paulis)[0]
    nudge = problem.cost.error_signal(problem.cost_rows @ free) @ problem.cost_rows
    size = float(np.abs(nudge[problem.frame.busy]).sum())
    gap = first.phases[0].gap or 1.0
    beta = NUDGE_SHARE * gap / size if size else NUDGE_SHARE
    planned = plan(problem, preparer=preparer, stencil=extrapolated(beta), near=first, seed=seed)
    done, outcomes = finish(planned, lambda part, earlier: execute(part, None, earlier=earlier))
    found = reduce(done, outcomes)
    text = (
        f"{problem.network.num_qubits} qubits are more than diagonalisation reaches ({MOST_QUBITS}): matrix product states "
        f"and an extrapolated stencil at β = {beta:.2g} stand for the limit"
    )
    warnings = [text, *found.diagnostics["warnings"]]  # type: ignore[misc]
    provenance = {**found.provenance, "method": "density-matrix renormalisation group, extrapolated to β = 0", "beta": beta}
    return stamped(replace(found, diagnostics={**found.diagnostics, "warnings": warnings}, provenance=provenance), started, clock)


def _free_family(problem: Problem) -> Family:
    strings = tuple(int(i) for i in np.flatnonzero((problem.cost_rows != 0).any(axis=0)))
    return Family(problem.frame, problem.hamiltonian_row, np.zeros_like(problem.hamiltonian_row), (0.0,), strings)


def _transitions(problem: Problem, state: NDArray[np.complex128], delta: NDArray[np.complex128]) -> Vector:
    """2 Re⟨δψ|P|ψ⟩ of every string, from the expectations of ψ ± δψ (polarisation)."""
    size = float(np.linalg.norm(delta))
    if size == 0.0:
        return np.zeros(len(problem.frame.paulis))
    structure = structure_for(problem.frame.paulis)
    pair = np.array([state + delta / size, state - delta / size])
    plus, minus = structure.expectations(pair)
    return size * (plus - minus) / 2
