"""The verb gradient: plan, execute and reduce in one call."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from typing import Unpack

from qep_qiskit.checks import flag
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import run, stamped
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.forecasting.planner import settle
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.settings import Options, settings_of, shows_options


@shows_options()
def gradient(
    problem: Problem,
    *,
    inputs: bool = False,
    warm_start: Gradient | None = None,
    near: Gradient | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Gradient:
    """Return the equilibrium-propagation estimate of dL/dw.

    Parameters
    ----------
    problem : Problem
    inputs : bool
        Whether dL/dx is wanted too, as `input_values` and `input_stderr`. It comes from the same circuits, unless an input acts
        in a basis that the weights do not need.
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the gradient is measured: see :class:`~qep_qiskit.settings.Settings`. By default exact ground states, an adaptive β,
        and exact expectations are used.
    warm_start : Gradient, optional
        The gradient of a similar problem, for instance of the last training step. The search for the free phase starts from it.
        ``near=`` is the older name.
    progress : {"auto", "off"} or callable
        "auto" shows a bar in terminals and notebooks if the call takes more than two seconds. A function is called with the name
        of the current stage and the share of it that is done, or None.

    Returns
    -------
    Gradient

    Raises
    ------
    InputError
        If an option is not allowed, or if the ground state is degenerate.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 0.0, 0.0, 1.0, 1.0], x=[0.5], cost=qep.SquaredError([1.0]))
    >>> grad = qep.gradient(problem, stencil=qep.symmetric(0.01))
    >>> print(bool(abs(grad.values - qep.exact_gradient(problem).values).max() < 1e-3))
    True
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    check_problem(problem)
    problem = problem.with_inputs() if flag("inputs", inputs) else problem
    start = near if warm_start is None else warm_start
    with showing(progress) as report:
        settings, record = settle(problem, settings_of(gradient, options), report)
        plan, outcomes = run([problem], settings, warm_start=None if start is None else [start], progress=report)[0]
        report("gradient and its bias", None)
        result = reduce(plan, outcomes)
    if record is None:  # the planner's record contains the bias; it chooses a large β only if shot noise would be worse
        notes = outcomes.ran.notes()  # notes on the device's noise are not raised as warnings, which some programs make errors
        for text in result.diagnostics.warnings:
            if text not in notes:
                warnings.warn(text, NudgeWarning, stacklevel=2)
    return stamped(result, started, clock, record)
