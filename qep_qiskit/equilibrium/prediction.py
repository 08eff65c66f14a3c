"""Predictions of a network from the free phase alone, measured in the same way as for a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import shown
from qep_qiskit.costs import Cost
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.loss import measured_loss
from qep_qiskit.equilibrium.plan import plan_together
from qep_qiskit.equilibrium.reduction import free_phase
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.split import OptimalShots
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.preparer import Prepared, each
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import symmetric

Vector = NDArray[np.float64]
UNUSED = symmetric(1.0)
"""The stencil of plans without nudged phases."""


@dataclass(frozen=True)
class Answer:
    """The predictions and the loss of one problem, from its free phase.

    Attributes
    ----------
    predictions, predictions_stderr : ndarray of shape (num_outputs,); the second may be None
    loss, loss_stderr : float; the second may be None
    shots : int
        Shots used. Those of a shared readout calibration are counted only in the first of its answers.
    shared : ndarray of shape (C,) or None
        A vector s. The readout calibration adds the variance s·s to the loss. It is common to the answers of a job.
    loss_bias : float or None
        The average amount that shot noise adds to the loss, as in :class:`Gradient`.
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
    """A cost without nudged phases."""

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
    """Return the problem without its nudged phases, so that its plan measures only the free phase."""
    return Problem(problem.network, problem.weights, problem.x, cost=_Observed(problem.cost))


def answers(
    problems: Sequence[Problem],
    settings: Settings,
    *,
    warm_start: Sequence[Prepared | None] | None = None,
    progress: Progress = silent,
) -> list[Answer]:
    """Return the predictions and the loss of each problem, with all circuits in one job.

    Parameters
    ----------
    problems : sequence of Problem
    settings : Settings
        The stencil is not used.
    warm_start : sequence of Prepared or None, optional
        The initial state of the search for each problem.

    Raises
    ------
    InputError
        If the shots are to be distributed optimally, since without a gradient no error can be minimised.
    """
    if isinstance(settings.shots, OptimalShots):
        raise InputError(f"shots: {shown(settings.shots)} is not allowed; give a whole number of at least 2, or leave it out")
    plans = plan_together(
        [read_only(problem) for problem in problems],
        [replace(settings, stencil=UNUSED)] * len(problems),
        warm_start=each(warm_start, len(problems)),
        progress=progress,
    )
    outcomes = execute_all(plans, shared=True, progress=progress)
    results: list[Answer] = []
    for planned, outcome in zip(plans, outcomes, strict=True):
        values, covariance, share, texts = free_phase(planned, outcome)
        outputs, cost = planned.problem.network.num_outputs, planned.problem.cost
        errors, shared = None, None
        loss = measured_loss(cost, values[outputs:], None if covariance is None else covariance[outputs:, outputs:])
        if covariance is not None and share is not None:
            errors = np.sqrt(np.maximum(np.diag(covariance)[:outputs], 0.0))
            shared = cost.error_signal(values[outputs:]) @ share[outputs:]
        spent = sum(s.shots or 0 for s in outcome.samples.values())
        if not results:
            spent += sum(c.shots for c in outcome.calibrations)
        results.append(Answer(values[:outputs], errors, loss.value, loss.stderr, spent, shared, loss.bias, texts))
    return results
