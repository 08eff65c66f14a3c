"""The verbs execute and reduce: run a forecast or a plan, and reduce its outcomes to a gradient."""

from __future__ import annotations

from dataclasses import replace

from qep_qiskit.checks import shown
from qep_qiskit.devices.named import as_device
from qep_qiskit.equilibrium.execution import execute as execute_round
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.reduction import reduce as reduced
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.measurement.mitigation.mitigation import parse, readable
from qep_qiskit.progress import ProgressOption, showing


def execute(
    plan: Forecast | Plan, device: object = None, *, earlier: Outcomes | None = None, progress: ProgressOption = "auto"
) -> Outcomes:
    """Run a forecast or a plan and return its outcomes, for :func:`reduce`.

    Parameters
    ----------
    plan : Forecast or Plan
        The result of :func:`forecast`, or its ``plan``. All rounds are run, including the second for a cost of expectations.
    device : Device, str, BackendV2 or BaseSamplerV2, optional
        Default: the forecast's device; for a plan, the state vector simulator.
    earlier : Outcomes, optional
        The outcomes of the first round, if `plan` is a second round. Their layout and calibration are reused, and only this
        round is run.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Outcomes
        The outcomes of all rounds that were run; their ``plan`` is the last round.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 0.0, 0.0, 1.0, 1.0], x=[0.5], cost=qep.SquaredError([1.0]))
    >>> forecast = qep.forecast(problem, stencil=qep.symmetric(0.1))
    >>> grad = qep.reduce(qep.execute(forecast))
    >>> grad == qep.gradient(problem, **forecast.settings)
    True
    """
    if isinstance(plan, Forecast):
        device = plan.settings.device if device is None else device
        plan = plan.plan
    if not isinstance(plan, Plan):
        raise InputError(f"execute: {shown(plan)} is not a plan; give qep.forecast(problem, ...) or its plan")
    on = as_device(device)
    with showing(progress) as report:
        if earlier is not None:
            return replace(execute_round(plan, on, earlier=earlier, progress=report), plan=plan)
        done, outcomes = finish(plan, lambda part, before: execute_round(part, on, earlier=before, progress=report), report)
        return replace(outcomes, plan=done)


def reduce(plan: Outcomes | Plan | Forecast, outcomes: Outcomes | None = None, *, mitigation: str | None = None) -> Gradient:
    """Return the gradient from the outcomes of :func:`execute`.

    Parameters
    ----------
    plan : Outcomes, or Plan or Forecast
        The outcomes that :func:`execute` returned, or the plan or forecast passed to it; in that case give `outcomes` too.
    outcomes : Outcomes, optional
        Needed if `plan` is a plan or a forecast.
    mitigation : str, optional
        A mitigation that replaces the plan's. Counts with a calibration can be reduced again with another method or none.

    Returns
    -------
    Gradient
    """
    first: object = plan
    if isinstance(plan, Outcomes) and outcomes is None:
        first, outcomes = plan.plan, plan
    if not isinstance(outcomes, Outcomes):
        raise InputError(
            f"reduce: {shown(plan if outcomes is None else outcomes)} holds no outcomes; give what qep.execute returns"
        )
    last = outcomes.plan if isinstance(first, Forecast) or (isinstance(first, Plan) and not first.complete) else first
    if not isinstance(last, Plan):
        raise InputError(f"reduce: {shown(last)} is not a plan; give what qep.execute returns alone")
    return reduced(last, outcomes, mitigation=None if mitigation is None else readable(last.mitigation, parse(mitigation)))
