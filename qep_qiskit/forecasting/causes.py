"""The biases of a gradient by cause: finite β, prepared states, and device noise before and after mitigation.

They are differences between levels: gradients from the exact one to the measured one, each with one more cause of error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.estimates import percent
from qep_qiskit.forecasting.prediction import Prediction, Predictor
from qep_qiskit.forecasting.truths import Truths
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.settings import Settings
from qep_qiskit.values import Value

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cause(Value):
    """A bias of the gradient, due to one cause.

    Attributes
    ----------
    name : str
    title : str
        The cause in words.
    bias : ndarray of shape (K,)
        The bias of every weight.
    size : float
        The norm of the exact gradient.
    uncertainty : ndarray of shape (K,) or None
        The error of `bias` due to errors of the two gradients, per weight; None if both are exact up to rounding.
    """

    name: str
    title: str
    bias: Vector
    size: float
    uncertainty: Vector | None = None

    @property
    def share(self) -> float | None:
        """The norm of the bias as a share of the gradient's norm."""
        return float(np.linalg.norm(self.bias)) / self.size if self.size else None

    @property
    def share_uncertainty(self) -> float:
        """The norm of the uncertainty as a share of the gradient's norm."""
        return 0.0 if self.uncertainty is None or not self.size else float(np.linalg.norm(self.uncertainty)) / self.size

    @property
    def shown(self) -> str:
        """The share in words, with its uncertainty if there is one."""
        return percent(self.share, self.share_uncertainty)

    def __str__(self) -> str:
        return f"{self.title} {self.shown}"

    def to_dict(self) -> dict[str, object]:
        """Return the cause as an object for JSON."""
        return {
            "title": self.title,
            "bias": plain(self.bias),
            "uncertainty": plain(self.uncertainty),
            "share": self.share,
            "share_uncertainty": self.share_uncertainty,
        }


@dataclass(frozen=True, eq=False)
class Levels(Value):
    """Gradients from the exact one to the measured one, with one more cause of error at each level. Unknown levels are None.

    Attributes
    ----------
    exact : ndarray of shape (K,) or None
        The gradient of exact states at β → 0.
    nudged : ndarray of shape (K,) or None
        The noise-free gradient of exact states at the stencil's β.
    prepared : ndarray of shape (K,) or None
        The noise-free gradient of the prepared states.
    raw : ndarray of shape (K,) or None
        The device's gradient at infinitely many shots, without mitigation.
    mitigated : ndarray of shape (K,) or None
        The device's gradient at infinitely many shots, with mitigation.
    exact_uncertainty, nudged_uncertainty : ndarray of shape (K,) or None
        The errors of the two references, `exact` and `nudged`; None if they are exact up to rounding.
    raw_uncertainty, mitigated_uncertainty : ndarray of shape (K,) or None
        The estimated errors of `raw` and `mitigated`, if light cones were cut to balls; None if they are exact.
    method, nudged_method : str
        The methods by which the references were computed.
    doubts : tuple of str
        Reasons why the references may be wrong, such as a metastable state.
    """

    exact: Vector | None = None
    nudged: Vector | None = None
    prepared: Vector | None = None
    raw: Vector | None = None
    mitigated: Vector | None = None
    exact_uncertainty: Vector | None = None
    nudged_uncertainty: Vector | None = None
    raw_uncertainty: Vector | None = None
    mitigated_uncertainty: Vector | None = None
    method: str = ""
    nudged_method: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Causes(Value):
    """The biases of a forecast gradient, one field per cause. A field is None if one of the two gradients is not known.

    `finite_beta`, `prepared` and `mitigation` add up to the whole bias. `device` is the bias due to noise before mitigation, and
    `mitigation` is the part of it that remains afterwards (all of it without mitigation).

    Attributes
    ----------
    finite_beta, prepared, device, mitigation : Cause or None
    """

    finite_beta: Cause | None = None
    prepared: Cause | None = None
    device: Cause | None = None
    mitigation: Cause | None = None

    @classmethod
    def of(cls, levels: Levels, size: float, *, mitigation: str = "none") -> Causes:
        """Return the differences between the levels, for an exact gradient of the given norm."""

        def cause(name: str, title: str, over: Vector | None, under: Vector | None, *unsure: Vector | None) -> Cause | None:
            return None if over is None or under is None else Cause(name, title, over - under, size, _joint(*unsure))

        return cls(
            cause("finite_beta", "finite β", levels.nudged, levels.exact, levels.nudged_uncertainty, levels.exact_uncertainty),
            cause("prepared", "prepared states", levels.prepared, levels.nudged, levels.nudged_uncertainty),
            cause("device", "device noise", levels.raw, levels.prepared, levels.raw_uncertainty),
            cause("mitigation", noise_left(mitigation), levels.mitigated, levels.prepared, levels.mitigated_uncertainty),
        )

    def __repr__(self) -> str:
        return f"Causes({', '.join(map(str, self))})"

    def __iter__(self) -> Iterator[Cause]:
        """Iterate over the known causes that add up to the whole bias."""
        return (cause for cause in (self.finite_beta, self.prepared, self.mitigation) if cause is not None)

    def to_dict(self) -> dict[str, object]:
        """Return the causes as an object for JSON; unknown ones are null."""
        return {name: None if cause is None else cause.to_dict() for name, cause in vars(self).items()}


def noise_left(mitigation: str) -> str:
    """Return the name of the noise after a mitigation."""
    return "device noise" if mitigation == "none" else f"device noise left by {mitigation}"


def opposed(biases: Mapping[str, Vector | None]) -> tuple[str, ...]:
    """Return the two causes with the most negative inner product; nothing if there is none."""
    pairs = itertools.combinations([(name, bias) for name, bias in biases.items() if bias is not None], 2)
    products = {(a, b): float(one @ other) for (a, one), (b, other) in pairs}
    pair = min(products, key=lambda names: products[names], default=())
    return pair if pair and products[pair] < 0.0 else ()


def _joint(*errors: Vector | None) -> Vector | None:
    """Return the sum of the known errors, since the errors of two references may have the same sign."""
    sizes = [np.abs(error) for error in errors if error is not None]
    return np.sum(sizes, axis=0) if sizes else None


def levels_of(prediction: Prediction, prepared: Vector, settings: Settings, truths: Truths) -> Levels:
    """Return the levels of a prediction.

    Parameters
    ----------
    prediction : Prediction
        A prediction for these settings.
    prepared : ndarray of shape (K,)
        The noise-free gradient of its states.
    settings : Settings
        The device and the mitigation.
    truths : Truths
        The references of the problem.
    """
    mitigated = prediction.mean
    raw = mitigated if adds_no_noise(settings.device) else _raw(prediction, settings)
    levels = Levels(
        prepared=prepared,
        raw=raw.values,
        mitigated=mitigated.values,
        raw_uncertainty=raw.diagnostics.uncertainty,
        mitigated_uncertainty=mitigated.diagnostics.uncertainty,
    )
    if truths.silence:
        return levels
    limit, nudged = truths.limit, truths.at(prediction.plan.stencil)
    energy = (prediction.plan.earlier or prediction.plan).prepared.phases[0].energy
    doubts = (*limit.warnings, *nudged.warnings, limit.above(energy) if limit.uncertainty is not None else "")
    return replace(
        levels,
        exact=limit.values,
        nudged=nudged.values,
        exact_uncertainty=limit.uncertainty,
        nudged_uncertainty=nudged.uncertainty,
        method=limit.method,
        nudged_method=nudged.method,
        doubts=tuple(dict.fromkeys(filter(None, doubts))),
    )


def _raw(prediction: Prediction, settings: Settings) -> Gradient:
    """Return the device's gradient at infinitely many shots without mitigation.

    It uses the outcomes of the prediction unless the mitigation changes circuits or the nudge depends on a mitigated free phase.
    """
    mitigation, first = settings.mitigation, prediction.plan.earlier
    if mitigation == Mitigation():
        return prediction.mean
    if first is None and not mitigation.twirled:
        exact = {where: replace(samples, shots=None) for where, samples in prediction.outcomes.samples.items()}
        return reduce(prediction.plan, replace(prediction.outcomes, samples=exact), mitigation=Mitigation())
    start = (prediction.plan if first is None else first).prepared
    plain = replace(settings, mitigation=Mitigation(), stencil=prediction.plan.stencil)
    return Predictor(prediction.plan.problem, plain, start).at(prediction.plan.stencil).mean
