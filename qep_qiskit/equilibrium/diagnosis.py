"""The diagnosis of a gradient: the gap, the phases, the finite-β bias and the warnings of its states, circuits and shots."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.bias import WARNED
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.displacement import too_large_beta
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.truncation import truncation
from qep_qiskit.preparation.preparer import Phase

DEEP = 20
"""The depth at which a state-loading circuit starts to give a warning."""
Vector = NDArray[np.float64]


def diagnose(plan: Plan, outcomes: Outcomes | None = None, variances: Vector | None = None) -> Diagnostics:
    """Return the gap, the phases, the finite-β bias and the warnings of a complete plan.

    Parameters
    ----------
    plan : Plan
    outcomes : Outcomes, optional
        What a device returned. Default: nothing has run yet.
    variances : ndarray of shape (K,), optional
        The variances of the gradient; the bias gives a warning only beyond their error bars. Default: zero.
    """
    parts = [plan] if plan.earlier is None else [plan.earlier, plan]
    phases = {p: phase for part in parts for p, phase in zip(part.phases, part.prepared.phases, strict=True)}
    bounds = _bounds(plan, phases)
    ran = [] if outcomes is None else [*_other_shots(plan, outcomes), *outcomes.ran.notes(), *_loaded(plan, outcomes)]
    warnings: list[str] = []
    for part in parts:
        reported = part.prepared.details.get("warnings", [])
        warnings += [str(w) for w in reported if w not in warnings] if isinstance(reported, list | tuple) else []
    nearness, far = plan.nearness
    weights, spread = plan.problem.network.num_weights, np.zeros(0) if variances is None else variances
    noises = [float(np.sqrt(np.clip(part, 0.0, None).sum())) for part in (spread[:weights], spread[weights:])]
    biased = plan.bias.warnings(noises[0])
    apart = None if nearness is None else nearness.get("gradient_difference")
    if isinstance(apart, float) and apart <= WARNED:
        biased = []  # whatever an ansatz does at smaller β, this is the true ground state's gradient
    ramp, unlike = plan.ramp_limit
    if unlike:
        biased = []  # they advise a smaller β, at which a ramp's error is larger still
    of_inputs = [] if biased or unlike else plan.bias.warnings_of_inputs(noises[1])
    unfinished = max((phase.gradient_error or 0.0 for phase in phases.values()), default=0.0)
    biased = [] if unfinished >= (plan.bias.relative or math.inf) else biased  # a smaller β does not help
    of_inputs = [] if unfinished >= (plan.bias.relative_of_inputs or math.inf) else of_inputs
    displaced = too_large_beta(phases.values(), plan.bias)
    crossed = [] if displaced is None else [displaced["warning"]]
    warnings += [*far, *unlike, *crossed, *biased, *of_inputs, *plan.bias.stiff, *ran]
    return Diagnostics(
        gap=next((phase.gap for phase in phases.values() if phase.gap is not None), None),
        phases=tuple(phase for _, phase in sorted(phases.items())),
        beta_bias={**plan.bias.to_dict(), "warning": biased[0] if biased else None},
        warnings=tuple(warnings),
        more={
            **({} if nearness is None else {"ground_state": dict(nearness)}),
            **({} if ramp is None else {"ramp": dict(ramp)}),
            **({} if displaced is None else {"too_large_beta": dict(displaced)}),
            **({} if plan.bias.regulariser is None else {"half_regulariser": plan.bias.regulariser}),
            **bounds,
            **truncation(plan.problem, phases[0].energy if 0 in phases else None),
        },
    )


def _other_shots(plan: Plan, outcomes: Outcomes) -> list[str]:
    """Warn if a device returned a different number of shots than requested. The error bars are for the returned shots.

    Twirling rounds the number up, which does not cause a warning.
    """
    if plan.shots is None:
        return []
    every = [(key[:2], samples) for part in (outcomes.samples, outcomes.amplified) for key, samples in part.items()]
    pairs = [(plan.shots_of(*key), samples.shots) for key, samples in every]
    rounds_up = plan.mitigation.twirled or any(outcomes.device.get(f"{k}_twirling") for k in ("gate", "measure"))
    other = [(a, b) for a, b in pairs if a is not None and b is not None and (b < a or (b > a and not rounds_up))]
    if not other:
        return []
    requested, received = min(other, key=lambda pair: pair[1] / pair[0])
    return [
        f"the device returned another number of shots than requested in {len(other)} of {len(pairs)} circuits "
        f"({received} instead of {requested}); the error bars are those of the returned shots"
    ]


def _loaded(plan: Plan, outcomes: Outcomes) -> list[str]:
    """Warn if a noisy device ran a circuit that loads arbitrary states, since such circuits are deep."""
    loads = plan.preparer.supports.loads and outcomes.samples
    deepest = max((_count(circuit.get("depth")) for circuit in outcomes.circuits), default=0)
    if not loads or outcomes.device.get("noise") is None or deepest < DEEP:
        return []
    gates = max((_count(circuit.get("two_qubit_gates")) for circuit in outcomes.circuits), default=0)
    return [
        f"{type(plan.preparer).__name__}() states are loaded by a circuit for arbitrary states, here of depth {deepest} "
        f"with {gates} two-qubit gates, each with the device's noise; qep.VQE(...) or qep.Adiabatic(...) make shallower ones"
    ]


def _count(value: object) -> int:
    return int(value) if isinstance(value, int) else 0


def _bounds(plan: Plan, phases: Mapping[int, Phase]) -> dict[str, object]:
    """Return bounds on the errors of the gradient and of the predictions, if the states have an error bound.

    The error of each string's expectation is at most the phase's bound, so that of a weight's gradient is at most
    Σ_p |s_p| bound_p ‖∂H/∂w‖₁. The effect of the free phase's error on the error signal of the cost is neglected.
    """
    bounds = [phases[p].error_bound for p in range(len(plan.stencil.phases))]
    if any(bound is None for bound in bounds):
        return {}
    busy = plan.problem.frame.busy
    total = sum(abs(s) * float(b or 0.0) for s, b in zip(plan.stencil.phase_factors, bounds, strict=True))
    return {
        "error_bound": (total * np.abs(plan.problem.derivative_rows[:, busy]).sum(axis=1)).tolist(),
        "predictions_error_bound": (float(bounds[0] or 0.0) * np.abs(plan.problem.output_rows[:, busy]).sum(axis=1)).tolist(),
    }
