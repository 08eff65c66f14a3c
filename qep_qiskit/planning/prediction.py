"""What one gradient would give at one β: its mean, and what each circuit adds to its variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.device import Device
from qep_qiskit.equilibrium.executed import Outcomes, execute
from qep_qiskit.equilibrium.planned import Plan, advance, plan
from qep_qiskit.equilibrium.reduced import observed_free, reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.planning.expected import calibration_circuits, relabelled
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
MANY = 10**6
"""Shots with which a circuit's own share of the variance is read off; the rest is exact then."""


@dataclass(frozen=True)
class Prediction:
    """The mean and the variance of a gradient at one β.

    Attributes
    ----------
    mean : Gradient
        At infinitely many shots, on the device, mitigated.
    parts : ndarray of shape (phases, bases, K)
        The variance that one shot of each circuit leaves in each weight; divided by the shots they add up.
    calibration : ndarray of shape (K,)
        The same of one shot of every calibration circuit.
    calibration_circuits : int
    plan : Plan
        The last round's, as it would run.
    outcomes : Outcomes
        Of all rounds.
    """

    mean: Gradient
    parts: NDArray[np.float64]
    calibration: Vector
    calibration_circuits: int
    plan: Plan
    outcomes: Outcomes

    @property
    def stencil(self) -> Stencil:
        """The stencil."""
        return self.plan.stencil

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which circuits there are, shape (phases, bases)."""
        return self.plan.wanted

    def variances(self, shots: NDArray[np.float64], calibration: float) -> Vector:
        """Return the variance of every weight with these shots, shape (phases, bases), and those of each calibration circuit."""
        share = np.where(self.measured, 1.0 / np.where(self.measured, shots, 1.0), 0.0)
        calibrated = self.calibration / calibration if self.calibration_circuits else 0.0
        return np.einsum("pb,pbk->k", share, self.parts) + calibrated


class Predictor:
    """Predicts one problem's gradient at any β; what does not depend on β is prepared once.

    Parameters
    ----------
    problem, preparer, mitigation, seed, progress
        As of :func:`gradient`.
    kind : callable
        β → stencil.
    expected : Device
        What predicts the device; see :func:`expectation_of`.
    """

    def __init__(
        self,
        problem: Problem,
        kind: Callable[[float], Stencil],
        *,
        preparer: Preparer,
        expected: Device,
        mitigation: str,
        seed: int,
        progress: Progress = silent,
    ) -> None:
        self._problem, self._kind = problem, kind
        self._expected = expected
        self._options = {"preparer": preparer, "mitigation": mitigation, "seed": seed}
        self._first: Plan | None = None
        self._free: Outcomes | None = None
        self._known: dict[float, Prediction] = {}
        self._progress = progress

    def at(self, beta: float) -> Prediction:
        """Return the prediction at this β."""
        if beta not in self._known:
            self._known[beta] = self._predicted(self._kind(beta))
        return self._known[beta]

    def _predicted(self, stencil: Stencil) -> Prediction:
        near = None if self._first is None else self._first.prepared
        if self._problem.cost.needs_free_phase and self._first is not None and self._free is not None:
            first, outcomes = replace(self._first, stencil=stencil), self._free
        else:
            options = {**self._options, "near": near, "shots": MANY, "progress": self._progress}
            first = plan(self._problem, stencil=stencil, **options)  # type: ignore[arg-type]
            start = None if self._free is None else replace(Outcomes(), start=self._free.start)
            outcomes = execute(first, self._expected, earlier=start, progress=self._progress)
            self._first, self._free = first, outcomes
        last = first
        if not first.complete:
            last = advance(first, observed_free(first, outcomes), progress=self._progress)
            outcomes = outcomes.followed_by(execute(last, self._expected, earlier=outcomes, progress=self._progress))
        return analysed(last, outcomes)


def analysed(last: Plan, outcomes: Outcomes) -> Prediction:
    """Return the mean and each circuit's share of the variance, from exact outcomes of all rounds.

    The covariance of a gradient is a sum over circuits, each divided by its shots. So each share is what `reduce` reports
    when all other circuits are known exactly.
    """

    def variance(shots: dict[tuple[int, int], int | None], calibration: int | None) -> Vector:
        found = reduce(last, relabelled(outcomes, shots, calibration))
        assert found.covariance is not None
        return np.diag(found.covariance) * (MANY - 1)

    mean = reduce(last, relabelled(outcomes, {}, None))
    count = calibration_circuits(outcomes)
    parts = np.zeros((*last.wanted.shape, len(mean.values)))
    for where in outcomes.samples:
        parts[where] = variance({where: MANY}, None)
    calibration = variance({}, MANY) if count else np.zeros(len(mean.values))
    return Prediction(mean, parts, calibration, count, last, outcomes)
