"""An update rule with shots and β that are planned again after every step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import real
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import OPTIMIZERS
from qep_qiskit.measurement.split import Split
from qep_qiskit.training.rules.optimizers import MOST_GROWTH, Adam, Memory, Optimizer, base_rule, limits
from qep_qiskit.training.rules.step_plan import BETA_REASONS, SHOTS_REASONS, Seen, StepPlan

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
MOST_SATURATION = 2.0
"""The saturation at which β aims."""
SMALLEST_RATE = 1e-12
FREE_OF_NOISE = 1e-300


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
    variance σ_k², whose effect the base rule's momentum μ lowers to the share f = (1 − μ)/(1 + μ), it gains about

        (η − Lη²/2) Σ_k d_k g_k² − ½ Lη² f Σ_k q_k σ_k²

    with the curvature L along the gradient and q_k = d_k min(1, η d_k h_k/(Lη)), where h_k is the curvature along weight k by
    Gauss and Newton: noise does little harm along weights on which the outputs hardly depend. Σ_k q_k σ_k² = Σ_c A_c/N_c over the
    circuits c (sample, phase, basis), with A_c = Σ_k q_k V_kc from the measured variance V_kc of one shot. The split with the
    least noise is N_c ∝ √A_c, and the gain per shot is largest where f Σ_c A_c/N_c is (2 − Lη)/(2Lη) Σ_k d_k g_k². This is the
    rule of iCANS and gCANS (arXiv:1909.09083, arXiv:2108.10434) with one term per weight and circuit. g is a running average,
    and Σ d g² that of its square less its noise. The default of L is the largest Σ d g²/(2 loss) so far: for a squared error
    with one prediction it is the curvature along the gradient (Gauss-Newton). A loss below its own error bar counts as that.

    A sample's gradient is its error signal ε times a response. The free phase is measured first. If its shots show no error
    signal at all, all nudged phases are the same state: their circuits could only add noise, and are left out. The estimate's
    expectation stays the same. This saves most shots once most samples are learned. It needs a stencil that does not use the
    free phase itself.

    The nudge: with the noise-free limit g for β → 0, ``β g·g_β/|g|`` is the difference of the nudged phases along the gradient.
    The noise of this difference does not depend on β, so the gain per shot grows as its square. It saturates, in a two-level
    system as β/√(1 + (β/β₀)²): at a saturation ``|g|²/(g·g_β) − 1`` of 2, eight ninths of the largest gain are reached. β aims
    at this.
    For a symmetric stencil, the gradient at finite β is exactly that of ∫ ε·⟨O⟩_b db/(2β) over nudges b from −β to β, at fixed
    ε: of a smoothed loss. Its bias vanishes with the error signal. Where the loss cannot come near zero, the end is shifted; take
    a smaller `largest_beta` there. The saturation is computed from the prepared states where their response to the nudge is
    known; elsewhere β grows as the error signal falls, which keeps the nudge as strong as at the first step.

    Few shots: the error bars of a step come from a running average of the scatter of the shots, which is right on average for
    any number of shots. The two pseudo-shots that allow for events too rare to be seen (`measurement/covariance.py`) count among
    all shots of this average, instead of those of one step.

    Nothing is left to win once all that the steps of a running average can win, (η − Lη²/2) Σ d g² each, is below the error bar
    of the average loss. Σ d g² therefore counts at least as much as this would take. More shots would change nothing that can
    be read from the losses; take a larger `minimum` for a more precise end.

    Shots are rounded to powers of two times `minimum`, so that the circuits of a step make few jobs. On a device that bills jobs
    all circuits get the mean, at least the shots of the first step: a job takes seconds, however few its shots.
    """

    base: Optimizer = field(default_factory=Adam)
    lipschitz: float | None = None
    minimum: int = 2
    maximum: int | None = None
    largest_beta: float = 10.0

    def __post_init__(self) -> None:
        base_rule("planned_shots", self.base)
        if self.lipschitz is not None:
            real("planned_shots: lipschitz", self.lipschitz, above=0.0)
        real("planned_shots: largest_beta", self.largest_beta, above=0.0)
        limits("planned_shots", self.minimum, self.maximum)

    def start(self, size: int) -> Memory:
        """Return the base rule's memory, and averages of zero."""
        vectors = ("average", "variance", "whole", "sampled", "pseudo", "bars", "steepness", "harm")
        averages = {name: np.zeros(size) for name in vectors}
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
            "excess",
            "nudged",
            "bend",
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
        signal, noise, saturation, wanted, why_beta = memory["plan"]
        if not memory["learned"][0]:
            limited = math.copysign(min(abs(beta), self.largest_beta), beta)
            record = {"beta": limited, "shots_reason": SHOTS_REASONS[0], "beta_reason": BETA_REASONS[0 if limited == beta else 4]}
            return StepPlan(None, shots, limited, record)
        beta = float(memory["beta"][0])
        tables, why_shots = self._tables(shots, batch, memory)
        mean = max(2, round(float(tables.mean())))
        splits = tuple(Split(table.tolist()) for table in tables) if tables.ndim == 3 else None
        record = {
            "beta": beta,
            "shots_reason": SHOTS_REASONS[why_shots],
            "beta_reason": BETA_REASONS[int(why_beta)],
            "split": tables.mean(axis=0).round(1).tolist() if splits else None,
            "signal": float(signal),
            "noise": float(noise),
            "noise_wanted": float(memory["allowed"][0]),
            "saturation": None if math.isnan(saturation) else float(saturation),
            "saturation_wanted": None if math.isnan(wanted) else float(wanted),
        }
        return StepPlan(splits, mean, beta, record)

    def first_beta(self, beta: float, order: int, saturation: float) -> float:
        """Return the β with the largest gain per shot."""
        factor = (MOST_SATURATION / max(saturation, FREE_OF_NOISE)) ** (1.0 / order)
        return _kept_below(self.largest_beta, beta, min(factor, FIRST_CHANGE))

    def _tables(self, first: int, batch: NDArray[np.int64], memory: Memory) -> tuple[NDArray[np.int64], int]:
        """Return the shots of the circuits of each sample, and the number of the reason."""
        kept, allowed = memory["circuits"], max(float(memory["allowed"][0]), FREE_OF_NOISE)
        most = self.maximum or max(MOST_GROWTH * first, self.minimum)
        if not kept.size:  # the samples have different circuits
            shots = self._rounded(np.array(float(memory["mean shots"][0])), most)
            return shots, 5
        rows = np.stack([kept[i] if i < len(kept) - 1 else kept[-1] for i in batch])
        rows = np.nan_to_num(np.where(np.isnan(rows), kept[-1], rows))
        roots = np.sqrt(rows / len(batch) ** 2 / max(float(memory["excess"][0]), 1.0)) / abs(float(memory["beta"][0]))
        unbias = 1.0 - SMOOTHING ** float(memory["learned"][0])
        likely = np.ones(rows.shape[1])
        likely[1:] = min(float(memory["nudged"][0]) / unbias or 1.0, 1.0)
        best = roots * (likely[:, None] * roots).sum() / allowed
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
        unbias = 1.0 - SMOOTHING ** count[0]
        # the variance of an average of `count` steps with decaying weights
        left = (1.0 - SMOOTHING) / (1.0 + SMOOTHING) * (1.0 + SMOOTHING ** count[0]) / unbias
        bars, sampled, pseudo = _bars(seen, memory, unbias, left)
        average = SMOOTHING * memory["average"] + (1.0 - SMOOTHING) * seen.gradient
        variance = SMOOTHING * memory["variance"] + (1.0 - SMOOTHING) * bars
        square, noise = float(scale @ (average / unbias) ** 2), float(scale @ variance / unbias)
        signal = max(square - left * noise, WEAKEST * square)
        nudged = np.mean([each.per_shot[:, 1:].any() for each in seen.noise])
        loss = SMOOTHING * memory["loss"] + (1.0 - SMOOTHING) * seen.loss
        loss_variance = SMOOTHING * memory["loss variance"] + (1.0 - SMOOTHING) * seen.loss_stderr**2
        error = math.sqrt(left * float(loss_variance[0] / unbias))
        curvature = self._curvature(signal, float(loss[0] / unbias), error, float(memory["curvature"][0]))
        rate = max(seen.rate, SMALLEST_RATE)
        reach = min(curvature * rate, 1.9) if curvature else 1.0
        steepness = SMOOTHING * memory["steepness"] + (1.0 - SMOOTHING) * _bends(seen, len(average))
        harm = _harm(scale * np.ones(len(average)), steepness / unbias, rate / reach)
        noise = float(harm @ variance / unbias)
        whole = SMOOTHING * memory["whole"] + (1.0 - SMOOTHING) * np.diag(seen.covariance)
        excess = float(harm @ whole) / max(float(harm @ variance), FREE_OF_NOISE)
        circuits = memory["circuits"] * _changed(memory["harm"], harm, variance)
        share = _averaged(self.base)
        # the signal with which the 1/left steps of an average win as much as the loss's error bar
        visible = error * left / ((1.0 - reach / 2.0) * rate)
        allowed = (2.0 - reach) / (2.0 * reach) * max(signal, visible) / share
        bend, bend_sums = _bend(seen, memory)
        after, saturation, wanted, why = self._beta(seen, bend, memory)
        began = {} if memory["learned"][0] else {"first beta": np.array([beta]), "first nudge": np.array([_nudge(seen)])}
        return {
            **memory,
            **began,
            "average": average,
            "variance": variance,
            "whole": whole,
            "harm": harm,
            "sampled": sampled,
            "pseudo": pseudo,
            "bars": bars,
            "steepness": steepness,
            "excess": np.array([max(excess, 1.0)]),
            "nudged": SMOOTHING * memory["nudged"] + (1.0 - SMOOTHING) * nudged,
            "bend": bend_sums,
            "learned": count,
            "beta": np.array([after]),
            "allowed": np.array([allowed]),
            "loss": loss,
            "loss variance": loss_variance,
            "won": np.array([float(signal < visible)]),
            "curvature": np.array([curvature]),
            "mean shots": np.array([float(seen.plan.shots)]),
            "plan": np.array([signal, noise, saturation, wanted, why]),
            "circuits": _circuits(seen, beta, harm, circuits),
        }

    def bars(self, memory: Memory) -> Vector:
        """Return the variance of each weight's gradient in the last step, from the running averages."""
        return memory["bars"]

    def _curvature(self, signal: float, loss: float, error: float, before: float) -> float:
        """Return the curvature of the loss along the gradient; 0 if it is not known, as for a loss below zero."""
        if self.lipschitz is not None:
            return self.lipschitz
        least = max(loss, error) if loss > -CLEAR * error else 0.0
        return max(FORGOTTEN * before, signal / (2.0 * least) if least > 0.0 else 0.0)

    def _beta(self, seen: Seen, bend: float, memory: Memory) -> tuple[float, float, float, int]:
        """Return the next β, the saturation now, the saturation wanted, and the number of the reason."""
        beta, m = seen.plan.beta, seen.order
        if not _nudge(seen):
            return beta, math.nan, math.nan, 3
        if seen.saturation is None:
            first = abs(float(memory["first beta"][0] * memory["first nudge"][0])) or abs(beta) * _nudge(seen)
            factor = first / max(abs(beta) * _nudge(seen), FREE_OF_NOISE)
            saturation, wanted, why = math.nan, math.nan, 2
        else:
            saturation, wanted, why = bend * abs(beta) ** m, MOST_SATURATION, 1
            factor = (wanted / max(saturation, FREE_OF_NOISE)) ** (1.0 / m)
        factor = float(np.clip(factor, 1.0 / CHANGE, CHANGE))
        return _kept_below(self.largest_beta, beta, factor), saturation, wanted, why

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
    """Return β times a factor, with three digits, but no more than the largest |β|."""
    return math.copysign(min(float(f"{abs(beta) * factor:.3g}"), most), beta)


def _nudge(seen: Seen) -> float:
    return float(np.sqrt(np.mean([each.nudge**2 for each in seen.noise])))


def _bends(seen: Seen, size: int) -> Vector:
    """Return the mean curvature of the loss along each weight; NaN if it is not known."""
    bends = [each.bend for each in seen.noise if each.bend is not None]
    return np.mean(bends, axis=0) if len(bends) == len(seen.noise) else np.full(size, np.nan)


def _harm(scale: Vector, steepness: Vector, unit: float) -> Vector:
    """Return the loss per variance of each weight's gradient, in units in which it is d_k for the curvature L."""
    if not np.isfinite(steepness).all() or not steepness.any():
        return scale
    return scale * np.minimum(scale * steepness * unit, 1.0)


def _bend(seen: Seen, memory: Memory) -> tuple[float, Vector]:
    """Return κ, where κ|β|**m is the saturation, as a running average; and the sums behind it."""
    sums = memory["bend"] if memory["bend"].size == 2 else np.zeros(2)
    if seen.saturation is not None:
        now = seen.saturation / abs(seen.plan.beta) ** seen.order
        sums = SMOOTHING * sums + (1.0 - SMOOTHING) * np.array([now, 1.0])
    return float(sums[0] / sums[1]) if sums[1] else 0.0, sums


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
    for row in now:
        if not row[1:].any():
            row[1:] = np.nan  # not measured, for lack of an error signal
    size = max(int(seen.batch.max()) + 1, len(kept) - 1)
    after = np.full((size + 1, *now.shape[1:]), np.nan)
    if kept.shape[1:] == now.shape[1:]:
        after[: len(kept) - 1] = kept[:-1]
        after[-1] = kept[-1]
    for i, row in zip(seen.batch, now, strict=True):
        after[i] = _merged(after[i], row, 0.5)
    measured = ~np.isnan(now).all(axis=0)
    mean = np.full(now.shape[1:], np.nan)
    mean[measured] = np.nanmean(now[:, measured], axis=0)
    after[-1] = _merged(after[-1], mean, SMOOTHING)
    return after


def _changed(before: Vector, now: Vector, variance: Vector) -> float:
    """Return the factor by which the loss due to the same noise changes with the harm of each weight's noise."""
    loss = float(before @ variance)
    return float(now @ variance) / loss if loss else 1.0


def _merged(before: NDArray[np.float64], now: NDArray[np.float64], decay: float) -> NDArray[np.float64]:
    """Return a running average, with NaN for what was never measured."""
    average = decay * before + (1.0 - decay) * now
    return np.where(np.isnan(before), now, np.where(np.isnan(now), before, average))


def _bars(seen: Seen, memory: Memory, unbias: float, left: float) -> tuple[Vector, Vector, Vector]:
    """Return the variance of every weight's gradient from all steps of the running average, and the averages behind it."""
    samples, spent, beta = len(seen.noise), float(seen.plan.shots), seen.plan.beta
    own, unseen, whole = (sum(getattr(each, name) for each in seen.noise) / samples**2 for name in ("sampled", "pseudo", "whole"))
    shared = np.maximum(np.diag(seen.covariance) - whole, 0.0)  # the calibration's
    units = (spent * beta**2, (spent * beta) ** 2)
    sampled = SMOOTHING * memory["sampled"] + (1.0 - SMOOTHING) * own * units[0]
    pseudo = SMOOTHING * memory["pseudo"] + (1.0 - SMOOTHING) * unseen * units[1]
    scatter, floor = sampled / (unbias * units[0]), pseudo / (unbias * units[1]) * left / samples
    total = floor + scatter
    bars = scatter + np.divide(floor**2, total, out=np.zeros_like(total), where=total > 0.0) + shared
    return np.where(np.diag(seen.covariance) > 0.0, bars, 0.0), sampled, pseudo
