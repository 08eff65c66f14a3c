"""What a network answers: the free phase alone, measured as a gradient's free phase is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import numbers, seed_of
from qep_qiskit.costs import Cost, ExpectationCost
from qep_qiskit.devices.named import as_device
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.loss import measured_loss
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.equilibrium.reduction import free_phase
from qep_qiskit.errors import InputError, NudgeWarning
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import symmetric

Vector = NDArray[np.float64]
_UNUSED = symmetric(1.0)


@dataclass(frozen=True)
class Answer:
    """The free phase of one problem.

    Attributes
    ----------
    predictions, predictions_stderr : ndarray of shape (num_outputs,), same or None
    loss, loss_stderr : float, float or None
    shots : int
        That were spent; the readout calibration of a job is counted with its first answer.
    shared : ndarray of shape (C,) or None
        s, where s·s is the part of the loss's variance that the readout calibration adds, the same for all answers of a job.
    loss_bias : float or None
        What shot noise adds to the loss on average, as that of a :class:`Gradient`.
    warnings : tuple of str
    """

    predictions: Vector
    predictions_stderr: Vector | None
    loss: float
    loss_stderr: float | None
    shots: int = 0
    shared: Vector | None = None
    loss_bias: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass
class _Observed:
    """A cost whose nudged phases are not asked for."""

    cost: Cost
    needs_free_phase: bool = True

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        return self.cost.observables(network)

    def value(self, v: Vector) -> float:
        return self.cost.value(v)

    def error_signal(self, v: Vector) -> Vector:
        return self.cost.error_signal(v)

    def curvature(self, v: Vector) -> NDArray[np.float64]:
        return self.cost.curvature(v)


def read_only(problem: Problem) -> Problem:
    """Return the problem with its nudged phases not asked for: its plan is that of an answer."""
    return Problem(problem.network, problem.weights, problem.x, cost=_Observed(problem.cost))


def answers(
    problems: Sequence[Problem],
    *,
    preparer: Preparer | None = None,
    device: object = None,
    shots: int | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    warm_start: Sequence[Prepared | None] | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> list[Answer]:
    """Return predictions and loss of each problem, with all circuits in one job.

    Parameters
    ----------
    problems : sequence of Problem
    warm_start : sequence of Prepared or None, optional
        One a problem: where its state is searched from.
    preparer, device, shots, mitigation, calibration_shots, seed, progress
        As of :func:`qep_qiskit.gradient`.
    """
    chosen = as_device(device)
    plans = []
    for number, problem in enumerate(problems):
        progress(f"preparing sample {number + 1} of {len(problems)}", number / len(problems))
        planned = plan(
            read_only(problem),
            preparer=Exact() if preparer is None else preparer,
            stencil=_UNUSED,
            shots=shots,
            mitigation=mitigation,
            calibration_shots=calibration_shots,
            warm_start=None if warm_start is None else warm_start[number],
            seed=chosen.seed if seed is None else seed_of(seed),
        )
        plans.append(planned)
    outcomes = execute_all(plans, chosen, progress=progress)
    found: list[Answer] = []
    for planned, outcome in zip(plans, outcomes, strict=True):
        values, covariance, share, texts = free_phase(planned, outcome)
        outputs, cost = planned.problem.network.num_outputs, planned.problem.cost
        errors, shared = None, None
        loss = measured_loss(cost, values[outputs:], None if covariance is None else covariance[outputs:, outputs:])
        if covariance is not None and share is not None:
            errors = np.sqrt(np.maximum(np.diag(covariance)[:outputs], 0.0))
            shared = cost.error_signal(values[outputs:]) @ share[outputs:]
        spent = sum(s.shots or 0 for s in outcome.samples.values())
        if not found:
            spent += sum(c.shots for c in outcome.calibrations)
        found.append(Answer(values[:outputs], errors, loss.value, loss.stderr, spent, shared, loss.bias, texts))
    return found


def predictions(
    network: Network, weights: ArrayLike, X: ArrayLike, **options: object
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the outputs' expectations in the ground states of many samples.

    Parameters
    ----------
    network : Network
    weights : array_like of shape (num_weights,) or mapping
    X : array_like of shape (samples, num_inputs)
    **options
        Of :func:`answers`.

    Returns
    -------
    values, stderr : ndarray of shape (samples, num_outputs), same or None
        `stderr` is one standard deviation; None where expectations are exact.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> values, stderr = predictions(network, [1.0, 0.0, 0.0, 1.0, 1.0], [[0.5], [-0.5]])
    >>> values.round(4).tolist(), stderr
    ([[0.4082], [-0.4082]], None)
    """
    nothing = ExpectationCost(lambda v: 0.0, np.zeros_like)
    rows = numbers(X.to_numpy() if hasattr(X, "to_numpy") else X)
    if rows is None or rows.ndim not in (1, 2) or not len(rows):
        raise InputError(f"X: is no table of numbers; give an array of shape (samples, {network.num_inputs})")
    problems = [Problem(network, weights, x, cost=nothing) for x in np.atleast_2d(rows)]
    found = answers(problems, **options)  # type: ignore[arg-type]
    for text in dict.fromkeys(text for answer in found for text in answer.warnings):
        warnings.warn(text, NudgeWarning, stacklevel=2)
    values = np.array([answer.predictions for answer in found])
    if found[0].predictions_stderr is None:
        return values, None
    return values, np.array([answer.predictions_stderr for answer in found])
