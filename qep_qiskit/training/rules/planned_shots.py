"""An update rule with shots and β that are planned again after every step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import real
from qep_qiskit.equilibrium.noise import ShotNoise
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import OPTIMIZERS
from qep_qiskit.measurement.split import Split
from qep_qiskit.training.rules.optimizers import MOST_GROWTH, Adam, Memory, Optimizer, base_rule, limits

Vector = NDArray[np.float64]
SMOOTHING = 0.9
"""Decay of the running averages."""
CHANGE = 1.5
"""β changes by at most this factor from one step to the next, and the mean number of shots by at most its square."""
FIRST_CHANGE = 5.0
"""The same before the first step, where no shots are spent."""
WEAKEST = 0.1
"""The least share of its measured square that a gradient keeps once its noise is taken off."""
FORGOTTEN = 0.98
"""The decay of the largest curvature per step."""
CLEAR = 3.0
"""A loss this many error bars below zero is not a squared error."""
SMALLEST_TURN = 0.02
SMALLEST_RATE = 1e-12
FREE_OF_NOISE = 1e-300
SHOTS_REASONS = (
    "the first step takes the shots as given",
    "more loss is won per shot with the least shots than with more",
    "the most loss is won per shot",
    "more would win more, but this is the maximum",
    "what is left to win is below the error bar of the loss",
    "the samples have different circuits, so all get the shots of the first step",
)
FEW_IN_A_JOB = "fewer than in the first step would save little, since the device bills every job"
BETA_REASONS = (
    "the first step takes β as given",
    "the largest gain per shot",
    "the turn is kept below the noise",
    "the turn is not known: β is scaled with the error signal",
)


@dataclass(frozen=True)
class StepPlan:
    """The plan of one step.

    Attributes
    ----------
    splits : tuple of Split or None
        The shots of every circuit of each sample; None: the same number for all.
    shots : int
        The mean number of shots per circuit.
    beta : float
    record : mapping
        The plan with its reasons, for the history.
    """

    splits: tuple[Split, ...] | None
    shots: int
    beta: float
    record: Mapping[str, object]

    def in_one_job(self, least: int) -> StepPlan:
        """Return the plan with the same number of shots for all circuits, at least `least`, for a device that bills every job."""
        if self.shots > least:
            return replace(self, splits=None, record={**self.record, "split": None})
        record = {**self.record, "split": None, "shots_reason": FEW_IN_A_JOB if self.splits else self.record["shots_reason"]}
        return replace(self, splits=None, shots=least, record=record)


@runtime_checkable
class Planner(Protocol):
    """An update rule that also plans the measurement of every step."""

    def first_beta(self, beta: float, order: int, turn: float) -> float:
        """Return the β of the first step, if a given β turns the gradient by this much."""
        ...

    def planned(self, shots: int, beta: float, batch: NDArray[np.int64], memory: Memory) -> StepPlan:
        """Return the plan of the next step; `shots` and `beta` are those of the first step, `batch` the sample numbers."""
        ...

    def learned(self, seen: Seen, memory: Memory) -> Memory:
        """Return the memory with what a step has shown, after its update."""
        ...


@dataclass(frozen=True, eq=False)
class Seen:
    """The results of a step that a planner learns from.

    Attributes
    ----------
    gradient : ndarray of shape (K,)
        The mean of the batch, and of shape (K, K) its `covariance`.
    noise : sequence of ShotNoise
        One for each sample of the batch.
    batch : ndarray of int
    plan : StepPlan
    order : int
        The bias of the stencil is O(β**order).
    turn : float or None
        The tangent of the angle by which β turns the noise-free gradient from its limit β → 0, if it is known.
    rate : float
        The learning rate.
    loss : float
        The mean loss, without its bias from shot noise.
    loss_stderr : float
        Its standard deviation.
    """

    gradient: Vector
    covariance: NDArray[np.float64]
    noise: Sequence[ShotNoise]
    batch: NDArray[np.int64]
    plan: StepPlan
    order: int
    turn: float | None
    rate: float
    loss: float
    loss_stderr: float


@OPTIMIZERS.register("planned_shots")
@dataclass(frozen=True)
class PlannedShots:
    """An update rule that plans β and the shots of every circuit again after each step, for the largest gain of loss per shot.

    Parameters
    ----------
    base : Optimizer
        The rule that changes the weights: Adam, SGD or Momentum.
    lipschitz : float, optional
        L, a bound on the curvature of the loss. Default: estimated from gradient and loss.
    minimum, maximum : int
        Limits of the shots per circuit. Default maximum: 20 times the user's number for the first step.
    largest_beta : float
        The largest absolute value of β.

    Notes
    -----
    A step moves weight k by η d_k ĝ_k, with d_k = 1 for plain descent and 1/√v_k for Adam. For a gradient g with shot noise of
    variance σ_k², whose effect the base rule's momentum μ lowers to the share f = (1 − μ)/(1 + μ), it gains at least

        (η − Lη²/2) Σ_k d_k g_k² − ½ Lη² f Σ_k d_k σ_k²

    Σ_k d_k σ_k² = Σ_c A_c/N_c over the circuits c (sample, phase, basis), with A_c = Σ_k d_k V_kc from the measured variance V_kc
    of one shot. The split with the least noise is N_c ∝ √A_c, and the gain per shot is largest where f Σ_c A_c/N_c is
    (2 − Lη)/(2Lη) Σ_k d_k g_k². This is the rule of iCANS and gCANS (arXiv:1909.09083, arXiv:2108.10434) with one term per weight
    and circuit. g is a running average, and Σ d g² that of its square less its noise. The default of L is the largest
    Σ d g²/(2 loss) so far: for a squared error with one prediction it is the curvature along the gradient (Gauss-Newton).
    A loss below its own error bar counts as that.

    Nothing is left to win once all that the steps of a running average can win, (η − Lη²/2) Σ d g² each, is below the error bar
    of the average loss. Σ d g² therefore counts at least as much as this would take. More shots would change nothing that can
    be read from the losses; take a larger `minimum` for a more precise end.

    A larger β lowers the noise as 1/β, but turns the gradient by an angle whose tangent t grows as β**m. With β(1 − t) in place
    of β the gain per shot is largest at t = 1/(m + 1). If the noise of the planned shots is smaller, t is at most
    √(f Σ d σ²/(m Σ d g²)), where the sum of both errors is least. t is computed from the prepared states where their response
    to the nudge is known; elsewhere β grows as the error signal falls, which keeps the nudge as strong as at the first step.

    Shots are rounded to powers of two times `minimum`, so that the circuits of a step make few jobs. On a device that bills jobs
    all circuits get the mean, at least the shots of the first step: a job takes seconds, however few its shots. The default
    minimum is 10:
    with fewer shots, events that are too rare to be seen dominate the error bars, which are then much too long.
    """

    base: Optimizer = field(default_factory=Adam)
    lipschitz: float | None = None
    minimum: int = 10
    maximum: int | None = None
    largest_beta: float = 2.0

    def __post_init__(self) -> None:
        base_rule("planned_shots", self.base)
        if self.lipschitz is not None:
            real("planned_shots: lipschitz", self.lipschitz, above=0.0)
        real("planned_shots: largest_beta", self.largest_beta, above=0.0)
        limits("planned_shots", self.minimum, self.maximum)

    def start(self, size: int) -> Memory:
        """Return the base rule's memory, and averages of zero."""
        averages = {"average": np.zeros(size), "variance": np.zeros(size)}
        names = (
            "learned",
            "beta",
            "first beta",
            "first nudge",
            "allowed",
            "loss",
            "loss variance",
            "won",
            "curvature",
            "mean shots",
        )
        numbers = {name: np.zeros(1) for name in names}
        return {**self.base.start(size), **averages, **numbers, "plan": np.zeros(5), "circuits": np.zeros((0, 0, 0))}

    def update(
        self, gradient: Vector, covariance: NDArray[np.float64] | None, shots: int | None, rate: float, memory: Memory
    ) -> tuple[Vector, Memory]:
        """Return the base rule's step."""
        if covariance is None:
            raise InputError("optimizer: planned_shots needs the gradient's error bar; give shots for the first step")
        step, base = self.base.update(gradient, covariance, shots, rate, memory)
        return step, {**memory, **base}

    def shots(self, first: int | None, memory: Memory) -> int | None:
        """Return the mean shots per circuit of the next step."""
        return int(memory["mean shots"][0]) or first

    def planned(self, shots: int, beta: float, batch: NDArray[np.int64], memory: Memory) -> StepPlan:
        """Return the plan of the next step."""
        signal, noise, turn, wanted, why_beta = memory["plan"]
        if not memory["learned"][0]:
            record = {"beta": beta, "shots_reason": SHOTS_REASONS[0], "beta_reason": BETA_REASONS[0]}
            return StepPlan(None, shots, beta, record)
        beta = float(memory["beta"][0])
        tables, why_shots = self._tables(shots, batch, memory)
        mean = max(2, round(float(tables.mean())))
        splits = tuple(Split(table.tolist(), calibration=shots) for table in tables) if tables.ndim == 3 else None
        record = {
            "beta": beta,
            "shots_reason": SHOTS_REASONS[why_shots],
            "beta_reason": BETA_REASONS[int(why_beta)],
            "split": tables.mean(axis=0).round(1).tolist() if splits else None,
            "signal": float(signal),
            "noise": float(noise),
            "noise_wanted": float(memory["allowed"][0]),
            "turn": None if math.isnan(turn) else float(turn),
            "turn_wanted": None if math.isnan(wanted) else float(wanted),
        }
        return StepPlan(splits, mean, beta, record)

    def first_beta(self, beta: float, order: int, turn: float) -> float:
        """Return the β with the largest gain per shot."""
        factor = (1.0 / (order + 1) / max(turn, FREE_OF_NOISE)) ** (1.0 / order)
        return _kept_below(self.largest_beta, beta, min(factor, FIRST_CHANGE))

    def _tables(self, first: int, batch: NDArray[np.int64], memory: Memory) -> tuple[NDArray[np.int64], int]:
        """Return the shots of the circuits of each sample, and the number of the reason."""
        kept, allowed = memory["circuits"], max(float(memory["allowed"][0]), FREE_OF_NOISE)
        most = self.maximum or max(MOST_GROWTH * first, self.minimum)
        if not kept.size:  # the samples have different circuits
            shots = self._rounded(np.array(float(memory["mean shots"][0])), most)
            return shots, 5
        rows = np.stack([kept[i] if i < len(kept) and not np.isnan(kept[i]).any() else kept[-1] for i in batch])
        roots = np.sqrt(rows / len(batch) ** 2) / abs(float(memory["beta"][0]))
        best = roots * roots.sum() / allowed
        used = roots > 0.0
        before = float(memory["mean shots"][0])
        mean = float(best[used].mean()) if used.any() else float(self.minimum)
        best *= np.clip(mean, before / CHANGE**2, before * CHANGE**2) / max(mean, FREE_OF_NOISE)
        why = 4 if memory["won"][0] else 1 if best.max() <= self.minimum else 3 if best.max() > most else 2
        return self._rounded(best, most), why

    def _rounded(self, shots: NDArray[np.float64], most: int) -> NDArray[np.int64]:
        steps = np.round(np.log2(np.maximum(shots, self.minimum) / self.minimum))
        return np.minimum(self.minimum * 2**steps, most).astype(np.int64)

    def learned(self, seen: Seen, memory: Memory) -> Memory:
        """Return the memory with the running averages, β, and the noise of every circuit."""
        count, beta = memory["learned"] + 1.0, seen.plan.beta
        scale = _scale(self.base, memory)
        average = SMOOTHING * memory["average"] + (1.0 - SMOOTHING) * seen.gradient
        variance = SMOOTHING * memory["variance"] + (1.0 - SMOOTHING) * np.diag(seen.covariance)
        unbias = 1.0 - SMOOTHING ** count[0]
        square, noise = float(scale @ (average / unbias) ** 2), float(scale @ variance / unbias)
        # the variance of an average of `count` steps with decaying weights
        left = (1.0 - SMOOTHING) / (1.0 + SMOOTHING) * (1.0 + SMOOTHING ** count[0]) / unbias
        signal = max(square - left * noise, WEAKEST * square)
        loss = SMOOTHING * memory["loss"] + (1.0 - SMOOTHING) * seen.loss
        loss_variance = SMOOTHING * memory["loss variance"] + (1.0 - SMOOTHING) * seen.loss_stderr**2
        error = math.sqrt(left * float(loss_variance[0] / unbias))
        curvature = self._curvature(signal, float(loss[0] / unbias), error, float(memory["curvature"][0]))
        rate = max(seen.rate, SMALLEST_RATE)
        reach = min(curvature * rate, 1.9) if curvature else 1.0
        share = _averaged(self.base)
        # the signal with which the 1/left steps of an average win as much as the loss's error bar
        visible = error * left / ((1.0 - reach / 2.0) * rate)
        allowed = (2.0 - reach) / (2.0 * reach) * max(signal, visible) / share
        after, turn, wanted, why = self._beta(seen, share * noise, signal, memory)
        began = {} if memory["learned"][0] else {"first beta": np.array([beta]), "first nudge": np.array([_nudge(seen)])}
        return {
            **memory,
            **began,
            "average": average,
            "variance": variance,
            "learned": count,
            "beta": np.array([after]),
            "allowed": np.array([allowed]),
            "loss": loss,
            "loss variance": loss_variance,
            "won": np.array([float(signal < visible)]),
            "curvature": np.array([curvature]),
            "mean shots": np.array([float(seen.plan.shots)]),
            "plan": np.array([signal, noise, turn, wanted, why]),
            "circuits": _circuits(seen, beta, scale, memory["circuits"]),
        }

    def _curvature(self, signal: float, loss: float, error: float, before: float) -> float:
        """Return the curvature of the loss along the gradient; 0 if it is not known, as for a loss below zero."""
        if self.lipschitz is not None:
            return self.lipschitz
        least = max(loss, error) if loss > -CLEAR * error else 0.0
        return max(FORGOTTEN * before, signal / (2.0 * least) if least > 0.0 else 0.0)

    def _beta(self, seen: Seen, noise: float, signal: float, memory: Memory) -> tuple[float, float, float, int]:
        """Return the next β, the turn now, the turn wanted, and the number of the reason."""
        beta, m = seen.plan.beta, seen.order
        if seen.turn is None:
            first = abs(float(memory["first beta"][0] * memory["first nudge"][0])) or abs(beta) * _nudge(seen)
            factor = first / max(abs(beta) * _nudge(seen), FREE_OF_NOISE)
            turn, wanted, why = math.nan, math.nan, 3
        else:
            least = math.sqrt(noise / (m * max(signal, FREE_OF_NOISE)))
            wanted = max(min(1.0 / (m + 1), least), SMALLEST_TURN)
            turn, why = seen.turn, 1 if wanted == 1.0 / (m + 1) else 2
            factor = (wanted / max(turn, FREE_OF_NOISE)) ** (1.0 / m)
        factor = float(np.clip(factor, 1.0 / CHANGE, CHANGE))
        return _kept_below(self.largest_beta, beta, factor), turn, wanted, why

    def describe(self) -> dict[str, object]:
        """Return the rule's name and options."""
        return {
            "name": "planned_shots",
            "base": self.base.describe(),
            "lipschitz": self.lipschitz,
            "minimum": self.minimum,
            **({} if self.maximum is None else {"maximum": self.maximum}),
            "largest_beta": self.largest_beta,
        }


def _scale(base: Optimizer, memory: Memory) -> Vector:
    """Return d, the relative size of the base rule's step per unit of each weight's gradient."""
    if not isinstance(base, Adam):
        return np.ones(len(memory["average"]))
    square = memory["square"] / (1.0 - base.beta2 ** memory["count"])
    scale = 1.0 / (np.sqrt(square) + max(1e-3 * math.sqrt(float(square.max())), base.epsilon))
    return np.asarray(scale)


def _kept_below(most: float, beta: float, factor: float) -> float:
    """Return β times a factor, with three digits; it does not grow beyond the largest |β|."""
    size = abs(beta) * factor
    return math.copysign(float(f"{min(size, max(most, abs(beta))):.3g}"), beta)


def _nudge(seen: Seen) -> float:
    return float(np.sqrt(np.mean([each.nudge**2 for each in seen.noise])))


def _averaged(base: Optimizer) -> float:
    """Return the share of the noise that is left by the base rule's average over steps."""
    decay = float(getattr(base, "beta1", getattr(base, "decay", 0.0)))
    return (1.0 - decay) / (1.0 + decay)


def _circuits(seen: Seen, beta: float, scale: Vector, kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A_c at |β| = 1 for every sample seen so far, shape (samples + 1, phases, bases); the last row is their mean.

    Empty if the samples have different circuits.
    """
    shapes = {each.per_shot.shape for each in seen.noise}
    if len(shapes) > 1:
        return np.zeros((0, 0, 0))
    now = np.array([np.einsum("k,kpb->pb", scale, each.per_shot) for each in seen.noise]) * beta**2
    size = max(int(seen.batch.max()) + 1, len(kept) - 1)
    after = np.full((size + 1, *now.shape[1:]), np.nan)
    if kept.shape[1:] == now.shape[1:]:
        after[: len(kept) - 1] = kept[:-1]
        after[-1] = kept[-1]
    for i, row in zip(seen.batch, now, strict=True):
        after[i] = row if np.isnan(after[i]).any() else 0.5 * (after[i] + row)
    mean = now.mean(axis=0)
    after[-1] = mean if np.isnan(after[-1]).any() else SMOOTHING * after[-1] + (1.0 - SMOOTHING) * mean
    return after
