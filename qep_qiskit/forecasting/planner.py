"""Forecasts: the choice of β, shots and their split, and the price and accuracy of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.equilibrium.adaptive_beta import expected_nudge
from qep_qiskit.equilibrium.bias import rounded
from qep_qiskit.equilibrium.diagnosis import diagnose
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.plan import plan, refuse_without_qubits
from qep_qiskit.errors import InputError, TooLargeError
from qep_qiskit.forecasting.accuracy import Accuracy, accuracy
from qep_qiskit.forecasting.advice import advise
from qep_qiskit.forecasting.causes import Causes, Levels, levels_of
from qep_qiskit.forecasting.choice import REACH, Choice, best_beta, choose, settings_with
from qep_qiskit.forecasting.expected import simulates_noise
from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.forecasting.fractional import gate_sets
from qep_qiskit.forecasting.prediction import BOUND, Prediction, Predictor, bounded
from qep_qiskit.forecasting.sending import sending
from qep_qiskit.forecasting.study import Study
from qep_qiskit.forecasting.truths import Truths
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.preparation.shortfall import without_shortfalls
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.provenance import versions
from qep_qiskit.reference import COMPARED_QUBITS
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.noise.program import MOST_WIRES
from qep_qiskit.stencils import AdaptiveStencil, AutoStencil, Stencil

Vector = NDArray[np.float64]
DISTRIBUTIONS = "exact outcome distributions"
MARGINALS = "exact distributions of the qubits that each string reads, from light cones"
CUT = "distributions of the qubits that each string reads, from {}; ± of device noise is the estimated error of that"
CERTAIN = 24.0
"""An error signal of less than this many standard deviations of its shot noise limits β."""
NOISELESS_REACH = 0.01
"""The smallest β without shot noise, in units of gap/‖C‖; errors of the states are divided by β."""


def check_target(target: object, settings: Settings) -> float | None:
    """Return the checked target error."""
    if target is None:
        return None
    number = isinstance(target, int | float | np.number) and not isinstance(target, bool)
    if not number or not 0 < target < 1:  # type: ignore[operator]
        raise InputError(f"target_error: {shown(target)} is not allowed; give a number between 0 and 1, such as 0.05 for 5 %")
    if isinstance(settings.shots, Split):
        raise InputError("target_error: does not go with a split of given shots; give shots=qep.optimal_shots(...) or none")
    return float(target)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Question:
    """A gradient to be forecast.

    Attributes
    ----------
    target : float or None
        The relative error that the chosen shots must reach.
    free : Prepared or None
        The free phase, if β was chosen from it.
    asked : float or None
        The relative error that counts as ready; by default the target.
    choices : bool
        Whether to predict choices side by side too.
    """

    problem: Problem
    settings: Settings
    target: float | None = None
    free: Prepared | None = None
    asked: float | None = None
    choices: bool = False

    @property
    def predictable(self) -> bool:
        """Whether the device's outcome distributions, or their marginals from light cones, can probably be computed."""
        qubits, device = self.problem.network.num_qubits, self.settings.device
        shallow = not self.settings.preparer.supports.loads
        if adds_no_noise(device):
            return qubits <= COMPARED_QUBITS or shallow
        return qubits <= MOST_WIRES or (simulates_noise(device) and shallow)


def answered(question: Question, progress: Progress = silent) -> Forecast:
    """Return the forecast of price and accuracy, and for a target error the shots that reach it."""
    _refuse_without_circuits(question)
    question = with_beta(question, progress)
    problem, settings = question.problem, question.settings
    truths = Truths(problem, settings.preparer, settings.seed, progress)
    predictor = Predictor(problem, settings, question.free)
    choice = best_choice(question, progress, truths, predictor)
    prediction, split = choice.prediction, choice.split
    finite = bool(np.isfinite(prediction.mean.values).all())
    levels = Levels()
    if finite:
        levels = levels_of(prediction, predictor.noise_free(prediction.plan.stencil, progress), settings, truths)
    progress("compiling circuits", None)
    settled = settings_with(settings, choice)
    sent = sending(prediction.plan, settings.device, split)
    warnings = _unanswered(diagnose(prediction.plan), levels)
    asked = question.target if question.asked is None else question.asked
    accuracy = accuracy_of(choice, levels)
    given, choices = None, None
    if accuracy is not None:
        study = Study(
            problem,
            settings,
            asked,
            given=choice,
            accuracy=accuracy,
            sent=sent,
            predictor=predictor,
            truths=truths,
            progress=progress,
        )
        choices = study.choices() if question.choices else None
        given = study.given() if choices is None else choices.rows[0]
    causes = Causes.of(levels, choice.size, mitigation=str(settings.mitigation))
    return Forecast(
        names=problem.network.names,
        values=prediction.mean.values,
        stderr=None if split is None else np.sqrt(choice.variances),
        levels=levels,
        accuracy=accuracy,
        size=choice.size,
        squared_error=choice.squared_error,
        target_error=question.target,
        stencil=prediction.plan.stencil,
        chosen_beta=isinstance(settings.stencil, AutoStencil),
        adapted_beta=question.free is not None,
        split=split,
        even=not isinstance(settled.shots, Split),
        mitigation=str(settings.mitigation),
        calibration_shots=settled.calibration_shots,
        loss=prediction.mean.loss,
        given=given,
        choices=choices,
        advice=advise(
            given if choices is None else choices.chosen,
            accuracy,
            causes,
            choices=choices,
            asked=asked,
            doubts=(*levels.doubts, truths.silence) if finite else (),
        ),
        sending=sent,
        gate_sets=None if split is None else gate_sets(prediction.plan.earlier or prediction.plan, settings.device),
        method=_method(prediction) if finite else BOUND,
        warnings=(*warnings, *levels.doubts, *sent.notes),
        settings=settled,
        provenance={
            "network": dict(problem.network.description),
            "preparer": settings.preparer.describe(),
            "device": settings.device.describe(),
            "seed": settings.seed,
            "versions": versions(),
        },
        problem=problem,
    )


def settle(problem: Problem, settings: Settings, progress: Progress = silent) -> tuple[Settings, Mapping[str, object] | None]:
    """Return the settings with the planner's choice of stencil and shots, and a record of it for the provenance.

    Settings without open choices are returned unchanged, with None as the record.
    """
    if not settings.open:
        return settings, None
    refuse_without_qubits(problem, settings.preparer, settings.shots)
    if (what := _without_circuits(problem, settings)) is not None:
        raise InputError(f'stencil.beta: "auto" is chosen for circuits, and {what} has none; give a number, or "adaptive"')
    question = with_beta(Question(problem, settings), progress)
    choice = best_choice(question, progress)
    settled = settings_with(question.settings, choice)
    beta = choice.prediction.plan.stencil.beta
    return settled, {
        "beta": {"asked": "auto", "chosen": beta} if isinstance(settings.stencil, AutoStencil) else beta,
        "shots": None if choice.split is None else [list(row) for row in choice.split.shots],
        "calibration_shots": settled.calibration_shots,
        "predicted_relative_error": choice.relative_error,
    }


def _method(prediction: Prediction) -> str:
    """Return the method of a prediction, with finite values, in words."""
    if approximation := prediction.mean.diagnostics.more.get("approximation"):
        return CUT.format(approximation)
    return MARGINALS if prediction.local else DISTRIBUTIONS


def _unanswered(found: Diagnostics, levels: Levels) -> list[str]:
    """Return the warnings about states and β, but those that the comparison with the gradient of true states answers."""
    if levels.exact is None or levels.prepared is None or levels.nudged is None or levels.doubts:
        return list(found.warnings)
    biased = None if found.beta_bias is None else found.beta_bias.get("warning")
    return [text for text in without_shortfalls(found.warnings) if text != biased]


def _refuse_without_circuits(question: Question) -> None:
    """Refuse what has neither a price nor shots."""
    problem, settings = question.problem, question.settings
    refuse_without_qubits(problem, settings.preparer, settings.shots)
    if (what := _without_circuits(problem, settings)) is not None:
        raise InputError(f"plan: {what} has no circuits, so there is nothing to forecast; take qep gradient or qep.gradient(...)")


def _without_circuits(problem: Problem, settings: Settings) -> str | None:
    """Return what has no circuits: the network or the preparation. None if there are circuits."""
    if problem.network.closed_form:
        return "a network in closed form"
    return "this preparation" if settings.preparer.supports.no_circuits else None


def with_beta(question: Question, progress: Progress = silent) -> Question:
    """Return the question with an adaptive β chosen from the free phase or, for a target error, left to the planner."""
    settings = question.settings
    if not isinstance(settings.stencil, AdaptiveStencil):
        return question
    if question.target is not None and question.predictable:
        return replace(question, settings=replace(settings, stencil=AutoStencil(settings.stencil.kind)))
    first = plan(question.problem, settings, progress=progress)
    return replace(question, settings=replace(settings, stencil=first.stencil), free=first.prepared)


def accuracy_of(choice: Choice, levels: Levels) -> Accuracy | None:
    """Return the expected accuracy of a choice; None if the exact gradient is not known."""
    if levels.exact is None:
        return None
    return accuracy(levels.exact, choice.prediction.mean.values, choice.covariance, levels.exact_uncertainty)


def best_choice(
    question: Question, progress: Progress = silent, truths: Truths | None = None, predictor: Predictor | None = None
) -> Choice:
    """Return the β and shots with the least predicted error.

    Parameters
    ----------
    truths : Truths, optional
        The references of the problem. Default: they are computed.
    predictor : Predictor, optional
        The predictor for these settings. Default: a new one.
    """
    settings, target = question.settings, question.target
    if not question.predictable:
        return choose(_bounded(question), None, settings, target)
    truths = truths or Truths(question.problem, settings.preparer, settings.seed, progress)
    try:
        return _predicted(question, progress, truths, predictor or Predictor(question.problem, settings, question.free))
    except TooLargeError as reason:
        return choose(_bounded(question, reason), None, settings, target)


def _predicted(question: Question, progress: Progress, truths: Truths, predictor: Predictor) -> Choice:
    settings, target = question.settings, question.target
    stencil = settings.stencil
    assert not isinstance(stencil, AdaptiveStencil)
    count = 0

    def at(beta: float) -> Choice:
        nonlocal count
        count += 1
        progress(f"predicting β = {beta:.3g}", None if isinstance(stencil, Stencil) else min(count / 16, 0.99))
        prediction = predictor.at(stencil if isinstance(stencil, Stencil) else stencil.at(beta))
        return choose(prediction, None if truths.silence else truths.limit.values, settings, target)

    if isinstance(stencil, Stencil):
        return at(stencil.beta)
    if truths.silence:
        raise InputError(f'stencil.beta: "auto" needs the exact gradient; give a number ({truths.silence})')
    lowest = NOISELESS_REACH if settings.shots is None and target is None else REACH[0]
    scale = truths.scale
    if settings.shots is not None:
        free = predictor.at(stencil.at(rounded(lowest * scale))).plan.free
        scale *= _share_above_noise(question.problem, free, settings.shots)
    return best_beta(at, scale, target=target, lowest=lowest)


def _share_above_noise(problem: Problem, free: Prepared, shots: int | Split | OptimalShots) -> float:
    """Return the size of the nudge as a share of its size with shot noise: predictions neglect what noise adds to it."""
    if not free.computable:
        return 1.0
    quiet, noisy = (
        float(np.abs(expected_nudge(problem, free, count, deviations=CERTAIN)[problem.frame.busy]).sum())
        for count in (None, shots)
    )
    return quiet / noisy if quiet else 1.0


def _bounded(question: Question, reason: TooLargeError | None = None) -> Prediction:
    """Return worst-case error bars for a network too large to predict; refuse options that need a prediction."""
    problem, settings = question.problem, question.settings
    for wanted, key in (
        (isinstance(settings.stencil, AutoStencil), 'stencil.beta: "auto"'),
        (question.target is not None, "target_error"),
        (isinstance(settings.shots, OptimalShots), "shots: an optimal split"),
    ):
        if wanted:
            why = f"those of {problem.network.num_qubits} qubits do not fit" if reason is None else str(reason)
            raise InputError(f"{key} needs outcome distributions, and {why}; give numbers instead")
    return bounded(problem, settings)
