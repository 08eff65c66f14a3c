"""Exact gradients by linear response, and gradients of variational states by implicit differentiation."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import flag, seed_of, shown
from qep_qiskit.costs import ObservableCost
from qep_qiskit.equilibrium.bias import FLAT, FLAT_SHARE
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.equilibrium.plan import refuse_without_qubits
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import stamped
from qep_qiskit.equilibrium.truncation import truncation
from qep_qiskit.errors import InputError
from qep_qiskit.networks.polynomial import CONSTANT, PRODUCT, Polynomial
from qep_qiskit.networks.quadratic.encoded import EncodedNetwork
from qep_qiskit.preparation.exact import MOST_QUBITS, Exact, reference_state
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.preparation.uniqueness import refuse_excited
from qep_qiskit.preparation.vqe import VQE
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.reference.tensor_network import GroundStates, limit
from qep_qiskit.settings import check_preparer
from qep_qiskit.simulation.closed_form.quadratic import MOST_DENSE, ground_state, respond

Vector = NDArray[np.float64]
COMPARED_QUBITS = 16
"""The largest number of qubits for which the exact gradient is computed by default, which takes less than a second."""
CONVERGED = 1e-7
"""The tolerance of the descent of a variational reference."""


def exact_gradient(
    problem: Problem,
    *,
    inputs: bool = False,
    preparer: Preparer | None = None,
    seed: int = 0,
    progress: ProgressOption = "auto",
) -> Gradient:
    """Return dL/dw of an exact eigenstate or thermal state in the limit β → 0, by linear response.

    Parameters
    ----------
    problem : Problem
        The problem; its cost may be of either kind.
    inputs : bool
        Whether dL/dx is wanted too, as `input_values`.
    preparer : Exact or Thermal, optional
        ``Exact(level=k)`` for an excited state, ``Thermal(T)`` for a Gibbs state. Default: the ground state.
    seed : int
        The seed of the first Lanczos vector.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Gradient
        The gradient; its `stderr` is None.

    Raises
    ------
    DegenerateGroundStateError
        If the ground state, or the level, is not unique.
    InputError
        If the preparer is of another kind.

    Notes
    -----
    Beyond 26 qubits the ground states are matrix product states, and the limit β → 0 is extrapolated from small β; `provenance`
    says so, and `diagnostics` contains an estimate of the error of each value, `uncertainty`.

    Let C = Σ ε_m O_m with ε = ∂ℓ/∂⟨O⟩. Then dL/dw_k = 2 Re⟨δψ|∂H/∂w_k|ψ⟩, where (H − E) δψ = −(C − ⟨C⟩) ψ is one linear
    solve for all weights (first-order perturbation theory; Scellier 2024, arXiv:2406.00879, theorem 1). For a thermal state the
    gradient is Kubo's canonical correlation of C and ∂H/∂w_k (Massar & Mognetti 2024, arXiv:2405.08467). For the ground state
    of a classical network, one configuration, it is zero.
    """
    check_problem(problem)
    problem = problem.with_inputs() if flag("inputs", inputs) else problem
    preparer = Exact() if preparer is None else check_preparer(preparer)
    seed = seed_of(seed)
    started, clock = datetime.now(UTC), time.perf_counter()
    refuse_without_qubits(problem, preparer, None)
    if reference_state(preparer) is not preparer:
        raise InputError(
            f"exact_gradient: preparer {preparer.describe().get('method')!r} prepares no exact state; give qep.Exact(...) or "
            "qep.Thermal(...), and see variational_gradient for VQE and MeanField"
        )
    if isinstance(preparer, Exact):
        if problem.network.closed_form:
            refuse_excited(int(preparer.level))
            return stamped(_closed_form(problem), started, clock)
        if problem.network.num_qubits > MOST_QUBITS and not preparer.level:
            with showing(progress) as report:
                return stamped(limit(GroundStates(problem, seed=seed, progress=report)).gradient, started, clock)
        preparer = Exact(level=preparer.level)  # the other options only affect speed
    with showing(progress) as report:
        prepared = preparer.prepare(free_family(problem), seed=seed, progress=report)
        if prepared.response is None:
            raise InputError(f"exact_gradient: {prepared.silence or 'these states have no computed response to a nudge'}")
        report("linear response", None)
        free = prepared.expectations(problem.frame.strings)[0]
        signal = problem.cost.error_signal(problem.cost_rows @ free) @ problem.cost_rows
        response = prepared.response(signal, exact=True)
        changes = response.changes(problem.frame.strings)
    gradient = _as_gradient(
        problem,
        free,
        changes,
        phase=prepared.phases[0],
        diagnostics=Diagnostics(
            gap=prepared.phases[0].gap,
            warnings=(prepared.silence,) if prepared.silence else (),
            more=_some(response.details, "free_energy"),
        ),
        provenance={
            "method": f"linear response of {response.of}",
            "preparer": preparer.describe(),
            **_some(response.details, "products"),
        },
    )
    if preparer == Exact():
        details = _truncation(problem, prepared.phases[0].energy, gradient.values)
        gradient = replace(gradient, diagnostics=replace(gradient.diagnostics, more=details))
    return stamped(gradient, started, clock)


def _truncation(problem: Problem, energy: float, values: Vector) -> dict[str, object]:
    """Return the truncation error of oscillators, and the resulting gradient error if the cost has a closed form."""
    report = truncation(problem, energy)
    network = problem.network
    if not isinstance(network, EncodedNetwork):
        return report
    if isinstance(problem.cost, ObservableCost) and not isinstance(problem.cost.operator, Polynomial):
        return report
    closed = _closed_form(Problem(network.form, problem.weights, problem.x, cost=problem.cost))
    size = float(np.linalg.norm(closed.values))
    error = float(np.linalg.norm(values - closed.values))
    return {"truncation": {**report["truncation"], "gradient_error": error / size if size else None}}  # type: ignore[dict-item]


def _closed_form(problem: Problem) -> Gradient:
    """Return the gradient of a Gaussian ground state, by the linear response of its normal modes."""
    strings, quantum = problem.frame.strings, problem.frame.quantum
    form = strings.form(problem.hamiltonian_row)
    dense = form.size <= MOST_DENSE or bool((problem.cost_rows[:, strings.kind >= PRODUCT] != 0).any())
    if dense:
        state = ground_state(form, quantum=quantum)
        mean, energy, gap = state.mean, state.energy, state.gap
        free = strings.expectations(mean, state.covariance, state.momenta)
    else:
        mean, energy, gap = form.mean(), math.nan, form.lowest_frequency()
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
        diagnostics=Diagnostics(gap=gap, phases=(Phase(0.0, energy, left, 0.0),)),
        provenance={"method": "linear response of normal modes, in closed form", "sites": form.size},
        input_values=problem.input_rows @ change if problem.input_gradient else None,
    )


def variational_gradient(
    problem: Problem, preparer: Preparer, *, inputs: bool = False, seed: int = 0, progress: ProgressOption = "auto"
) -> Gradient:
    """Return the gradient of a variational state's own loss, by implicit differentiation: the limit β → 0 of EP on this state.

    Parameters
    ----------
    problem : Problem
    preparer : VQE or MeanField
        The preparer of the free phase, which is optimised as in :func:`gradient` with the same seed.
    inputs : bool
        Whether dL/dx is wanted too, as `input_values`.
    seed : int
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Gradient
        The gradient; its `stderr` is None.

    Notes
    -----
    The gradient is −∂_w∂_θE · (∂²_θE)⁺ · ∂_θ⟨C⟩ with E = ⟨H⟩, at ∂_θE = 0. The θ are the ansatz's angles, or the angles of
    classical spins. Flat directions of E (redundant angles) are left out.
    """
    check_problem(problem)
    problem = problem.with_inputs() if flag("inputs", inputs) else problem
    return variational_gradients([problem], preparer, seed=seed, progress=progress)[0]


def variational_gradients(
    problems: Sequence[Problem], preparer: Preparer, *, seed: int = 0, progress: ProgressOption = "auto"
) -> list[Gradient]:
    """Return one gradient per problem, as :func:`variational_gradient` would, with all states prepared in one call."""
    if not check_preparer(preparer).supports.variational:
        raise InputError(f"variational_gradient: {shown(preparer)} varies nothing; give qep.VQE(...) or qep.MeanField(...)")
    for problem in problems:
        refuse_without_qubits(problem, preparer, None)
    seed = seed_of(seed)
    started, clock = datetime.now(UTC), time.perf_counter()
    if isinstance(preparer, VQE):
        preparer = replace(preparer, tolerance=min(preparer.tolerance, CONVERGED))
    with showing(progress) as report:
        states = preparer.prepare_all([free_family(problem) for problem in problems], seed=seed, progress=report)
        pairs = zip(problems, states, strict=True)
        return [stamped(_implicit(problem, preparer, prepared), started, clock) for problem, prepared in pairs]


def _implicit(problem: Problem, preparer: Preparer, prepared: Prepared) -> Gradient:
    free = prepared.expectations(problem.frame.paulis)[0]
    signal = problem.cost.error_signal(problem.cost_rows @ free) @ problem.cost_rows
    assert prepared.response is not None
    response = prepared.response(signal, exact=True)
    flat = float(response.details.get("flat_share", 0.0)) > FLAT_SHARE  # type: ignore[arg-type]
    warnings = [*prepared.details.get("warnings", []), *([FLAT] if flat else [])]  # type: ignore[misc]
    return _as_gradient(
        problem,
        free,
        response.changes(problem.frame.paulis),
        phase=prepared.phases[0],
        diagnostics=Diagnostics(warnings=tuple(warnings), more=_some(response.details, "curvature_range")),
        provenance={
            "method": f"implicit differentiation of the {preparer.supports.variational}",
            "preparer": preparer.describe(),
        },
    )


def _as_gradient(
    problem: Problem,
    free: Vector,
    transitions: Vector,
    *,
    phase: Phase,
    diagnostics: Diagnostics,
    provenance: dict[str, object],
) -> Gradient:
    """Return the gradient from the free expectations of all strings and their derivatives with respect to the nudge."""
    values = problem.gradient_rows @ transitions
    return Gradient(
        names=problem.network.names,
        values=values[: problem.network.num_weights],
        covariance=None,
        loss=problem.cost.value(problem.cost_rows @ free),
        loss_stderr=None,
        predictions=problem.output_rows @ free,
        predictions_stderr=None,
        diagnostics=replace(diagnostics, phases=(Phase(0.0, phase.energy, phase.residual, phase.variance),)),
        provenance=provenance,
        input_values=values[problem.network.num_weights :] if problem.input_gradient else None,
    )


def _some(details: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: details[name] for name in names if name in details}
