"""Planning and execution of a gradient's rounds in sequence, and the versions and times in its provenance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from qep_qiskit.equilibrium.adaptive_beta import adapted_all
from qep_qiskit.equilibrium.bias import biases_of
from qep_qiskit.equilibrium.execution import execute, execute_all
from qep_qiskit.equilibrium.families import first_family, free_family, nudged_family
from qep_qiskit.equilibrium.nearness import nearness_of_all
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan, refuse_without_qubits
from qep_qiskit.equilibrium.reduction import observed_free
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.equilibrium.second_round import advance, advance_all
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.combination import joined, remembered
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil

WarmStart = Gradient | Prepared | None
NEAR = 0.2
"""The largest relative distance between a sample's Hamiltonian and the Hamiltonian whose state it starts from."""


def run(
    problems: Sequence[Problem],
    settings: Settings,
    *,
    warm_start: Sequence[WarmStart] | None = None,
    splits: Sequence[Split] | None = None,
    shared: bool = False,
    progress: Progress = silent,
) -> list[tuple[Plan, Outcomes]]:
    """Run all rounds of several problems, with one job per round and number of shots.

    Return the last plan of each problem and the outcomes of its rounds, which can be reduced in more than one way. `shared` means
    that other problems will be measured on the same qubits. `splits` are the shots of each problem, in place of the settings'.
    """
    first = first_rounds(problems, settings, warm_start=_starts(warm_start, problems), progress=progress)
    if splits is not None:
        first = [replace(part, settings=replace(settings, shots=split)) for part, split in zip(first, splits, strict=True)]
    outcomes = execute_all(first, shared=shared, progress=progress)
    # a batch may mix costs: only costs of expectations need a second round
    waiting = [i for i, part in enumerate(first) if not part.complete]
    last = list(first)
    if waiting:
        observed = [observed_free(first[i], outcomes[i]) for i in waiting]
        second = advance_all([first[i] for i in waiting], observed, progress=progress)
        later = execute_all(second, earlier=[outcomes[i] for i in waiting], progress=progress)
        for i, part, second_outcomes in zip(waiting, second, later, strict=True):
            last[i], outcomes[i] = part, outcomes[i].followed_by(second_outcomes)
    if len(last) > 1:
        _diagnose(last)
    return list(zip(last, outcomes, strict=True))


def _diagnose(plans: Sequence[Plan]) -> None:
    """Compute the data for the diagnostics of a batch, for all plans together."""
    for part, bias in zip(plans, biases_of(plans), strict=True):
        part.__dict__["bias"] = bias
    for part, nearness in zip(plans, nearness_of_all(plans), strict=True):
        part.__dict__["nearness"] = nearness


def run_each(problems: Sequence[Problem], settings: Sequence[Settings]) -> list[tuple[Plan, Outcomes]]:
    """Run several problems, each with its own settings and jobs; only the states are prepared together.

    Parameters
    ----------
    problems : sequence of Problem
    settings : sequence of Settings
        One for each problem, with the same preparer and seed.
    """
    first = _together(problems, settings, None, silent)
    outcomes = [execute(part) for part in first]
    last = list(first)
    waiting = [i for i, part in enumerate(first) if not part.complete]
    observed = [observed_free(first[i], outcomes[i]) for i in waiting]
    for i, part in zip(waiting, advance_all([first[i] for i in waiting], observed) if waiting else (), strict=True):
        last[i], outcomes[i] = part, outcomes[i].followed_by(execute(part, earlier=outcomes[i]))
    _diagnose(last)
    return list(zip(last, outcomes, strict=True))


def finish(
    first: Plan, executed: Callable[[Plan, Outcomes | None], Outcomes], progress: Progress = silent
) -> tuple[Plan, Outcomes]:
    """Run all rounds of a plan with a function that executes one round."""
    outcomes = executed(first, None)
    if first.complete:
        return first, outcomes
    second = advance(first, observed_free(first, outcomes), progress=progress)
    return second, outcomes.followed_by(executed(second, outcomes))


def first_rounds(
    problems: Sequence[Problem],
    settings: Settings,
    *,
    warm_start: Sequence[Prepared | None] | None = None,
    progress: Progress = silent,
) -> list[Plan]:
    """Return the first rounds of a batch, with the states of all samples prepared together if the preparer gains by it.

    Parameters
    ----------
    problems : sequence of Problem
    settings : Settings
    warm_start : sequence of Prepared or None, optional
        One start for each problem. Default: each problem starts from the nearest earlier one, if the preparer allows it.
    """
    count = len(problems)
    if count > 1 and settings.preparer.supports.together:
        return _together(problems, [settings] * count, warm_start, progress)
    first: list[Plan] = []
    for number, problem in enumerate(problems):
        if count > 1:
            progress(f"preparing sample {number + 1} of {count}", number / count)
        if warm_start is not None:
            start = warm_start[number]
        else:
            start = _nearest(problem, first) if settings.preparer.supports.neighbours else None
        first.append(plan(problem, settings, warm_start=start, progress=silent if count > 1 else progress))
    return first


def _together(
    problems: Sequence[Problem], settings: Sequence[Settings], warm_start: Sequence[Prepared | None] | None, progress: Progress
) -> list[Plan]:
    """Return the first rounds of a batch, with the states of all samples prepared in one call, or two if β is adaptive.

    The settings may differ in all but the preparer and the seed.
    """
    preparer, seed = settings[0].preparer, settings[0].seed
    for problem, each_settings in zip(problems, settings, strict=True):
        refuse_without_qubits(problem, preparer, each_settings.shots)
    stencils = [s.stencil if isinstance(s.stencil, Stencil) else None for s in settings]
    pairs = zip(problems, stencils, strict=True)
    families = [free_family(problem) if stencil is None else first_family(problem, stencil) for problem, stencil in pairs]
    states = preparer.prepare_all(families, warm_start=warm_start, seed=seed, progress=progress)
    adaptive = [i for i, stencil in enumerate(stencils) if stencil is None]
    for i in adaptive:
        states[i] = remembered(states[i])
    adapted = adapted_all([settings[i] for i in adaptive], [problems[i] for i in adaptive], [states[i] for i in adaptive])
    stencil_of = {i: stencil for i, stencil in enumerate(stencils) if stencil is not None} | dict(
        zip(adaptive, adapted, strict=True)
    )
    once = [i for i in adaptive if not problems[i].cost.needs_free_phase]
    families = [nudged_family(problems[i], stencil_of[i]) for i in once]
    nudged = preparer.prepare_all(families, free=[states[i] for i in once], seed=seed, progress=progress) if once else []
    for i, rest in zip(once, nudged, strict=True):
        states[i] = joined(states[i], rest)
    return [
        plan(problem, settings[i], prepared=prepared, stencil=stencil_of[i])
        for i, (problem, prepared) in enumerate(zip(problems, states, strict=True))
    ]


def _nearest(problem: Problem, done: Sequence[Plan]) -> Prepared | None:
    """Return the states of the plan with the nearest Hamiltonian; None if the relative 1-norm distance exceeds `NEAR`."""
    row, labels = problem.hamiltonian_row, problem.frame.labels
    others = [(p.problem.hamiltonian_row, p.problem.frame.labels) for p in done]
    distances = [np.abs(other - row).sum() if theirs == labels else np.inf for other, theirs in others]
    if not distances or min(distances) > NEAR * np.abs(row).sum():
        return None
    return done[int(np.argmin(distances))].prepared


def _starts(warm_start: Sequence[WarmStart] | None, problems: Sequence[Problem]) -> list[Prepared | None] | None:
    if warm_start is None:
        return None
    if len(warm_start) != len(problems):
        raise InputError(
            f"warm_start: {len(warm_start)} gradients for {len(problems)} problems; give one per problem, in the same order"
        )
    return [start_from(start, problem) for start, problem in zip(warm_start, problems, strict=True)]


def start_from(warm_start: WarmStart, problem: Problem) -> Prepared | None:
    """Return the prepared free phase of a similar problem's gradient. Raises InputError if its network is different."""
    if warm_start is None or isinstance(warm_start, Prepared):
        return warm_start
    if not isinstance(warm_start, Gradient):
        raise InputError(f"warm_start: {warm_start!r} is not allowed; give the qep.Gradient of a similar problem")
    if warm_start.names != problem.network.names:
        raise InputError(
            f"warm_start: that gradient has {len(warm_start.names)} weights of other names than this network's "
            f"{len(problem.network.names)}; give one of the same network"
        )
    return warm_start.free


def stamped(gradient: Gradient, started: datetime, clock: float, planned: Mapping[str, object] | None = None) -> Gradient:
    """Return the gradient with versions, times and the planner's choices in its provenance."""
    stamp = {
        **({} if planned is None else {"planned": planned}),
        "versions": versions(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
    }
    return replace(checked(gradient), provenance={**gradient.provenance, **stamp})
