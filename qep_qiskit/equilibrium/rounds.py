"""Planning and execution of a gradient's rounds in sequence, and the versions and times in its provenance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from qep_qiskit.checks import shown
from qep_qiskit.equilibrium.bias import biases_of
from qep_qiskit.equilibrium.execution import execute, execute_all
from qep_qiskit.equilibrium.nearness import nearness_of_all
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan, plan_together
from qep_qiskit.equilibrium.ramp_limit import ramp_limits_of
from qep_qiskit.equilibrium.reduction import observed_free
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.equilibrium.second_round import advance, advance_all, spared
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.settings import Settings

WarmStart = Gradient | Prepared | None


def run(
    problems: Sequence[Problem],
    settings: Settings,
    *,
    warm_start: Sequence[WarmStart] | None = None,
    splits: Sequence[Split] | None = None,
    sparing: bool = False,
    shared: bool = False,
    progress: Progress = silent,
) -> list[tuple[Plan, Outcomes]]:
    """Run all rounds of several problems, with one job per round and number of shots.

    Return the last plan of each problem and the outcomes of its rounds, which can be reduced in more than one way. `shared` means
    that other problems will be measured on the same qubits. `splits` are the shots of each problem, in place of the settings'.
    `sparing` leaves out nudged circuits that can only add noise; see :func:`~qep_qiskit.equilibrium.second_round.spared`.
    """
    starts = _starts(warm_start, problems)
    first = plan_together(problems, [settings] * len(problems), warm_start=starts, progress=progress)
    if splits is not None:
        first = [replace(part, settings=replace(settings, shots=split)) for part, split in zip(first, splits, strict=True)]
    outcomes = execute_all(first, shared=shared, progress=progress)
    # a batch may mix costs: only costs of expectations need a second round
    waiting = [i for i, part in enumerate(first) if not part.complete]
    last = list(first)
    if waiting:
        observed = [observed_free(first[i], outcomes[i]) for i in waiting]
        second = advance_all([first[i] for i in waiting], observed, progress=progress)
        for i, part in zip(waiting, [spared(each) for each in second] if sparing else second, strict=True):
            last[i] = part
        sent = [i for i in waiting if not sparing or last[i].circuits]
        later = execute_all([last[i] for i in sent], earlier=[outcomes[i] for i in sent], progress=progress) if sent else []
        for i, second_outcomes in zip(sent, later, strict=True):
            outcomes[i] = outcomes[i].followed_by(second_outcomes)
    if len(last) > 1:
        _diagnose(last)
    return list(zip(last, outcomes, strict=True))


def _diagnose(plans: Sequence[Plan]) -> None:
    """Compute the data for the diagnostics of a batch, for all plans together."""
    for part, bias in zip(plans, biases_of(plans), strict=True):
        part.__dict__["bias"] = bias
    for part, nearness in zip(plans, nearness_of_all(plans), strict=True):
        part.__dict__["nearness"] = nearness
    for part, limit in zip(plans, ramp_limits_of(plans), strict=True):
        part.__dict__["ramp_limit"] = limit


def run_each(problems: Sequence[Problem], settings: Sequence[Settings]) -> list[tuple[Plan, Outcomes]]:
    """Run several problems, each with its own settings and jobs; only the states are prepared together.

    Parameters
    ----------
    problems : sequence of Problem
    settings : sequence of Settings
        One for each problem, with the same preparer and seed.
    """
    first = plan_together(problems, settings)
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
        raise InputError(f"warm_start: {shown(warm_start)} is not allowed; give the qep.Gradient of a similar problem")
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
