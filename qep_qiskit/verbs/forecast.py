"""The verb forecast: the price and the accuracy of a gradient, before any money is spent."""

from __future__ import annotations

from typing import Unpack

from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.forecasting.planner import Question, answered, check_target
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.settings import Options, settings_of, shows_options


@shows_options()
def forecast(
    problem: Problem,
    *,
    target_error: float | None = None,
    choices: bool = False,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Forecast:
    """Return the expected price and accuracy of a gradient. Nothing is run on the device.

    Parameters
    ----------
    problem, preparer, device, mitigation, calibration_shots, seed
        See :class:`~qep_qiskit.settings.Settings`.
    stencil : Stencil or AutoStencil
        ``symmetric("auto")`` and other "auto" stencils choose the β with the least predicted mean squared error. The default is
        ``symmetric("adaptive")``, as for :func:`gradient`; with a `target_error` it acts as ``symmetric("auto")``.
    shots : int, Split or OptimalShots, optional
        Shots per circuit. :func:`optimal_shots` distributes the same total over phases, bases and calibration so that the
        predicted error is least.
    target_error : float, optional
        If given, the shots are chosen to reach this relative error, √E‖g − g*‖² / ‖g*‖: the root-mean-square error of the whole
        gradient with all biases, divided by its norm (0.05 is 5 %). `shots` then only states whether they are distributed evenly.
    choices : bool
        Whether to predict other β, stencils, numbers of layers and mitigations side by side. One factor is varied at a time
        around the best plan, and the best of all is verified. Every row has the same total number of shots or, with a target, the
        shots that it needs.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Forecast
        The forecast. Its `settings` are the options for :func:`gradient`, with the chosen numbers.

    Raises
    ------
    InputError
        If an option is not allowed, or if no number of shots reaches the target.

    Notes
    -----
    The plan is executed and reduced by the code of :func:`gradient`, with its mitigation, on the exact outcome distribution of
    the device. The mean of the result is the predicted gradient. The mean of its covariance, Σ_p s_p² Cov_p / N_p plus the parts
    of the calibration and the error signal, gives the predicted error bars. The bias is the difference from the linear response
    of the exact ground state.

    Examples
    --------
    >>> import numpy as np
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    >>> problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]))
    >>> forecast = qep.forecast(problem, stencil=qep.symmetric("auto"), target_error=0.05)
    >>> grad = qep.gradient(problem, **forecast.settings)
    >>> bool(np.linalg.norm(grad.values - forecast.exact) < 0.15 * forecast.size)
    True
    """
    check_problem(problem)
    settings = settings_of(forecast, options)
    question = Question(problem, settings, check_target(target_error, settings), choices=choices)
    with showing(progress) as report:
        return answered(question, report)


@shows_options()
def plan(
    problem: Problem,
    *,
    target_error: float | None = None,
    choices: bool = False,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Forecast:
    """Return the expected price and accuracy of a gradient. This is the older name of :func:`forecast`."""
    return forecast(problem, target_error=target_error, choices=choices, progress=progress, **options)
