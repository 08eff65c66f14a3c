"""Predictions for many samples, measured in the same way as the free phase of a gradient."""

from __future__ import annotations

import warnings
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.checks import numbers
from qep_qiskit.costs import ExpectationCost
from qep_qiskit.display import different
from qep_qiskit.equilibrium.prediction import answers
from qep_qiskit.errors import InputError, NudgeWarning
from qep_qiskit.networks.network import Network
from qep_qiskit.problem import Problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.settings import Options, settings_of, shows_options


@shows_options()
def predictions(
    network: Network, weights: ArrayLike, X: ArrayLike, *, progress: ProgressOption = "auto", **options: Unpack[Options]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the expectations of the outputs in the ground states for many samples.

    Parameters
    ----------
    network : Network
    weights : array_like of shape (num_weights,) or mapping, or array_like of shape (samples, num_weights)
        The weights of all samples, or one row for each.
    X : array_like of shape (samples, num_inputs)
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the predictions are measured: see :class:`~qep_qiskit.settings.Settings`. The stencil is not used.
    progress : {"auto", "off"} or callable
        See :func:`qep_qiskit.gradient`.

    Returns
    -------
    values, stderr : ndarray of shape (samples, num_outputs), same or None
        `stderr` contains standard deviations; it is None if expectations are exact.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> from qep_qiskit.verbs.predictions import predictions
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> values, stderr = predictions(network, [1.0, 0.0, 0.0, 1.0, 1.0], [[0.5], [-0.5]])
    >>> values.round(4).tolist(), stderr
    ([[0.4082], [-0.4082]], None)
    """
    nothing = ExpectationCost(lambda v: 0.0, np.zeros_like)
    rows = numbers(X.to_numpy() if hasattr(X, "to_numpy") else X)
    if rows is None or rows.ndim not in (1, 2) or not len(rows):
        raise InputError(f"X: is not a table of numbers; give an array of shape (samples, {network.num_inputs})")
    rows, by_sample = np.atleast_2d(rows), numbers(weights)
    if by_sample is None or by_sample.ndim != 2:
        problems = [Problem(network, weights, x, cost=nothing) for x in rows]
    elif len(by_sample) != len(rows):
        raise InputError(f"weights: {len(by_sample)} rows for {len(rows)} samples; give one row per sample, or one for all")
    else:
        problems = [Problem(network, w, x, cost=nothing) for w, x in zip(by_sample, rows, strict=True)]
    with showing(progress) as report:
        results = answers(problems, settings_of(predictions, options), progress=report)
    for text in different(text for answer in results for text in answer.warnings):
        warnings.warn(text, NudgeWarning, stacklevel=2)
    values = np.array([answer.predictions for answer in results])
    if results[0].predictions_stderr is None:
        return values, None
    return values, np.array([answer.predictions_stderr for answer in results])
