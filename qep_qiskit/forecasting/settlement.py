"""Settlement of β = "auto" and of optimal shots before a gradient is measured."""

from __future__ import annotations

from collections.abc import Mapping

from qep_qiskit.forecasting.choice import settings_with
from qep_qiskit.forecasting.planner import Question, best_choice, with_beta
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AutoStencil


def settle(problem: Problem, settings: Settings, progress: Progress = silent) -> tuple[Settings, Mapping[str, object] | None]:
    """Return the settings with the planner's choice of stencil and shots, and a record of it for the provenance.

    Settings without open choices are returned unchanged, with None as the record.
    """
    if not settings.open:
        return settings, None
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
