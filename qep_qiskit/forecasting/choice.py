"""Choice of the β, the shots and their split with the least predicted mean squared error."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from qep_qiskit.equilibrium.bias import rounded
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.accuracy import Accuracy
from qep_qiskit.forecasting.prediction import Prediction
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.samples import MOST_SHOTS
from qep_qiskit.settings import Settings

Vector = NDArray[np.float64]
REACH = (0.005, 3.0)
"""The range of β in units of gap/‖C‖, in which the prediction is perturbative."""
GRID = 7
PRECISION = 0.05
"""The precision of ln β. The mean squared error is flat at its minimum: a change of β by 5 % raises it by less than 1 %."""
ITERATIONS = 200
LEAST_SHARE = 0.1
"""The smallest shots of a circuit as a share of the mean, so that loss and predictions keep useful error bars."""


@dataclass(frozen=True)
class Allotment:
    """The distribution of shots over circuits, as shares of the mean.

    Attributes
    ----------
    shares : ndarray of shape (phases, bases)
        The share of each circuit: 1 for an even split, 0 for circuits that are not measured.
    calibration : float or None
        The share of each calibration circuit; None if its number of shots is given and does not scale.
    given : int or None
        The given number of calibration shots.
    """

    shares: NDArray[np.float64]
    calibration: float | None
    given: int | None = None

    def shots(self, mean: float) -> NDArray[np.float64]:
        """Return the shots of each circuit, unrounded."""
        return mean * self.shares

    def calibration_shots(self, mean: float) -> float:
        """Return the shots of each calibration circuit, unrounded."""
        return float(self.given) if self.calibration is None and self.given else mean * (self.calibration or 1.0)

    def split(self, mean: float, *, calibrated: bool) -> Split:
        """Return the shots as whole numbers."""
        table = np.where(self.shares > 0, np.maximum(2, np.rint(self.shots(mean))), 0).astype(int)
        return Split(table.tolist(), max(2, round(self.calibration_shots(mean))) if calibrated else None)


def allot(prediction: Prediction, *, mean: float, optimal: bool, calibration_shots: int | None) -> Allotment:
    """Return the distribution of `mean` shots per circuit: even, or with the least summed variance.

    The optimal distribution minimises Σ a_i/N_i + u_i/N_i² at fixed Σ m_i N_i. Group i has m_i circuits; a_i is the variance due
    to one shot of each of them, summed over the weights. The term u_i/N_i² is the uncertainty about events too rare to be seen;
    without it some circuits would get almost no shots. Phases of equal |s| share a number, since an IBM job has one.
    """
    measured = prediction.measured
    even = measured.astype(float)
    counted = prediction.calibration_circuits > 0 and calibration_shots is None
    if not optimal:
        return Allotment(even, 1.0 if counted else None, calibration_shots)
    factors = np.abs(prediction.plan.stencil.phase_factors)
    groups: list[list[tuple[int, int]]] = []
    for b in range(measured.shape[1]):
        for factor in sorted(set(factors.tolist())):
            members = [(p, b) for p in range(len(factors)) if factors[p] == factor and measured[p, b]]
            if members:
                groups.append(members)
    sizes = [float(len(members)) for members in groups]
    sums = [float(sum(prediction.parts[where].sum() for where in members)) for members in groups]
    unseen = [float(sum(prediction.unseen[where].sum() for where in members)) for members in groups]
    if counted:
        sizes.append(float(prediction.calibration_circuits))
        sums.append(float(prediction.calibration.sum()))
        unseen.append(float(prediction.calibration_unseen.sum()))
    share = _shares(np.array(sums), np.array(unseen) / mean, np.array(sizes))
    shares = np.zeros_like(even)
    for members, value in zip(groups, share, strict=False):
        for where in members:
            shares[where] = value
    return Allotment(shares, float(share[-1]) if counted else None, calibration_shots)


def _shares(sums: Vector, unseen: Vector, sizes: Vector) -> Vector:
    """Return the x_i = N_i/N̄ that minimise Σ a_i/x_i + (u_i/N̄)/x_i² at fixed Σ m_i x_i = Σ m_i, none below the least share.

    At the minimum x_i ∝ √((a_i + 2 (u_i/N̄)/x_i)/m_i). This is iterated with damping by the geometric mean.
    """
    share = np.ones_like(sizes)
    for _ in range(ITERATIONS):
        target = _neyman(sums + 2.0 * unseen / share, sizes)
        if np.abs(target - share).max() < 1e-6:
            break
        share = np.sqrt(share * target)
    return share * sizes.sum() / float(sizes @ share)


def _neyman(sums: Vector, sizes: Vector) -> Vector:
    """Return x_i ∝ √(a_i/m_i) with Σ m_i x_i = Σ m_i, none below the least share."""
    if not sums.any():
        return np.ones_like(sizes)
    free = np.ones(len(sizes), dtype=bool)
    share = np.full(len(sizes), LEAST_SHARE)
    while free.any():
        weight = np.sqrt(sums[free] / sizes[free])
        left = sizes.sum() - LEAST_SHARE * sizes[~free].sum()
        share[free] = left * weight / float(sizes[free] @ weight)
        low = free & (share < LEAST_SHARE)
        if not low.any():
            return share
        share[low] = LEAST_SHARE
        free &= ~low
    return share


@dataclass(frozen=True)
class Choice:
    """One β with its shots and its predicted error.

    Attributes
    ----------
    mean_shots : float
        The mean number of shots per circuit.
    split : Split or None
        The shots of each circuit as whole numbers; None for exact expectations.
    bias : ndarray of shape (K,) or None
        The mean of the gradient minus the exact gradient; None if that is not known.
    size : float
        The norm of the exact gradient if it is known, else of the predicted one.
    """

    prediction: Prediction
    mean_shots: float
    split: Split | None
    bias: Vector | None
    variances: Vector
    size: float

    @functools.cached_property
    def covariance(self) -> NDArray[np.float64]:
        """The predicted covariance, shape (K, K). Weights that are read from the same shots are correlated."""
        if self.split is None:
            return np.diag(self.variances)
        return self.prediction.covariance(self.split, self.variances)

    @property
    def squared_error(self) -> float:
        """The predicted E‖g − g*‖²."""
        bias = 0.0 if self.bias is None else float(self.bias @ self.bias)
        return bias + float(self.variances.sum())

    @property
    def relative_error(self) -> float | None:
        """The predicted relative error √E‖g − g*‖² / ‖g*‖."""
        return float(np.sqrt(self.squared_error)) / self.size if self.size else None


@dataclass(frozen=True)
class Trial:
    """One prediction of the study: its options, its shots, and the parts of its error as vectors."""

    settings: Settings
    choice: Choice
    accuracy: Accuracy
    finite_beta: Vector
    prepared: Vector
    device: Vector


def choose(prediction: Prediction, truth: Vector | None, settings: Settings, target: float | None) -> Choice:
    """Return the shots and the error at one β, for given shots or for a target error.

    Parameters
    ----------
    truth : ndarray of shape (K,) or None
        The exact gradient.
    target : float or None
        The target for √E‖g − g*‖² / ‖g*‖.

    Raises
    ------
    InputError
        If no number of shots reaches the target, which is an UnreachableError, or if the exact gradient is zero.
    """
    bias = None if truth is None else prediction.mean.values - truth
    size = float(np.linalg.norm(prediction.mean.values if truth is None else truth))
    shots, calibration_shots = settings.shots, settings.calibration_shots
    if isinstance(shots, Split):
        table = shots.fitting(prediction.measured)
        mean = float(table[prediction.measured].mean())
        calibration = calibration_shots or shots.calibration or round(mean)
        variances = prediction.variances(table.astype(float), float(calibration))
        return Choice(prediction, mean, Split(table.tolist(), calibration), bias, variances, size)
    optimal = isinstance(shots, OptimalShots)
    mean = float((shots.shots if isinstance(shots, OptimalShots) else shots) or 0)
    if target is not None:
        mean = _solved(prediction, bias, size, target, optimal=optimal, calibration_shots=calibration_shots)
    if mean == 0.0:
        return Choice(prediction, 0.0, None, bias, np.zeros(len(prediction.mean.values)), size)
    allotment = allot(prediction, mean=mean, optimal=optimal, calibration_shots=calibration_shots)
    variances = prediction.variances(allotment.shots(mean), allotment.calibration_shots(mean))
    return Choice(prediction, mean, allotment.split(mean, calibrated=prediction.calibration_circuits > 0), bias, variances, size)


def settings_with(settings: Settings, choice: Choice) -> Settings:
    """Return the settings with the chosen β and shots."""
    split, calibration = choice.split, None
    shots: int | Split | None = None
    if split is not None:
        counts = set(split.table[choice.prediction.measured].tolist())
        shots = counts.pop() if len(counts) == 1 else split
        calibration = split.calibration if choice.prediction.calibration_circuits else None
    return replace(settings, stencil=choice.prediction.plan.stencil, shots=shots, calibration_shots=calibration)


def _solved(
    prediction: Prediction, bias: Vector | None, size: float, target: float, *, optimal: bool, calibration_shots: int | None
) -> float:
    """Return the mean number of shots at which bias² + variance equals (target · size)²."""
    fixed = 0.0 if bias is None else float(bias @ bias)

    if not size:
        raise InputError("target_error: the exact gradient is zero, so relative errors are not defined; give a number of shots")

    def excess(log_mean: float) -> float:
        mean = float(np.exp(log_mean))
        allotment = allot(prediction, mean=mean, optimal=optimal, calibration_shots=calibration_shots)
        variances = prediction.variances(allotment.shots(mean), allotment.calibration_shots(mean))
        return fixed + float(variances.sum()) - (target * size) ** 2

    low, high = float(np.log(2.0)), float(np.log(MOST_SHOTS))
    if excess(high) > 0:
        least = max(excess(high) + (target * size) ** 2, 0.0)
        raise UnreachableError(target, float(np.sqrt(least)) / size)
    return 2.0 if excess(low) <= 0 else float(np.exp(brentq(excess, low, high, xtol=1e-9)))


class UnreachableError(InputError):
    """A target error that no number of shots reaches."""

    def __init__(self, target: float, floor: float) -> None:
        self.floor = floor
        super().__init__(
            f"target_error: {target:.3g} is not reached by any number of shots: the error that shots do not reduce (finite β, "
            f"preparation, device noise) is {floor:.2g}; take a larger target, a better preparation, a mitigation, or another β"
        )


def best_beta(at: Callable[[float], Choice], scale: float, *, target: float | None, lowest: float = REACH[0]) -> Choice:
    """Return the choice with the least error, or with a target, the one with the fewest shots.

    Parameters
    ----------
    at : callable
        A function from β to Choice, which may raise UnreachableError.
    scale : float
        The scale of β, gap/‖C‖.
    """
    tried: dict[float, Choice | UnreachableError] = {}

    def value(log_beta: float) -> float:
        beta = rounded(float(np.exp(log_beta)))
        if beta not in tried:
            try:
                tried[beta] = at(beta)
            except UnreachableError as error:
                tried[beta] = error
        choice = tried[beta]
        if isinstance(choice, UnreachableError):
            # above any number of shots, but smaller the closer the error comes to the target
            return 100.0 + float(np.log(choice.floor))
        return float(np.log(max(choice.squared_error if target is None else choice.mean_shots, 1e-300)))

    grid = np.linspace(np.log(lowest * scale), np.log(REACH[1] * scale), GRID)
    values = [value(x) for x in grid]
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": PRECISION})
    reached = {beta: found for beta, found in tried.items() if isinstance(found, Choice)}
    if not reached:
        raise min((found for found in tried.values() if isinstance(found, UnreachableError)), key=lambda e: e.floor)
    return reached[min(reached, key=lambda beta: value(float(np.log(beta))))]
