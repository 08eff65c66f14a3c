"""Planning and execution of a gradient's rounds in sequence, and the versions and times in its provenance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from qep_qiskit.equilibrium.adaptive_beta import adapted
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.families import first_family, free_family, nudged_family
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import observed_free
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.equilibrium.second_round import advance, advance_all
from qep_qiskit.errors import InputError
from qep_qiskit.preparation.combination import joined
from qep_qiskit.preparation.preparer import Prepared, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.provenance import versions
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AdaptiveStencil, Stencil

WarmStart = Gradient | Prepared | None
NEAR = 0.2
"""The largest distance, as a share of its coefficients, between a sample's Hamiltonian and the one that it starts from."""


def run(
    problems: Sequence[Problem],
    settings: Settings,
    *,
    warm_start: Sequence[WarmStart] | None = None,
    progress: Progress = silent,
) -> list[tuple[Plan, Outcomes]]:
    """Run all rounds of several problems, with one job per round.

    Return the last plan of each problem and the outcomes of its rounds, which can be reduced in more than one way.
    """
    first = _first_rounds(problems, settings, warm_start, progress)
    outcomes = execute_all(first, progress=progress)
    # a batch may mix costs: only costs of expectations need a second round
    waiting = [i for i, part in enumerate(first) if not part.complete]
    last = list(first)
    if waiting:
        observed = [observed_free(first[i], outcomes[i]) for i in waiting]
        second = advance_all([first[i] for i in waiting], observed, progress=progress)
        later = execute_all(second, earlier=[outcomes[i] for i in waiting], progress=progress)
        for i, part, second_outcomes in zip(waiting, second, later, strict=True):
            last[i], outcomes[i] = part, outcomes[i].followed_by(second_outcomes)
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


def _first_rounds(
    problems: Sequence[Problem], settings: Settings, warm_start: Sequence[WarmStart] | None, progress: Progress
) -> list[Plan]:
    count = len(problems)
    if warm_start is not None and len(warm_start) != count:
        raise InputError(f"warm_start: {len(warm_start)} gradients for {count} problems; give one per problem, in the same order")
    stencils: list[Stencil | None] = [None] * count
    states: list[Prepared | None] = [None] * count
    if count > 1 and settings.preparer.supports.together:
        stencils, states = _prepared_together(problems, settings, progress)
    first: list[Plan] = []
    for number, (problem, stencil, prepared) in enumerate(zip(problems, stencils, states, strict=True)):
        if count > 1 and prepared is None:
            progress(f"preparing sample {number + 1} of {count}", number / count)
        if warm_start is not None:
            start = start_from(warm_start[number], problem)
        else:
            start = _nearest(problem, first) if settings.preparer.supports.neighbours else None
        quiet = silent if count > 1 else progress
        first.append(plan(problem, settings, warm_start=start, prepared=prepared, stencil=stencil, progress=quiet))
    return first


def _prepared_together(
    problems: Sequence[Problem], settings: Settings, progress: Progress
) -> tuple[list[Stencil | None], list[Prepared | None]]:
    """Return each problem's stencil and the states of its first round; the states of all problems are prepared together."""
    preparer, stencil = settings.preparer, settings.stencil
    if isinstance(stencil, Stencil):
        states = preparer.prepare_all([first_family(problem, stencil) for problem in problems], progress=progress)
        return [stencil] * len(problems), list(states)
    assert isinstance(stencil, AdaptiveStencil)
    free = preparer.prepare_all([free_family(problem) for problem in problems], progress=progress)
    stencils = [adapted(stencil, problem, state, settings.shots) for problem, state in zip(problems, free, strict=True)]
    once = [i for i, problem in enumerate(problems) if not problem.cost.needs_free_phase]
    families = [nudged_family(problems[i], stencils[i]) for i in once]
    nudged = preparer.prepare_all(families, progress=progress) if once else []
    for i, rest in zip(once, nudged, strict=True):
        free[i] = joined(free[i], rest)
    return list(stencils), list(free)


def _nearest(problem: Problem, done: Sequence[Plan]) -> Prepared | None:
    """Return the states of the plan with the nearest Hamiltonian; None if the relative 1-norm distance exceeds `NEAR`."""
    row, labels = problem.hamiltonian_row, problem.frame.labels
    others = [(p.problem.hamiltonian_row, p.problem.frame.labels) for p in done]
    distances = [np.abs(other - row).sum() if theirs == labels else np.inf for other, theirs in others]
    if not distances or min(distances) > NEAR * np.abs(row).sum():
        return None
    return done[int(np.argmin(distances))].prepared


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
