"""Forecasts: the circuits to be sent, their duration, and the accuracy of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.archive import Savable
from qep_qiskit.checks import index_of
from qep_qiskit.devices.price import FORMULA
from qep_qiskit.display import counted
from qep_qiskit.documents import plain
from qep_qiskit.drawing.card import bar, card
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.result import weight_rows
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import Estimate, duration, percent
from qep_qiskit.forecasting import figure
from qep_qiskit.forecasting.accuracy import Accuracy
from qep_qiskit.forecasting.advice import Advice
from qep_qiskit.forecasting.causes import Causes, Levels
from qep_qiskit.forecasting.choices import TITLES, Choices, Measure, Verdict, verdicts
from qep_qiskit.forecasting.fractional import GateSets
from qep_qiskit.forecasting.noise_free import NoiseFreeError, noise_free_error
from qep_qiskit.forecasting.sending import Sending
from qep_qiskit.frames import frame
from qep_qiskit.measurement.split import Split
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil
from qep_qiskit.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Savable, Value):
    """The forecast of a gradient.

    Attributes
    ----------
    names : tuple of str
    values : ndarray of shape (K,)
        The expected gradient, including the effects of finite β, preparation and device noise.
    stderr : ndarray of shape (K,) or None
        The expected error bars; None if expectations are exact.
    levels : Levels
        The gradients from the exact one to the measured one; their differences are the `causes` of the bias.
    accuracy : Accuracy or None
        The expected relative error with its spread, cosine and sign agreement; None if the exact gradient is not known.
    size : float
        The norm of `exact`, or of `values` if `exact` is not known.
    squared_error : float
        The predicted E‖g − g*‖², including all biases and the shot noise.
    target_error : float or None
    stencil : Stencil
    chosen_beta : bool
        Whether the planner chose β.
    adapted_beta : bool
        Whether β was chosen from the free phase, which is the default.
    split : Split or None
        Shots of every circuit; None for exact expectations.
    even : bool
        Whether every circuit has the same number of shots.
    mitigation : str
    calibration_shots : int or None
    loss : float
    sending : Sending
    method : str
        The method of the prediction.
    advice : Advice or None
        The best plan in words, and whether the plan as given is ready.
    given : Measure or None
        The plan as given as a row of the choices; None if only a bound is known.
    choices : Choices or None
        Predictions for other options, side by side; None if they were not requested.
    warnings : tuple of str
    settings : Settings
        The settings for :func:`gradient` and other verbs, with the chosen numbers: ``qep.gradient(problem, **settings)``.
    provenance : mapping
    gate_sets : GateSets or None
        The circuits with and without fractional gates, if the device can have them.
    problem : Problem
        The problem of the forecast.
    """

    names: tuple[str, ...]
    values: Vector
    stderr: Vector | None
    levels: Levels
    accuracy: Accuracy | None
    size: float
    squared_error: float
    target_error: float | None
    stencil: Stencil
    chosen_beta: bool
    adapted_beta: bool
    split: Split | None
    even: bool
    mitigation: str
    calibration_shots: int | None
    loss: float
    sending: Sending
    method: str
    advice: Advice | None = None
    given: Measure | None = None
    choices: Choices | None = None
    warnings: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings, compare=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)
    gate_sets: GateSets | None = field(default=None, compare=False)
    problem: Problem | None = field(default=None, compare=False)

    @property
    def plan(self) -> Plan:
        """The first round of circuits with prepared states, for :func:`qep_qiskit.execute`."""
        if self.problem is None:
            raise InputError("plan: this forecast does not hold its problem; make it by qep.forecast(problem, ...)")
        return plan(self.problem, self.settings)

    @property
    def measures(self) -> list[Measure]:
        """All choices, or only the plan as given if there are no choices; nothing if only a bound is known."""
        if self.choices is not None:
            return list(self.choices.rows)
        return [] if self.given is None else [self.given]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Whether each mitigation helps here, if the choices were computed."""
        return () if self.choices is None else verdicts(self.choices)

    @property
    def ready(self) -> bool:
        """Whether the own error, which shots do not reduce, is known and does not exceed the target (25 % if there is none)."""
        return self.advice is not None and self.advice.ready

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the expected error of every choice by cause; only that of the plan if there are no choices.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        """
        return figure.plot(self, ax)

    def noise_free_error(self, *, progress: Progress = silent) -> NoiseFreeError:
        """Compare the noise-free gradient of the circuits with the gradient of exact states at the same β."""
        levels = self.levels
        if levels.prepared is None or levels.nudged is None:
            return noise_free_error(self.plan, progress=progress)
        return NoiseFreeError.between(
            levels.prepared,
            levels.nudged,
            self.stencil.beta,
            levels.nudged_method,
            uncertainty=levels.nudged_uncertainty,
            doubts=levels.doubts,
        )

    @property
    def known(self) -> bool:
        """Whether the gradient is predicted; if not, only worst-case error bars are known."""
        return bool(np.isfinite(self.values).all())

    @property
    def exact(self) -> Vector | None:
        """The gradient of the exact ground state at β → 0, shape (K,), if it can be computed."""
        return self.levels.exact

    @property
    def finite_beta(self) -> Vector | None:
        """The noise-free gradient of exact ground states at this β; its difference from `exact` is the finite-β bias."""
        return self.levels.nudged

    @property
    def causes(self) -> Causes:
        """The bias of every weight by cause: finite β, prepared states, and device noise before and after mitigation."""
        return Causes.of(self.levels, self.size, mitigation=self.mitigation)

    @property
    def bias(self) -> Vector | None:
        """The error that shots do not reduce, from finite β, preparation and device noise, shape (K,)."""
        return None if self.exact is None else self.values - self.exact

    @property
    def relative_error(self) -> float | None:
        """The relative error √E‖g − g*‖² / ‖g*‖ from biases and shot noise, to which ``target_error`` refers."""
        return self._relative(np.sqrt(self.squared_error))

    @property
    def statistical_error(self) -> float | None:
        """The part √Σ stderr² / ‖g*‖ of the relative error, due to shot noise, calibration and error signal."""
        return None if self.stderr is None else self._relative(float(np.linalg.norm(self.stderr)))

    @property
    def finite_beta_error(self) -> float | None:
        """The finite-β bias of true ground states, divided by ‖g*‖."""
        return None if self.causes.finite_beta is None else self.causes.finite_beta.share

    @property
    def prepared_error(self) -> float | None:
        """The error of the prepared states without noise, divided by ‖g*‖."""
        return None if self.causes.prepared is None else self.causes.prepared.share

    @property
    def device_error(self) -> float | None:
        """The error that device noise leaves after mitigation, divided by ‖g*‖."""
        return None if self.causes.mitigation is None else self.causes.mitigation.share

    @property
    def fidelity(self) -> float | None:
        """Π(1 − error) over gates and readouts of the worst circuit, from the device's calibration."""
        fidelities = [row.appraisal.fidelity for row in self.sending.rows if row.appraisal is not None]
        return min((f for f in fidelities if f is not None), default=None)

    def _relative(self, error: float) -> float | None:
        return float(error) / self.size if self.size else None

    def to_dict(self) -> dict[str, object]:
        """Return the object that ``qep plan --json`` prints."""
        sending = self.sending
        return {
            "names": list(self.names),
            "values": plain(self.values),
            "stderr": plain(self.stderr),
            "exact": plain(self.exact),
            "exact_uncertainty": plain(self.levels.exact_uncertainty),
            "reference": self.levels.method,
            "bias": plain(self.bias),
            "causes": self.causes.to_dict(),
            "expected": None if self.accuracy is None else vars(self.accuracy),
            "gradient_norm": self.size,
            "relative_error": self.relative_error,
            "statistical_error": self.statistical_error,
            "finite_beta_error": self.finite_beta_error,
            "prepared_error": self.prepared_error,
            "device_error": self.device_error,
            "target_error": self.target_error,
            "loss": self.loss,
            "stencil": {"kind": self.stencil.kind, "beta": self.stencil.beta, "chosen": self.chosen_beta},
            "shots": None if self.split is None else plain(self.split.shots),
            "shots_even": self.even,
            "calibration_shots": self.calibration_shots,
            "mitigation": self.mitigation,
            "circuits": [
                {
                    "round": row.round,
                    "beta": row.phase,
                    "basis": row.basis,
                    "shots": row.shots,
                    "circuits": row.circuits,
                    "purpose": "calibration" if row.phase is None else "data",
                    **({} if row.appraisal is None else vars(row.appraisal)),
                }
                for row in sending.rows
            ],
            "totals": {
                "circuits": sending.circuits,
                "shots": sending.shots,
                "jobs": sending.jobs,
                "qpu_seconds": sending.seconds,
                "price": None if sending.price is None else str(sending.price),
            },
            "repetition_delay": sending.repetition_delay,
            "seconds_formula": FORMULA,
            "layout": None if sending.qubits is None else list(sending.qubits),
            "damping": None if sending.layout is None else sending.layout.chosen.error(),
            "damping_of_transpilers_layout": None if sending.layout is None else sending.layout.usual.error(),
            "fractional_gates": None if self.gate_sets is None else str(self.gate_sets),
            "fidelity": self.fidelity,
            "method": self.method,
            "ready": self.ready,
            "reasons": [] if self.advice is None else list(self.advice.reasons),
            "advice": None if self.advice is None else self.advice.to_dict(),
            "choices": None if self.choices is None else self.choices.to_dict(),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "warnings": list(self.warnings),
            "provenance": plain(self.provenance),
        }

    def __str__(self) -> str:
        lines = [self._title(), " · ".join(self._facts())]
        lines += [f"{title:<17}{percent(size)}" for title, size in self._parts().items()]
        return "\n".join([*lines, *self._remarks(), *(f"warning: {text}" for text in self.warnings)])

    def __repr__(self) -> str:
        error = "" if self.relative_error is None else f", error {self.relative_error:.2g} of the gradient"
        seconds = "" if self.sending.seconds is None else f", {self.sending.seconds:.3g} QPU s"
        shots = "exact expectations" if self.sending.shots is None else f"{self.sending.shots:,} shots"
        summary = f"{counted(self.sending.circuits, 'circuit')}, {shots}"
        return f"Forecast({counted(len(self.names), 'weight')}, β = {self.stencil.beta:.3g}, {summary}{seconds}{error})"

    def _repr_html_(self) -> str:
        causes = self._parts()
        headings, rows, notes = weight_rows(self.names, self.values, self.stderr, "predicted ∂L/∂w")
        largest = max(causes.values(), default=0.0)
        parts = [(title, percent(size), bar(size, largest=largest, signed=False)) for title, size in causes.items()]
        return card(
            self._title(),
            facts=self._facts(),
            headings=("error by cause", "", "") if parts else headings,
            rows=parts or rows,
            notes=[*([] if parts else notes), *self._remarks()],
            warnings=self.warnings,
        )

    def _title(self) -> str:
        return f"Forecast of a gradient of {counted(len(self.names), 'weight')}"

    def _parts(self) -> dict[str, float]:
        """Return the shares of the error by cause, by their titles."""
        return {} if self.given is None else {TITLES[name]: size for name, size in self.given.parts.items() if size is not None}

    def _remarks(self) -> list[str]:
        if self.advice is None:
            return []
        advice = [f"Advice: {self.advice.text}"] if self.advice.text else []
        return [*([f"Not ready: {'; '.join(self.advice.reasons)}"] if self.advice.reasons else []), *advice]

    def _facts(self) -> list[str]:
        error = "" if self.accuracy is None else f"expected error {percent(self.relative_error)}"
        margin = None if self.accuracy is None else self.accuracy.margin
        sent = "exact expectations" if self.sending.shots is None else f"{self.sending.shots:,} shots"
        return [
            *filter(None, [error and error + (f" ± {percent(margin)}" if margin else "")]),
            f"β = {self.stencil.beta:.3g}",
            f"{counted(self.sending.circuits, 'circuit')}, {sent}",
            *([] if self.sending.seconds is None else [f"{duration(self.sending.seconds)} of QPU time"]),
            *([] if self.advice is None else ["ready" if self.ready else "not ready"]),
        ]

    def __getitem__(self, name: str) -> Estimate:
        """Return one weight's predicted derivative and error bar."""
        k = index_of("forecast", name, self.names)
        return Estimate(float(self.values[k]), None if self.stderr is None else float(self.stderr[k]))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with the weights as its index: ``value``, ``stderr`` and, if known, ``exact`` and ``bias``.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        columns = {"value": self.values, "stderr": self.stderr, "exact": self.exact, "bias": self.bias}
        return frame({key: values for key, values in columns.items() if values is not None}, self.names, "weight")
