"""Prediction of the gradient at one β: its mean, and the variance due to each circuit."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.equilibrium import Gradient, Outcomes, Plan, advance, execute, plan, reduce
from qep_qiskit.equilibrium.reduction import observed_free, variances
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.expected import ExpectedDevice, expectation_of, relabelled
from qep_qiskit.forecasting.noise_free import noise_free_gradient
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
MANY = 10**6
"""The number of shots used to determine a circuit's part of the variance while all others are exact."""
FEW = 1000
"""Calibration shots used to determine the part of the variance from unseen events; a calibration of one shot is refused."""

BOUND = "worst case: every Pauli string with variance 1; readout mitigation, calibration and error signal are not in it"
"""The method of :func:`bounded` in words."""
SIMULATED = 4000
"""The mean number of simulated shots per circuit from which correlations of weights are read; each is known to 1/√4000."""


@dataclass(frozen=True)
class Prediction:
    """The mean and the variance of a gradient at one β.

    Attributes
    ----------
    mean : Gradient
        The mitigated gradient on the device at infinitely many shots.
    parts : ndarray of shape (phases, bases, K)
        The variance of each weight due to one shot of each circuit. Divided by the shots, these variances add up.
    unseen : ndarray of shape (phases, bases, K)
        The variance due to the pseudo-shots for rare events, to be divided by the shots squared. See `measurement/covariance.py`.
    calibration, calibration_unseen : ndarray of shape (K,)
        The same two variances for one shot of every calibration circuit.
    plan : Plan
        The plan of the last round.
    outcomes : Outcomes
        The exact outcomes of all rounds.
    """

    mean: Gradient
    parts: NDArray[np.float64]
    unseen: NDArray[np.float64]
    calibration: Vector
    calibration_unseen: Vector
    calibration_circuits: int
    plan: Plan
    outcomes: Outcomes

    @property
    def local(self) -> bool:
        """Whether only marginals of the outcomes are known."""
        return any(isinstance(samples, LocalSamples) for samples in self.outcomes.samples.values())

    @property
    def measured(self) -> NDArray[np.bool_]:
        """A mask of the measured circuits, shape (phases, bases)."""
        return self.plan.measured

    def variances(self, shots: NDArray[np.float64], calibration: float) -> Vector:
        """Return the variance of every weight for these shots, shape (phases, bases), and shots of each calibration circuit."""
        data = expected_variance(self.parts[self.measured], self.unseen[self.measured], shots[self.measured][:, None])
        if not self.calibration_circuits:
            return data.sum(axis=0)
        return data.sum(axis=0) + expected_variance(self.calibration, self.calibration_unseen, calibration)

    def covariance(self, split: Split, variances: Vector) -> NDArray[np.float64]:
        """Return the covariance with these variances and with the correlations at these shots, shape (K, K).

        If only marginals of the outcomes are known, the correlations are those of simulated shots, at most `SIMULATED` per
        circuit on average. They are left out if the circuits are too entangled for that.
        """
        if self.local:
            return with_variances(self._simulated(split), variances)
        shots: dict[tuple[int, int], int | None] = {where: split.shots[where[0]][where[1]] for where in self.outcomes.samples}
        matrix = reduce(self.plan, relabelled(self.outcomes, shots, split.calibration)).covariance
        assert matrix is not None
        return with_variances(matrix, variances)

    def _simulated(self, split: Split) -> NDArray[np.float64]:
        """Return the covariance that a gradient of simulated shots reports, or the identity."""
        device = self.plan.settings.device
        assert isinstance(device, ExpectedDevice)
        share = min(1.0, SIMULATED / float(split.table[self.measured].mean()))
        fewer = Split((np.maximum(2, np.ceil(split.table * share)) * self.measured).astype(int).tolist())
        calibration = None if split.calibration is None else max(2, math.ceil(split.calibration * share))
        settings = replace(self.plan.settings, device=device.device, shots=fewer, calibration_shots=calibration)
        last, outcomes = replace(self.plan, settings=settings), None
        try:
            if self.plan.earlier is not None:
                first = replace(self.plan.earlier, settings=settings)
                last, outcomes = replace(last, earlier=first), execute(first)
            final = execute(last, earlier=outcomes)
            matrix = reduce(last, final if outcomes is None else outcomes.followed_by(final)).covariance
        except InputError:
            return np.eye(len(self.calibration))
        assert matrix is not None
        return matrix


def with_variances(covariance: NDArray[np.float64], variances: Vector) -> NDArray[np.float64]:
    """Return the covariance with the same correlations and these variances on its diagonal."""
    spread = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    factor = np.divide(np.sqrt(variances), spread, out=np.zeros_like(spread), where=spread > 0)
    scaled = covariance * np.outer(factor, factor)
    np.fill_diagonal(scaled, variances)
    return np.asarray(scaled)


def expected_variance(scatter: NDArray[np.float64], unseen: NDArray[np.float64], shots: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of the variance that N shots report: v/N + (u/N²) (1 − exp(−λ))/λ with λ = N v/u.

    λ is the expected number of rare events. If k of them are seen, the reported variance is (u/N²) (k + 1/(k + 1)). For Poisson
    distributed k, the mean of 1/(k + 1) is (1 − exp(−λ))/λ.

    Parameters
    ----------
    scatter, unseen : ndarray
        v, the variance of one shot, and u, N² times the variance due to the pseudo-shots alone.
    shots : array_like
        The numbers of shots N.
    """
    count = np.asarray(shots, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        events = np.where(unseen > 0.0, count * scatter / unseen, np.inf)
        rest = np.where(events > 0.0, -np.expm1(-events) / events, 1.0)
    return scatter / count + unseen / count**2 * rest


class Predictor:
    """Predictor of a problem's gradient at any stencil. It reuses the free phase if that is already prepared.

    Everything that does not depend on β is prepared once.
    """

    def __init__(self, problem: Problem, settings: Settings, free: Prepared | None = None) -> None:
        self._problem = problem
        self._noiseless = adds_no_noise(settings.device)
        self._settings = replace(
            settings,
            device=expectation_of(settings.device, qubits=problem.network.num_qubits),
            shots=MANY,
            calibration_shots=None,
        )
        self._free = free
        self._first: Plan | None = None
        self._outcomes: Outcomes | None = None
        self._known: dict[Stencil, Prediction] = {}
        self._noise_free: dict[Stencil, Vector] = {}

    @property
    def free(self) -> Prepared | None:
        """The states of the first round, if they are prepared."""
        return self._free if self._first is None else self._first.prepared

    def at(self, stencil: Stencil) -> Prediction:
        """Return the prediction at this stencil."""
        if stencil not in self._known:
            self._known[stencil] = self._predicted(stencil)
        return self._known[stencil]

    def noise_free(self, stencil: Stencil, progress: Progress = silent) -> Vector:
        """Return the noise-free gradient of the prepared states; a nudge that depends on the free phase is noise-free too."""
        prediction = self.at(stencil)
        if self._noiseless:
            return prediction.mean.values
        if stencil not in self._noise_free:
            plain = Settings(preparer=self._settings.preparer, stencil=stencil, seed=self._settings.seed)
            first = prediction.plan.earlier or prediction.plan
            self._noise_free[stencil] = noise_free_gradient(replace(first, settings=plain), progress)
        return self._noise_free[stencil]

    def _predicted(self, stencil: Stencil) -> Prediction:
        device = self._settings.device
        if self._problem.cost.needs_free_phase and self._first is not None and self._outcomes is not None:
            first, outcomes = replace(self._first, stencil=stencil), self._outcomes
        else:
            first = plan(self._problem, self._settings, warm_start=self.free, stencil=stencil)
            start = None if self._outcomes is None else replace(Outcomes(), start=self._outcomes.start)
            outcomes = execute(first, device, earlier=start)
            self._first, self._outcomes = first, outcomes
        if first.complete:
            return analysed(first, outcomes)
        last = advance(first, observed_free(first, outcomes))
        return analysed(last, outcomes.followed_by(execute(last, device, earlier=outcomes)))


def analysed(last: Plan, outcomes: Outcomes) -> Prediction:
    """Return the mean and each circuit's part of the variance, from exact outcomes of all rounds.

    The covariance of a gradient is a sum over circuits. Each circuit's part is thus the covariance that `reduce` reports if all
    other circuits are exact: with many shots the scatter, with one or few the addition for unseen events.
    """
    mean = reduce(last, relabelled(outcomes, {}, None))
    count = sum(1 if each.ones is None else 2 for each in outcomes.calibrations)
    parts = np.zeros((*last.measured.shape, len(mean.values)))
    unseen = np.zeros_like(parts)
    for where in outcomes.samples:
        many, one = (variances(last, relabelled(outcomes, {where: shots}, None), where[:1]) for shots in (MANY, 1))
        parts[where] = many * (MANY - 1)
        unseen[where] = np.maximum(one - parts[where], 0.0)
    calibration, calibration_unseen = np.zeros_like(mean.values), np.zeros_like(mean.values)
    if count:
        calibration = variances(last, relabelled(outcomes, {}, MANY)) * (MANY - 1)
        with contextlib.suppress(InputError):  # too little signal for so small a number of shots: then no event is rare
            few = variances(last, relabelled(outcomes, {}, FEW))
            calibration_unseen = np.maximum(few - calibration / (FEW - 1), 0.0) * FEW**2
    return Prediction(mean, parts, unseen, calibration, calibration_unseen, count, last, outcomes)


def bounded(problem: Problem, settings: Settings) -> Prediction:
    """Return a prediction with bounds as its error bars and an unknown mean (NaN), for states too large to compute.

    The value of Σ_l c_l P_l in one shot lies within ±Σ_l |c_l|, so its variance in one basis is at most (s_p Σ_l |c_l|)². For a
    cost of expectations the error signal is taken at ⟨O⟩ = 0; it scales the nudge and does not affect the circuits.
    """
    last = plan(problem, replace(settings, shots=None, calibration_shots=None))
    if not last.complete:
        last = advance(last, np.zeros(len(problem.cost_rows)))
    last = replace(last, settings=settings)
    slopes = np.abs(problem.derivative_rows)
    parts = np.zeros((*last.measured.shape, problem.network.num_weights))
    for p, factor in enumerate(last.stencil.phase_factors):
        for b, basis in enumerate(last.bases):
            if last.measured[p, b]:
                parts[p, b] = (factor * slopes[:, list(basis.strings)].sum(axis=1)) ** 2
    unknown = np.full(problem.network.num_weights, np.nan)
    predictions = np.full(problem.network.num_outputs, np.nan)
    mean = Gradient(problem.network.names, unknown, None, float("nan"), None, predictions, None)
    calibration = 2 if settings.mitigation.calibrated else 0
    nothing = np.zeros_like(unknown)  # a variance of 1 is far from rare events
    return Prediction(mean, parts, np.zeros_like(parts), nothing, nothing, calibration, last, Outcomes())
