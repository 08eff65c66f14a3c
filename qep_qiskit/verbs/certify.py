"""The verb certify: one interval per weight that contains the true derivative."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Unpack

import numpy as np

from qep_qiskit.certified.bounds import NoBoundError, bounds_of, error_signal_bound
from qep_qiskit.certified.certificate import Certificate
from qep_qiskit.certified.choice import narrowest
from qep_qiskit.certified.evidence import evidence_of, first_energy, refuse_unbounded, shot_parts
from qep_qiskit.certified.shots import sum_bound
from qep_qiskit.checks import flag, real, shown
from qep_qiskit.equilibrium.combination import remembered
from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, planned, refuse_without_qubits, with_nudged
from qep_qiskit.equilibrium.reduction import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import finish, stamped
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import OptimalShots
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import Progress, ProgressOption, showing
from qep_qiskit.settings import Options, Settings, settings_of, shows_options
from qep_qiskit.simulation.eigen.excited_bound import EnergyBound
from qep_qiskit.verbs.gradient import gradient


@shows_options()
def certify(
    problem: Problem,
    *,
    inputs: bool = False,
    gap: float | None = None,
    confidence: float = 0.99,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Certificate:
    """Return one interval per weight that contains the true dL/dw: in the limit β → 0, and of the true ground state.

    Parameters
    ----------
    problem : Problem
    inputs : bool
        Whether intervals for dL/dx are wanted too: see :func:`gradient`.
    gap : float, optional
        An assumption, for networks of more than 16 qubits: the first excited energy lies at least this far above the energy of
        the prepared free phase. Up to 16 qubits such a bound is computed. A gap that cannot be is refused.
    confidence : float
        The probability with which all intervals hold together, over the shots. Without shots they always hold.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        See :class:`~qep_qiskit.settings.Settings`. Exact states, matrix product states and VQE circuits are certified, on devices
        without noise. A stencil without a β, as by default, gets the β whose intervals are expected to be narrowest.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Certificate
        If no bound is known, it has no intervals, and `reason` says why.

    Notes
    -----
    The parts of a half-width are added, and each is bounded by proof: docs/certified.md has all bounds. The intervals are often
    hundreds of times wider than the true error.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    >>> problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]))
    >>> certificate = qep.certify(problem)
    >>> bool(certificate.contains(qep.exact_gradient(problem)).all())
    True
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    check_problem(problem)
    problem = problem.with_inputs() if flag("inputs", inputs) else problem
    settings = settings_of(certify, options)
    if isinstance(settings.shots, OptimalShots):
        raise InputError("shots: optimal_shots is not certified; give a number, or the Split that qep.forecast(...) chose")
    chance = _confidence(confidence)
    assumed = None if gap is None else real("gap", gap, above=0.0)
    with showing(progress) as report:
        try:
            refuse_unbounded(problem, settings)
        except NoBoundError as error:
            return Certificate(gradient(problem, progress=report, **options), reason=str(error))
        return _certified(problem, settings, assumed, chance, report, (started, clock))


def _confidence(value: object) -> float:
    try:
        chance = real("confidence", value)
    except InputError:
        chance = math.nan
    if not 0.0 < chance < 1.0:
        raise InputError(f"confidence: {shown(value)} is not allowed; give a number between 0 and 1, such as 0.99")
    return chance


def _certified(
    problem: Problem, settings: Settings, gap: float | None, confidence: float, report: Progress, begun: tuple[datetime, float]
) -> Certificate:
    refuse_without_qubits(problem, settings.preparer, settings.shots)
    free = remembered(settings.preparer.prepare(free_family(problem), seed=settings.seed, progress=report))
    energy = float(problem.hamiltonian_row @ free.expectations(problem.frame.strings)[0])
    statements = len(problem.gradient_rows) + len(problem.cost_rows)
    failure = (1 - confidence) / statements
    first: EnergyBound | None = None
    assumptions: tuple[str, ...] = ()
    reason = ""
    try:
        first, assumptions = first_energy(problem, energy, gap, settings.seed, report)
    except NoBoundError as error:
        reason = str(error)
    lower = -np.inf if first is None else first.energy
    stencil = narrowest(settings.stencil, problem, settings, free, lower, failure)
    states = with_nudged([problem], [settings], {0: free}, {0: stencil}, report)
    begin = planned(problem, replace(settings, stencil=stencil), states[0], stencil)
    last, outcomes = finish(begin, lambda part, before: execute(part, earlier=before, progress=report), report)
    report("gradient and its bounds", None)
    result = stamped(reduce(last, outcomes), *begun)
    if first is None:
        return Certificate(result, reason=reason)
    try:
        return _parts(last, outcomes, result, first, failure, confidence, assumptions)
    except NoBoundError as error:
        return Certificate(result, reason=str(error), assumptions=assumptions)


def _parts(
    last: Plan,
    outcomes: Outcomes,
    result: Gradient,
    first: EnergyBound,
    failure: float,
    confidence: float,
    assumptions: tuple[str, ...],
) -> Certificate:
    problem = last.problem
    evidence = evidence_of(last, first.energy)
    bounds = bounds_of(problem, evidence)
    rounds, free = shot_parts(last, outcomes)
    nothing = np.zeros(len(problem.gradient_rows))
    shots = sum((sum_bound(parts, failure / len(rounds)) for parts in rounds), nothing)
    needed = problem.cost.needs_free_phase and bool(free)
    of_free = sum_bound(free, failure) if needed else np.zeros(len(problem.cost_rows))
    observed = observed_free(last if last.earlier is None else last.earlier, outcomes)
    signal = error_signal_bound(problem, bounds, observed, of_free)
    chains = any(phase.bond_dimension is not None for phase in last.prepared.phases)
    parts = {
        "finite_beta": bounds.finite_beta,
        "states": nothing if chains else bounds.states,
        "truncation": bounds.states if chains else nothing,
        "error_signal": signal,
        "shots": shots,
        "rounding": bounds.rounding,
    }
    sure = (confidence if rounds or needed else 1.0) - first.failure
    count = len(result.names)
    of_weights, of_inputs = ({name: part[where] for name, part in parts.items()} for where in (slice(count), slice(count, None)))
    return Certificate(result, of_weights, sure, bounds.gap, first.method, assumptions, input_parts=of_inputs)
