"""Where a batch's gradients come from, and their mean with its error bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium import Gradient
from qep_qiskit.equilibrium.diagnostics import BetaBias
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.reference import exact_gradient
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil
from qep_qiskit.verbs.gradients import gradients

Vector = NDArray[np.float64]


class Source(Protocol):
    """What gives one gradient a problem."""

    def __call__(
        self,
        problems: Sequence[Problem],
        *,
        warm_start: Sequence[Prepared | None] | None,
        shots: int | Split | None,
        seed: int,
        progress: Progress,
    ) -> list[Gradient]:
        """Return the gradients in the order of the problems."""
        ...

    def describe(self) -> Mapping[str, object]:
        """Return what it is, for reports and for telling one run from another."""
        ...


@dataclass(frozen=True)
class Equilibrium:
    """Equilibrium propagation: one job of circuits a round for the whole batch."""

    preparer: Preparer
    stencil: AnyStencil
    device: object = None
    mitigation: str = "none"
    calibration_shots: int | None = None

    def __call__(
        self,
        problems: Sequence[Problem],
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        shots: int | Split | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return :func:`qep_qiskit.gradients` of the problems."""
        return gradients(
            problems,
            preparer=self.preparer,
            stencil=self.stencil,
            device=self.device,
            shots=shots,
            mitigation=self.mitigation,
            calibration_shots=self.calibration_shots,
            warm_start=warm_start,
            seed=seed,
            progress=progress,
        )

    def describe(self) -> Mapping[str, object]:
        """Return preparer, stencil and mitigation."""
        left = "adaptive" if isinstance(self.stencil, AdaptiveStencil) else "auto"
        return {
            "gradient": "equilibrium",
            "preparer": self.preparer.describe(),
            "stencil": {"kind": self.stencil.kind, "beta": getattr(self.stencil, "beta", left)},
            "mitigation": self.mitigation,
            "calibration_shots": self.calibration_shots,
        }


@dataclass(frozen=True)
class LinearResponse:
    """The exact gradient, the limit β → 0, of every sample; of the level that `preparer` asks for."""

    preparer: Preparer | None = None

    def __call__(
        self,
        problems: Sequence[Problem],
        *,
        warm_start: Sequence[Prepared | None] | None = None,
        shots: int | Split | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Gradient]:
        """Return :func:`qep_qiskit.exact_gradient` of each problem."""
        found = []
        for number, problem in enumerate(problems):
            progress(f"sample {number + 1} of {len(problems)}", number / len(problems))
            found.append(exact_gradient(problem, preparer=self.preparer, seed=seed))
        return found

    def describe(self) -> Mapping[str, object]:
        """Return its name, and whose states."""
        return {"gradient": "exact", **({} if self.preparer is None else {"preparer": self.preparer.describe()})}


@dataclass(frozen=True)
class BatchMean:
    """The mean gradient of a batch.

    Attributes
    ----------
    values : ndarray of shape (K,)
    covariance : ndarray of shape (K, K) or None
        Of its shot noise; None where expectations are exact. The samples of the batch are not part of it.
    loss, loss_stderr : float, float or None
    shots : int
        That were spent, calibration included.
    warnings : tuple of str
    loss_bias : float or None
        What shot noise adds to a curved loss on average; `loss` less this is unbiased.
    beta_bias : float or None
        ‖mean bias of the finite β‖ / ‖mean limit β → 0‖ of the states themselves; None where it is not known.
    """

    values: Vector
    covariance: NDArray[np.float64] | None
    loss: float
    loss_stderr: float | None
    shots: int
    warnings: tuple[str, ...]
    loss_bias: float | None = None
    beta_bias: float | None = None

    @property
    def stderr(self) -> Vector | None:
        """One standard deviation of each value."""
        return None if self.covariance is None else np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))


def mean_of(found: Sequence[Gradient]) -> BatchMean:
    """Return the mean of independent gradients of which all or some share a readout calibration.

    Notes
    -----
    Shot noise averages out with the number of samples; the calibration's error does not over those that share it: with
    Cov_i = N_i + S_i S_iᵀ the mean of n has Σ N_i/n² + Σ_c (ΣS/n)(ΣS/n)ᵀ over the calibrations c, one per job. The
    bias that shot noise adds to a curved loss does not average out either.
    """
    n = len(found)
    values = np.mean([g.values for g in found], axis=0)
    loss = float(np.mean([g.loss for g in found]))
    about: list[BetaBias] = [g.diagnostics.beta_bias or {} for g in found]
    own = {b.get("warning") for b in about}  # of one sample: what counts is the batch's, which follows
    texts = dict.fromkeys(text for g in found for text in g.diagnostics.warnings if text not in own)
    beta_bias = _mean_bias(about)
    spent = sum(_count(g.provenance.get("shots_total")) for g in found)
    together: dict[str | None, list[Gradient]] = {}
    for gradient in found:
        together.setdefault(gradient.calibration, []).append(gradient)
    spent += sum(max(_count(g.provenance.get("calibration_shots_total")) for g in group) for group in together.values())
    if any(g.covariance is None or g.loss_stderr is None for g in found):
        return BatchMean(values, None, loss, None, spent, tuple(texts), beta_bias=beta_bias)
    covariance = sum(np.asarray(g.covariance) for g in found) / n**2
    biases = [g.loss_bias or 0.0 for g in found]
    variance = sum(float(g.loss_stderr or 0.0) ** 2 - b**2 for g, b in zip(found, biases, strict=True)) / n**2
    bias = float(np.mean(biases))
    variance += bias**2
    for group in together.values():
        shares = [g.shared / n for g in group if g.shared is not None]
        if len(shares) == len(group) > 1:
            whole = np.sum(shares, axis=0)
            covariance += whole[:-1] @ whole[:-1].T - sum(s[:-1] @ s[:-1].T for s in shares)
            variance += float(whole[-1] @ whole[-1]) - sum(float(s[-1] @ s[-1]) for s in shares)
    error = float(np.sqrt(max(variance, 0.0)))
    return BatchMean(values, np.asarray(covariance), loss, error, spent, tuple(texts), bias, beta_bias)


def _mean_bias(about: Sequence[BetaBias]) -> float | None:
    pairs = [(v, limit) for b in about if (v := b.get("values")) is not None and (limit := b.get("limit")) is not None]
    if len(pairs) < len(about):
        return None
    bias, size = (float(np.linalg.norm(np.mean(part, axis=0))) for part in zip(*pairs, strict=True))
    return bias / size if size else None


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
