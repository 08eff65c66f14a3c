"""β = "auto" and shots that are to be shared out, worked out before a gradient is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qep_qiskit.forecasting.planner import asked_for, best_choice, chosen_settings, settled_beta
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import AnyStencil, AutoStencil, Stencil


@dataclass(frozen=True)
class Settled:
    """What takes the place of what was left to the planner.

    Attributes
    ----------
    stencil : Stencil
    shots : int, Split or None
    calibration_shots : int or None
    record : mapping
        For the provenance: what was asked and what was chosen.
    """

    stencil: Stencil
    shots: int | Split | None
    calibration_shots: int | None
    record: Mapping[str, object]


def settle(
    problem: Problem,
    *,
    preparer: Preparer | None,
    stencil: AnyStencil | None,
    device: object,
    shots: int | Split | OptimalShots | None,
    mitigation: str,
    calibration_shots: int | None,
    seed: int | None,
    progress: Progress = silent,
) -> Settled:
    """Return the stencil and the shots that the planner chooses for these options of :func:`gradient`."""
    asked = asked_for(problem, preparer, stencil, device, shots, mitigation, calibration_shots, seed, None)
    asked = settled_beta(asked, progress)
    found, _ = best_choice(asked, progress)
    chosen = chosen_settings(asked, found)
    own = found.prediction.stencil
    record = {
        "beta": {"asked": "auto", "chosen": own.beta} if isinstance(stencil, AutoStencil) else own.beta,
        "shots": None if found.split is None else [list(row) for row in found.split.shots],
        "calibration_shots": chosen["calibration_shots"],
        "predicted_relative_error": found.relative_error,
    }
    return Settled(own, chosen["shots"], chosen["calibration_shots"], record)
