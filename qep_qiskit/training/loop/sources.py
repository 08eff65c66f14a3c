"""Sources of the gradients of a batch, and their mean with its error bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium import Gradient
from qep_qiskit.equilibrium.diagnostics import BetaBias
from qep_qiskit.equilibrium.displacement import LOST
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference import exact_gradient
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AdaptiveStencil

LARGEST_SATURATION = 10.0
Vector = NDArray[np.float64]


class Source(Protocol):
    """A source of gradients, one per problem."""

    def __call__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return the gradients in the order of the problems."""
        ...

    def describe(self, settings: Settings) -> Mapping[str, object]:
        """Return a description, for reports and to distinguish runs."""
        ...


@dataclass(frozen=True)
class Equilibrium:
    """Equilibrium propagation, with one job of circuits per round for the whole batch."""

    def __call__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        splits: Sequence[Split] | None = None,
        sparing: bool = False,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return the same gradients as :func:`qep_qiskit.gradients`; `splits` are the shots of each, if they differ.

        `sparing` leaves out the nudged circuits of samples without a measured error signal.
        """
        rounds = run(problems, settings, warm_start=warm_start, splits=splits, sparing=sparing, shared=True, progress=progress)
        return [reduce(plan, outcomes) for plan, outcomes in rounds]

    def describe(self, settings: Settings) -> Mapping[str, object]:
        """Return the descriptions of preparer, stencil and mitigation."""
        stencil = settings.stencil
        left = "adaptive" if isinstance(stencil, AdaptiveStencil) else "auto"
        return {
            "gradient": "equilibrium",
            "preparer": settings.preparer.describe(),
            "stencil": {"kind": stencil.kind, "beta": getattr(stencil, "beta", left)},
            "mitigation": str(settings.mitigation),
            "calibration_shots": settings.calibration_shots,
        }


@dataclass(frozen=True)
class LinearResponse:
    """The exact gradient of each sample, the limit β → 0, for the level or temperature of the preparer."""

    def __call__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return the :func:`qep_qiskit.exact_gradient` of each problem."""
        gradients = []
        for number, problem in enumerate(problems):
            progress(f"sample {number + 1} of {len(problems)}", number / len(problems))
            gradients.append(exact_gradient(problem, preparer=settings.preparer, seed=settings.seed, progress="off"))
        return gradients

    def describe(self, settings: Settings) -> Mapping[str, object]:
        """Return the source's name and the preparer's description."""
        return {"gradient": "exact", "preparer": settings.preparer.describe()}


@dataclass(frozen=True)
class BatchMean:
    """The mean gradient of a batch.

    Attributes
    ----------
    values : ndarray of shape (K,)
    covariance : ndarray of shape (K, K) or None
        The covariance of the shot noise, without the variation between samples; None if expectations are exact.
    loss, loss_stderr : float, float or None
    shots : int
        The number of shots used, with calibration.
    warnings : tuple of str
    loss_bias : float or None
        The mean excess of a curved loss due to shot noise; `loss` minus this is unbiased.
    beta_bias : float or None
        ‖mean finite-β bias‖ / ‖mean limit β → 0‖, both for the prepared states; None if unknown.
    saturation : float or None
        Σ|g|²/Σ g·g_β − 1 over the noise-free gradients of the samples, g_β at this β and g in the limit β → 0; from 0 to
        `LARGEST_SATURATION`.
    """

    values: Vector
    covariance: NDArray[np.float64] | None
    loss: float
    loss_stderr: float | None
    shots: int
    warnings: tuple[str, ...]
    loss_bias: float | None = None
    beta_bias: float | None = None
    saturation: float | None = None

    @property
    def stderr(self) -> Vector | None:
        """The standard deviation of each value."""
        return None if self.covariance is None else np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))


def mean_of(gradients: Sequence[Gradient]) -> BatchMean:
    """Return the mean of independent gradients, some of which may share a readout calibration.

    Notes
    -----
    Shot noise averages out over the samples, but the error of a shared calibration does not. With Cov_i = N_i + S_i S_iᵀ, the
    mean of n gradients has the covariance Σ N_i/n² + Σ_c (ΣS/n)(ΣS/n)ᵀ, where c runs over the calibrations, one per job. The
    bias of a curved loss due to shot noise does not average out either.
    """
    n = len(gradients)
    values = np.mean([g.values for g in gradients], axis=0)
    loss = float(np.mean([g.loss for g in gradients]))
    about: list[BetaBias] = [g.diagnostics.beta_bias or {} for g in gradients]
    of_samples = {b.get("warning") for b in about}  # bias warnings of single samples are dropped: only the batch's bias counts
    beta_bias, saturation = _mean_bias(about)
    if beta_bias is not None and beta_bias <= LOST:
        of_samples |= {g.diagnostics.more.get("too_large_beta", {}).get("warning") for g in gradients}
    texts = dict.fromkeys(text for g in gradients for text in g.diagnostics.warnings if text not in of_samples)
    spent = sum(_count(g.provenance.get("shots_total")) for g in gradients)
    together: dict[str | None, list[Gradient]] = {}
    for gradient in gradients:
        together.setdefault(gradient.calibration, []).append(gradient)
    spent += sum(max(_count(g.provenance.get("calibration_shots_total")) for g in group) for group in together.values())
    if any(g.covariance is None or g.loss_stderr is None for g in gradients):
        return BatchMean(values, None, loss, None, spent, tuple(texts), beta_bias=beta_bias, saturation=saturation)
    covariance = sum(np.asarray(g.covariance) for g in gradients) / n**2
    biases = [g.loss_bias or 0.0 for g in gradients]
    variance = sum(float(g.loss_stderr or 0.0) ** 2 - b**2 for g, b in zip(gradients, biases, strict=True)) / n**2
    bias = float(np.mean(biases))
    variance += bias**2
    for group in together.values():
        shares = [g.shared / n for g in group if g.shared is not None]
        if len(shares) == len(group) > 1:
            whole = np.sum(shares, axis=0)
            covariance += whole[:-1] @ whole[:-1].T - sum(s[:-1] @ s[:-1].T for s in shares)
            variance += float(whole[-1] @ whole[-1]) - sum(float(s[-1] @ s[-1]) for s in shares)
    error = float(np.sqrt(max(variance, 0.0)))
    return BatchMean(values, np.asarray(covariance), loss, error, spent, tuple(texts), bias, beta_bias, saturation)


def _mean_bias(biases: Sequence[BetaBias]) -> tuple[float | None, float | None]:
    pairs = [(v, limit) for b in biases if (v := b.get("values")) is not None and (limit := b.get("limit")) is not None]
    if len(pairs) < len(biases):
        return None, None
    biases_of, limits = (np.array(part) for part in zip(*pairs, strict=True))
    size, squares = float(np.linalg.norm(limits.mean(axis=0))), float(np.sum(limits**2))
    if not size:
        return None, None
    share = float(np.sum((biases_of + limits) * limits)) / squares
    saturation = float(np.clip(1.0 / share - 1.0, 0.0, LARGEST_SATURATION)) if share > 0.0 else LARGEST_SATURATION
    return float(np.linalg.norm(biases_of.mean(axis=0))) / size, saturation


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
