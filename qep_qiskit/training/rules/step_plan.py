"""The plan of one training step, and what a planner learns from its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.equilibrium.noise import ShotNoise
from qep_qiskit.measurement.split import Split
from qep_qiskit.training.rules.optimizers import Memory

Vector = NDArray[np.float64]
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
    "the saturation is not known: β is scaled with the error signal",
    "no error signal was measured, so β stays",
    "the largest β allowed",
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

    def first_beta(self, beta: float, order: int, saturation: float) -> float:
        """Return the β of the first step from the saturation at a given β."""
        ...

    def planned(self, shots: int, beta: float, batch: NDArray[np.int64], memory: Memory) -> StepPlan:
        """Return the plan of the next step; `shots` and `beta` are those of the first step, `batch` the sample numbers."""
        ...

    def learned(self, seen: Seen, memory: Memory) -> Memory:
        """Return the memory with what a step has shown, after its update."""
        ...

    def bars(self, memory: Memory) -> Vector:
        """Return the variance of each weight's gradient in the last step, from the running averages."""
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
    saturation : float or None
        Σ|g|²/Σ g·g_β − 1 over the noise-free gradients of the samples, g_β at this β and g in the limit β → 0, if it is known.
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
    saturation: float | None
    rate: float
    loss: float
    loss_stderr: float
