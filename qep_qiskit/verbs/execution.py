"""execute and reduce as users call them: a forecast or a plan is run, and what came back is read, more than once if wanted."""

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
from qep_qiskit.preparation.preparer import Progress, silent


def execute(
    plan: Forecast | Plan, device: object = None, *, earlier: Outcomes | None = None, progress: Progress = silent
) -> Outcomes:
    """Run what was planned and return its outcomes, for :func:`reduce`.

    Parameters
    ----------
    plan : Forecast or Plan
        A forecast, as :func:`forecast` returns it, or its ``plan``. All rounds are run: the second one of a cost of expectations,
        too.
    device : Device, str, BackendV2 or BaseSamplerV2, optional
        The forecast's own, if omitted; for a plan the state itself.
    earlier : Outcomes, optional
        Of the first round of a plan that is the second one: its layout is kept and its calibration serves. Then only this round
        is run.
    progress : callable, optional

    Returns
    -------
    Outcomes
        Its ``plan`` is the last round.

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
        raise InputError(f"execute: {shown(plan)} is not planned; give qep.forecast(problem, ...) or its plan")
    on = as_device(device)
    if earlier is not None:
        return replace(execute_round(plan, on, earlier=earlier, progress=progress), plan=plan)
    done, outcomes = finish(plan, lambda part, before: execute_round(part, on, earlier=before, progress=progress), progress)
    return replace(outcomes, plan=done)


def reduce(plan: Outcomes | Plan | Forecast, outcomes: Outcomes | None = None, *, mitigation: str | None = None) -> Gradient:
    """Return the gradient that outcomes tell.

    Parameters
    ----------
    plan : Outcomes, or Plan or Forecast
        What :func:`execute` returned; what it was given may stand before it.
    outcomes : Outcomes, optional
        Where `plan` is a plan or a forecast.
    mitigation : str, optional
        Instead of the plan's: counts that hold a calibration can be read again with another method and without any.

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
    return reduced(last, outcomes, mitigation=mitigation)
