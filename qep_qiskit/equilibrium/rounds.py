"""The rounds of one gradient: planned, executed one after the other, and stamped with versions and times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from qep_qiskit.checks import seed_of
from qep_qiskit.devices.named import as_device
from qep_qiskit.equilibrium.execution import Outcomes, execute
from qep_qiskit.equilibrium.plan import Plan, advance, plan
from qep_qiskit.equilibrium.reduction import observed_free
from qep_qiskit.equilibrium.result import Gradient, checked
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.provenance import versions
from qep_qiskit.stencils import AdaptiveStencil, Stencil


def run(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: Stencil | AdaptiveStencil | None = None,
    device: object = None,
    shots: int | Split | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    warm_start: Gradient | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> tuple[Plan, Outcomes]:
    """Return the last plan and the outcomes of all rounds, so that they can be reduced in more than one way."""
    chosen = as_device(device)
    current = plan(
        problem,
        preparer=Exact() if preparer is None else preparer,
        stencil=stencil,
        shots=shots,
        mitigation=mitigation,
        calibration_shots=calibration_shots,
        warm_start=start_from(warm_start, problem),
        seed=chosen.seed if seed is None else seed_of(seed),
        progress=progress,
    )
    return finish(current, lambda part, earlier: execute(part, chosen, earlier=earlier, progress=progress), progress)


def finish(
    first: Plan, executed: Callable[[Plan, Outcomes | None], Outcomes], progress: Progress = silent
) -> tuple[Plan, Outcomes]:
    """Run the rounds of a plan with a function that executes one."""
    outcomes = executed(first, None)
    if first.complete:
        return first, outcomes
    second = advance(first, observed_free(first, outcomes), progress=progress)
    return second, outcomes.followed_by(executed(second, outcomes))


def start_from(warm_start: Gradient | Prepared | None, problem: Problem) -> Prepared | None:
    """Return the prepared free phase of a nearby gradient. Raises InputError for one of another network."""
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


def stamped(found: Gradient, started: datetime, clock: float) -> Gradient:
    """Return the gradient with versions and times in its provenance."""
    more = {
        "versions": versions(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
    }
    return replace(checked(found), provenance={**found.provenance, **more})
