"""The verb gradients: the gradients of a batch of samples, with all circuits of a round in one job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Unpack

from qep_qiskit.checks import flag, shown
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import WarmStart, run, stamped
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.planner import settle
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.settings import Options, settings_of, shows_options


@shows_options()
def gradients(
    problems: Sequence[Problem],
    *,
    inputs: bool = False,
    warm_start: Sequence[WarmStart] | None = None,
    near: Sequence[WarmStart] | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> list[Gradient]:
    """Return one gradient per problem, as :func:`gradient` would, with all circuits of a round in one job.

    Parameters
    ----------
    problems : sequence of Problem
        The samples of a batch. Circuits of the same structure share a pub, with one row of values per sample. All samples share
        one readout calibration.
    inputs : bool
        Whether dL/dx is wanted too: see :func:`gradient`.
    warm_start : sequence of Gradient, Prepared or None, optional
        One start per problem for the search for the free phase, for instance the gradient of the last training step. By default
        a sample starts from the nearest earlier sample of the batch, if one is near enough. A variational search, which may have
        several minima, uses its own starts instead. ``near=`` is the older name.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the gradients are measured: see :class:`~qep_qiskit.settings.Settings`. An adaptive stencil has a β for each problem.
        Choices of the planner are made for the first problem and used for all.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    list of Gradient
        The gradients, in the order of `problems`. Their shot noise is independent; the calibration's error is shared.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> batch = [qep.Problem(network, [1, 0, 0, 1, 1], x=[x], cost=qep.SquaredError([1.0])) for x in (-0.5, 0.5)]
    >>> [len(g.values) for g in qep.gradients(batch)]
    [5, 5]
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    if not isinstance(problems, Sequence):
        raise InputError(f"problems: {shown(problems)} is not a list; give a list of qep.Problem(...)")
    if not problems:
        raise InputError("problems: the batch is empty; give at least one qep.Problem(...)")
    for problem in problems:
        check_problem(problem)
    problems = [problem.with_inputs() for problem in problems] if flag("inputs", inputs) else problems
    start = near if warm_start is None else warm_start
    with showing(progress) as report:
        settings, record = settle(problems[0], settings_of(gradients, options), report)
        rounds = run(problems, settings, warm_start=start, shared=True, progress=report)
        return [stamped(reduce(plan, outcomes), started, clock, record) for plan, outcomes in rounds]
