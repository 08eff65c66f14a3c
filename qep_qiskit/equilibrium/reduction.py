"""Reduction of outcomes to a gradient with its covariance. The same outcomes always give the same gradient."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.diagnosis import diagnose
from qep_qiskit.equilibrium.loss import measured_loss
from qep_qiskit.equilibrium.noise import noise_of
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.readout_bias import correlated, few_shots
from qep_qiskit.equilibrium.record import record_of
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import percent
from qep_qiskit.measurement.expectations import Readings, read
from qep_qiskit.measurement.local_readings import LocalReadings
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.mitigation.readout import Mitigator
from qep_qiskit.measurement.mitigation.readout.correlations import excesses
from qep_qiskit.measurement.mitigation.readout.rates import RatesMitigator
from qep_qiskit.measurement.mitigation.zne import ZeroNoise, combine
from qep_qiskit.measurement.mitigator import digest, for_circuit

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def reduce(plan: Plan, outcomes: Outcomes, *, mitigation: Mitigation | None = None) -> Gradient:
    """Return the gradient from the outcomes of a plan.

    Parameters
    ----------
    plan : Plan
        The last round.
    outcomes : Outcomes
        The outcomes of all rounds.
    mitigation : Mitigation, optional
        Another mitigation, for which the counts can be read; see :func:`~qep_qiskit.measurement.mitigation.mitigation.readable`.
        Default: the plan's.

    Returns
    -------
    Gradient

    Notes
    -----
    The gradient of a weight is Σ_p s_p ⟨∂H/∂w⟩_p. Its covariance has three parts: Σ_p s_p² Cov_p from the per-shot values within
    a basis; J Σ_cal Jᵀ from the covariance of the calibration, which all phases share; and the error of ε in the free phase,
    propagated by ∂(gradient)/∂ε. Each part allows for events too rare to be seen (`measurement/covariance.py`).
    """
    if not plan.complete:
        raise InputError("reduce: this plan is the first of two rounds; run advance(...) and execute the second round too")
    problem, stencil = plan.problem, plan.stencil
    method = mitigation or plan.mitigation
    mitigator = _mitigator(method, outcomes)
    strings = [values_of(plan, outcomes, p, mitigator, method.zne) for p in range(len(stencil.phases))]
    values = problem.gradient_rows @ (np.array(stencil.phase_factors) @ np.array([v for v, _ in strings]))
    free = strings[0][0]
    predictions, observed = problem.output_rows @ free, problem.cost_rows @ free
    weights, counts = problem.network.num_weights, (len(values), len(predictions), len(observed))
    covariance, shared, noise = None, None, None
    signal = problem.cost.error_signal(observed)
    if not outcomes.expectations and plan.shots is not None:
        parts = _parts(_rows(plan, observed), [readings for _, readings in strings])
        covariance, share, added = _covariance(parts, sum(counts), mitigator)
        noise = noise_of(plan, parts, [np.diag(part)[:weights] for part in added], observed)
        if mitigator is not None:
            shared = np.vstack([share[:weights], signal @ share[-counts[2] :]])
    warnings: list[str] = []
    if covariance is not None and mitigator is not None:
        stderr = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
        gradient_part = ("gradient", [s * problem.gradient_rows for s in stencil.phase_factors], stderr[: counts[0]])
        predictions_part = ("predictions", [problem.output_rows], stderr[counts[0] : counts[0] + counts[1]])
        warnings += _readout_bias(plan, outcomes, method, mitigator, strings, [gradient_part, predictions_part])
    unsure = _approximated(plan, outcomes, method, strings)
    diagnosis = diagnose(plan, outcomes, None if covariance is None else np.diag(covariance)[: counts[0]])
    if unsure:
        unsure_by = percent(float(np.linalg.norm(unsure["uncertainty"]) / (np.linalg.norm(values[:weights]) or 1.0)))
        warnings.append(f"{unsure['approximation']}: the gradient is uncertain by {unsure_by} (an estimate, not a bound)")
    loss = measured_loss(problem.cost, observed, None if covariance is None else covariance[-counts[2] :, -counts[2] :])
    gradient = Gradient(
        names=problem.network.names,
        values=values[:weights],
        covariance=None if covariance is None else covariance[:weights, :weights],
        loss=loss.value,
        loss_stderr=loss.stderr,
        loss_bias=loss.bias,
        predictions=predictions,
        predictions_stderr=None
        if covariance is None
        else np.sqrt(np.clip(np.diag(covariance)[counts[0] : counts[0] + counts[1]], 0.0, None)),
        diagnostics=replace(diagnosis, more={**diagnosis.more, **unsure}).with_warnings(warnings),
        provenance=record_of(plan, outcomes, mitigator),
        free=plan.free,
        shared=shared,
        calibration=None if shared is None else digest(outcomes.calibrations),
        input_values=values[weights:] if problem.input_gradient else None,
        input_covariance=covariance[weights : counts[0], weights : counts[0]]
        if problem.input_gradient and covariance is not None
        else None,
        noise=noise,
    )
    return checked(gradient)


def _approximated(
    plan: Plan, outcomes: Outcomes, method: Mitigation, strings: list[tuple[Vector, list[Readings | LocalReadings]]]
) -> dict[str, Any]:
    """Return the estimated error of the gradient that is due to approximate distributions, and words for them; {} if exact.

    It is the change of the gradient when the approximations become coarser by one step. The free phase counts twice: through its
    own part of the gradient, and through the error signal.
    """
    approximations = outcomes.approximations
    if not approximations:
        return {}
    coarse = outcomes.coarse
    mitigator = _mitigator(method, coarse)
    rows = _rows(plan, plan.problem.cost_rows @ strings[0][0])
    change = np.zeros(plan.problem.network.num_weights)
    for p, (values, _) in enumerate(strings):
        change += (rows[p] @ (values - values_of(plan, coarse, p, mitigator, method.zne)[0]))[: len(change)]
    cut, of = sum(each.cut for each in approximations), sum(each.of for each in approximations)
    words = f"light cones, {cut} of {of} cut to balls with a radius of {min(each.radius for each in approximations)} or more"
    return {"uncertainty": np.abs(change).tolist(), "approximation": words}


def variances(plan: Plan, outcomes: Outcomes, phases: Collection[int] | None = None) -> Vector:
    """Return the variance of every weight's gradient, shape (K,), as on the diagonal of the covariance that `reduce` returns.

    Parameters
    ----------
    plan : Plan
        The last round.
    outcomes : Outcomes
        The outcomes of all rounds.
    phases : collection of int, optional
        The phases whose circuits count. Default: all.
    """
    method = plan.mitigation
    mitigator = _mitigator(method, outcomes)
    count = plan.problem.network.num_weights
    wanted = range(len(plan.stencil.phases)) if phases is None else sorted(phases)
    strings = {p: values_of(plan, outcomes, p, mitigator, method.zne) for p in wanted}
    free = strings[0][0] if 0 in strings else np.zeros(len(plan.problem.frame.paulis))
    rows = _rows(plan, plan.problem.cost_rows @ free)  # only those of the free phase depend on what it observed
    parts = _parts([rows[p] for p in wanted], [strings[p][1] for p in wanted])
    total = np.zeros(len(rows[0]))
    for reading, part in parts:
        total += reading.variances(part)
    return (total + (_share(parts, len(total), mitigator) ** 2).sum(axis=1))[:count]


def observed_free(plan: Plan, outcomes: Outcomes) -> Vector:
    """Return the expectations of the cost's observables in the free phase, shape (M,), for `advance`."""
    method = plan.mitigation
    return plan.problem.cost_rows @ values_of(plan, outcomes, 0, _mitigator(method, outcomes), method.zne)[0]


def free_phase(plan: Plan, outcomes: Outcomes) -> tuple[Vector, Matrix | None, Matrix | None, tuple[str, ...]]:
    """Return the expectations of the free phase, their covariance, S, and warnings.

    The expectations of the outputs come first, then those of the cost's observables. S Sᵀ is the calibration's part of the
    covariance. The covariance and S are None if expectations are exact.
    """
    method = plan.mitigation
    mitigator = _mitigator(method, outcomes)
    values, readings = values_of(plan, outcomes, 0, mitigator, method.zne)
    rows = np.vstack([plan.problem.output_rows, plan.problem.cost_rows])
    if outcomes.expectations or plan.shots is None:
        return rows @ values, None, None, ()
    means = rows @ values
    covariance, share, _ = _covariance(_parts([rows], [readings]), len(rows), mitigator)
    if mitigator is None:
        return means, covariance, share, ()
    outputs, stderr = len(plan.problem.output_rows), np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    answer = ("predictions", [plan.problem.output_rows], stderr[:outputs])
    return means, covariance, share, _readout_bias(plan, outcomes, method, mitigator, [(values, readings)], [answer])


def values_of(
    plan: Plan, outcomes: Outcomes, phase: int, mitigator: Mitigator | None, zne: ZeroNoise | None = None
) -> tuple[Vector, list[Readings | LocalReadings]]:
    """Return the expectation of every string that was measured in a phase (0 for the others), and the readings.

    With zero-noise extrapolation there is one reading per factor, multiplied by the derivative of the extrapolated values.
    """
    if phase in outcomes.expectations:
        return outcomes.expectations[phase], []
    paulis = plan.problem.frame.paulis
    values = np.where(plan.problem.frame.busy, 0.0, 1.0)
    readings: list[Readings | LocalReadings] = []
    for b, basis in enumerate(plan.bases):
        if plan.measured[phase, b]:
            factors = (1,) if zne is None else zne.factors
            samples = [outcomes.samples[phase, b] if f == 1 else outcomes.amplified[phase, b, f] for f in factors]
            for_phase = for_circuit(mitigator, outcomes.names.get((phase, b), ""))
            at_factors = [read(outcome, basis, paulis, qubits=outcomes.qubits[phase], mitigator=for_phase) for outcome in samples]
            means = at_factors[0].means
            if zne is not None:
                means, at_factors = combine(at_factors, zne)
            values[list(basis.strings)] = means
            readings += at_factors
    return values, readings


def _rows(plan: Plan, observed: Vector) -> list[Matrix]:
    """Return gradient, predictions and cost observables as linear functions of the strings' expectations, by phase."""
    problem, factors = plan.problem, plan.stencil.phase_factors
    quiet = np.zeros((len(problem.output_rows) + len(problem.cost_rows), len(problem.frame.paulis)))
    slopes = problem.gradient_rows
    rows = [np.vstack([s * slopes, quiet]) for s in factors]
    carried = factors[0] * slopes
    if plan.sensitivity is not None:
        carried = carried + plan.sensitivity @ problem.cost.curvature(observed) @ problem.cost_rows
    rows[0] = np.vstack([carried, problem.output_rows, problem.cost_rows])
    return rows


def _covariance(
    parts: list[tuple[Readings | LocalReadings, Matrix]], count: int, mitigator: Mitigator | None
) -> tuple[Matrix, Matrix, list[Matrix]]:
    """Return the covariance, a matrix S such that S Sᵀ is the calibration's part of it, and the part of every reading."""
    added = [reading.covariance(part) for reading, part in parts]
    share = _share(parts, count, mitigator)
    return sum(added, np.zeros((count, count))) + share @ share.T, share, added


def _parts(rows: list[Matrix], readings: list[list[Readings | LocalReadings]]) -> list[tuple[Readings | LocalReadings, Matrix]]:
    """Return every reading with the columns of its strings in the rows of its phase."""
    phases = zip(rows, readings, strict=True)
    return [(reading, matrix[:, list(reading.strings)]) for matrix, phase in phases for reading in phase]


def _share(parts: list[tuple[Readings | LocalReadings, Matrix]], count: int, mitigator: Mitigator | None) -> Matrix:
    """Return a matrix S such that S Sᵀ is the calibration's part of the covariance; it has no columns without mitigation."""
    if mitigator is None:
        return np.zeros((count, 0))
    jacobian = np.zeros((count, mitigator.num_parameters))
    for reading, part in parts:
        jacobian += part @ reading.sensitivity
    return mitigator.share(jacobian)


def _readout_bias(
    plan: Plan,
    outcomes: Outcomes,
    method: Mitigation,
    mitigator: Mitigator,
    strings: list[tuple[Vector, list[Readings | LocalReadings]]],
    parts: list[tuple[str, list[Matrix], Vector]],
) -> tuple[str, ...]:
    """Return warnings about the bias of a readout mitigation with few shots or correlated readout errors.

    With few shots, the strings' expectations are compared with those of the unbiased counterpart, if there is one. `parts` are
    the reported quantities: each has a name, its rows for each phase's strings, and its error bars.
    """
    if not isinstance(mitigator, RatesMitigator):
        return ()

    def carried(off: list[Vector]) -> list[tuple[str, Vector, Vector]]:
        return [(name, np.sum([row @ d for row, d in zip(rows, off, strict=False)], axis=0), bars) for name, rows, bars in parts]

    strongest, off = None, []
    for p, (values, _) in enumerate(strings):
        excess, here = np.zeros(len(values)), None
        if p in outcomes.qubits:  # a phase without a nudge is not measured
            excess, here = excesses(mitigator.rates, outcomes.calibrations, plan.problem.frame.qubits, outcomes.qubits[p])
        strongest = max((each for each in (strongest, here) if each), key=lambda each: each.deviations, default=None)
        off.append(values * excess)
    warnings = correlated(method.readout, strongest, carried(off))
    unbiased = getattr(mitigator, "unbiased", None)
    if unbiased is None:
        return warnings
    off = [values - values_of(plan, outcomes, p, unbiased, method.zne)[0] for p, (values, _) in enumerate(strings)]
    bars = np.zeros((len(off), len(plan.problem.frame.paulis)))
    for p, (_, readings) in enumerate(strings):
        for reading in readings:
            bars[p, list(reading.strings)] += reading.variances(np.eye(len(reading.strings)))
    deviations = np.array(off)[bars > 0] / np.sqrt(bars[bars > 0])
    return warnings + few_shots(method.readout, outcomes.samples.values(), deviations, carried(off))


def _mitigator(method: Mitigation, outcomes: Outcomes) -> Mitigator | None:
    return None if method.method is None or outcomes.expectations else method.method.combine(outcomes.calibrations)
