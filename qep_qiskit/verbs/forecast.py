"""forecast: what a gradient will cost and how accurate it will be, before anything is paid."""

from __future__ import annotations

import inspect
from typing import Any

from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.forecasting.planner import asked_for, foreseen
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import AnyStencil


def plan(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: AnyStencil | None = None,
    device: object = None,
    shots: int | Split | OptimalShots | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    seed: int | None = None,
    target_error: float | None = None,
    progress: Progress = silent,
) -> Forecast:
    """Return what a gradient will cost and how accurate it will be. Nothing is run on the device.

    Parameters
    ----------
    problem, preparer, device, mitigation, calibration_shots, seed, progress
        As of :func:`gradient`.
    stencil : Stencil or AutoStencil
        ``symmetric("auto")`` and so on: β is chosen where the predicted mean squared error is least. By default
        ``symmetric("adaptive")``, as of :func:`gradient`; with a `target_error` as ``symmetric("auto")``.
    shots : int, Split or OptimalShots, optional
        Per circuit. :func:`optimal_shots` shares the same total out over phases, bases and calibration where the predicted error
        is least.
    target_error : float, optional
        Solve for the shots instead: √E‖g − g*‖² / ‖g*‖, the root-mean-square error of the whole gradient, biases included,
        over its norm. 0.05 is 5 %. `shots` then only says whether they are shared out evenly or not.

    Returns
    -------
    Forecast
        Its `settings` are the options of :func:`gradient` with what was chosen.

    Raises
    ------
    InputError
        For an option that is not allowed, and a target that no number of shots reaches.

    Notes
    -----
    The plan is executed and reduced by the code of :func:`gradient` itself on the device's exact outcome distribution, with
    its mitigation: the mean of the result is the predicted gradient, the mean of its covariance Σ_p s_p² Cov_p / N_p (with
    the calibration's and the error signal's shares) the predicted error bars. The bias is the difference from linear response of
    the exact ground state.

    Examples
    --------
    >>> import numpy as np
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    >>> problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]))
    >>> planned = qep.plan(problem, stencil=qep.symmetric("auto"), target_error=0.05)
    >>> grad = qep.gradient(problem, **planned.settings)
    >>> bool(np.linalg.norm(grad.values - planned.exact) < 0.15 * planned.size)
    True
    """
    asked = asked_for(problem, preparer, stencil, device, shots, mitigation, calibration_shots, seed, target_error)
    return foreseen(asked, progress)


def forecast(problem: Problem, **options: Any) -> Forecast:
    """Return what a gradient will cost and how accurate it will be: :func:`plan` by its other name, with the same options."""
    return plan(problem, **options)


forecast.__signature__ = inspect.signature(plan)  # type: ignore[attr-defined]
