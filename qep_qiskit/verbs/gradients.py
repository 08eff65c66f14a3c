"""The gradients of a batch of samples, with all circuits of a round in one job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from qep_qiskit.checks import seed_of, shown
from qep_qiskit.devices.named import as_device
from qep_qiskit.equilibrium.adaptive_beta import adapted
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.families import first_family, free_family
from qep_qiskit.equilibrium.plan import Plan, advance_all, check_options, plan
from qep_qiskit.equilibrium.reduction import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import stamped, start_from
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, joined, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil, AutoStencil, Stencil

NEAR = 0.2
"""How far, as a share of its coefficients, the Hamiltonian of a sample may be from another's that it starts from."""


def gradients(
    problems: Sequence[Problem],
    *,
    preparer: Preparer | None = None,
    stencil: AnyStencil | None = None,
    device: object = None,
    shots: int | Split | OptimalShots | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    warm_start: Sequence[Gradient | Prepared | None] | None = None,
    near: Sequence[Gradient | Prepared | None] | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> list[Gradient]:
    """Return one gradient a problem, as :func:`gradient` would, with all circuits of a round in one job.

    Parameters
    ----------
    problems : sequence of Problem
        The samples of a batch: circuits of the same structure share a pub, each sample is a row of its values. A readout
        calibration serves all of them.
    warm_start : sequence of Gradient, Prepared or None, optional
        One a problem, for instance of the last training step: the free phases start there. Without it a sample starts from
        the nearest one before it in the batch, if that is near; a variational search, which may have several minima, from its
        own starts. ``near=`` is its older name.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed, progress
        As of :func:`gradient`. An adaptive stencil has a β for each problem; what is left to the planner is planned for the
        first problem and serves all.

    Returns
    -------
    list of Gradient
        In the order of `problems`. Their shot noise is independent; the calibration's error is shared.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> batch = [qep.Problem(network, [1, 0, 0, 1, 1], x=[x], cost=qep.SquaredError([1.0])) for x in (-0.5, 0.5)]
    >>> [len(g.values) for g in qep.gradients(batch)]
    [5, 5]
    """
    warm_start = near if warm_start is None else warm_start
    started, clock = datetime.now(UTC), time.perf_counter()
    if not isinstance(problems, Sequence):
        raise InputError(f"problems: {shown(problems)} is not a list; give a list of qep.Problem(...)")
    if not problems:
        raise InputError("problems: the batch is empty; give at least one qep.Problem(...)")
    chosen = as_device(device)
    if warm_start is not None and len(warm_start) != len(problems):
        raise InputError(
            f"warm_start: {len(warm_start)} gradients for {len(problems)} problems; give one a problem, in the same order"
        )
    record = None
    if isinstance(stencil, AutoStencil) or isinstance(shots, OptimalShots):
        settled = settle(
            problems[0],
            preparer=preparer,
            stencil=stencil,
            device=chosen,
            shots=shots,
            mitigation=mitigation,
            calibration_shots=calibration_shots,
            seed=seed,
            progress=progress,
        )
        stencil, shots, record = settled.stencil, settled.shots, settled.record
        calibration_shots = settled.calibration_shots
    first: list[Plan] = []
    preparer = Exact() if preparer is None else preparer
    stencil = AdaptiveStencil() if stencil is None else stencil
    assert not isinstance(stencil, AutoStencil)
    check_options(problems[0], preparer, stencil.at(0.1) if isinstance(stencil, AdaptiveStencil) else stencil)
    together: list[Prepared] | None = None
    stencils: list[Stencil | AdaptiveStencil] = [stencil] * len(problems)
    if preparer.supports.together:
        for problem in problems:
            check_options(problem, preparer, stencil.at(0.1) if isinstance(stencil, AdaptiveStencil) else stencil)
        if isinstance(stencil, AdaptiveStencil):
            stencils, together = _adapted_together(stencil, problems, preparer, shots, progress)
        else:
            together = preparer.prepare_all([first_family(problem, stencil) for problem in problems], progress=progress)
    for number, problem in enumerate(problems):
        if together is None:
            progress(f"preparing sample {number + 1} of {len(problems)}", number / len(problems))
        planned = plan(
            problem,
            preparer=preparer,
            stencil=stencils[number],
            shots=shots,
            mitigation=mitigation,
            calibration_shots=calibration_shots,
            warm_start=(_nearest(problem, first) if preparer.supports.neighbours else None)
            if warm_start is None
            else start_from(warm_start[number], problem),
            prepared=None if together is None else together[number],
            seed=chosen.seed if seed is None else seed_of(seed),
        )
        if isinstance(stencil, AdaptiveStencil):
            planned = replace(planned, adapted=True)
        first.append(planned)
    outcomes = execute_all(first, chosen, progress=progress)
    # a batch may mix costs: only those of expectations take a second round
    waiting = [i for i, planned in enumerate(first) if not planned.complete]
    last: list[Plan] = list(first)
    if waiting:
        nudged = advance_all(
            [first[i] for i in waiting], [observed_free(first[i], outcomes[i]) for i in waiting], progress=progress
        )
        for i, second in zip(waiting, nudged, strict=True):
            last[i] = second
        later = execute_all([last[i] for i in waiting], chosen, earlier=[outcomes[i] for i in waiting], progress=progress)
        for i, more in zip(waiting, later, strict=True):
            outcomes[i] = outcomes[i].followed_by(more)
    found = [stamped(reduce(p, o), started, clock) for p, o in zip(last, outcomes, strict=True)]
    return found if record is None else [replace(g, provenance={**g.provenance, "planned": record}) for g in found]


def _adapted_together(
    asked: AdaptiveStencil,
    problems: Sequence[Problem],
    preparer: Preparer,
    shots: int | Split | None,
    progress: Progress,
) -> tuple[list[Stencil | AdaptiveStencil], list[Prepared]]:
    """Return the stencil that suits each problem and the states of its first round, those of all problems prepared together."""
    free = preparer.prepare_all([free_family(problem) for problem in problems], progress=progress)
    stencils = [adapted(asked, problem, own, shots) for problem, own in zip(problems, free, strict=True)]
    once = [i for i, problem in enumerate(problems) if not problem.cost.needs_free_phase]
    families = [first_family(problems[i], stencils[i]) for i in once]
    nudged = preparer.prepare_all([replace(f, betas=f.betas[1:]) for f in families], progress=progress) if once else []
    for i, rest in zip(once, nudged, strict=True):
        free[i] = joined(free[i], rest)
    return list(stencils), free


def _nearest(problem: Problem, done: Sequence[Plan]) -> Prepared | None:
    """Return the sample whose Hamiltonian is nearest, if it is within `NEAR` of this one's, in the sum of coefficients."""
    row, labels = problem.hamiltonian_row, problem.frame.labels
    others = [(p.problem.hamiltonian_row, p.problem.frame.labels) for p in done]
    distances = [np.abs(other - row).sum() if theirs == labels else np.inf for other, theirs in others]
    if not distances or min(distances) > NEAR * np.abs(row).sum():
        return None
    return done[int(np.argmin(distances))].prepared
