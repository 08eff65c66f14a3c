"""Forecasts: β, shots and their split chosen, and what the gradient will cost and how accurate it will be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import seed_of
from qep_qiskit.devices.device import Device, check_shots
from qep_qiskit.devices.named import as_device
from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.equilibrium.plan import check_options
from qep_qiskit.equilibrium.plan import plan as ep_plan
from qep_qiskit.equilibrium.reduction import diagnostics, reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting.bound import BOUND, bounded
from qep_qiskit.forecasting.choice import REACH, Choice, best_beta, choose
from qep_qiskit.forecasting.expected import expectation_of
from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.forecasting.prediction import Prediction, Predictor
from qep_qiskit.forecasting.sending import sending
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import Exact, reference_state
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.provenance import versions
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.simulation.noise.program import MOST_WIRES
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil, AutoStencil, Stencil

Vector = NDArray[np.float64]
NOISELESS_REACH = 0.01
"""The least β in units of gap/‖C‖ where there is no shot noise: errors of the states are divided by it."""


@dataclass(frozen=True)
class Asked:
    """The options of a plan, checked."""

    problem: Problem
    preparer: Preparer
    stencil: AnyStencil
    device: Device
    shots: int | None
    split: Split | None
    optimal: bool
    mitigation: str
    calibration_shots: int | None
    seed: int
    target: float | None
    warm_start: Prepared | None = None


def foreseen(asked: Asked, progress: Progress = silent) -> Forecast:
    """Return the forecast of checked options."""
    asked = settled_beta(asked, progress)
    found, truth = best_choice(asked, progress)
    progress("compiling circuits", None)
    return _forecast(asked, found, truth, adapted=asked.warm_start is not None)


def settled_beta(asked: Asked, progress: Progress = silent) -> Asked:
    """Return the options with the β that an adaptive stencil takes, and the free phase that it was chosen by.

    Where an error is wanted in place of shots, β is left to the planner.
    """
    if not isinstance(asked.stencil, AdaptiveStencil):
        return asked
    if asked.target is not None and predictable(asked):
        return replace(asked, stencil=AutoStencil(asked.stencil.kind))
    first = ep_plan(
        asked.problem,
        preparer=asked.preparer,
        stencil=asked.stencil,
        shots=asked.shots if asked.split is None else asked.split,
        seed=asked.seed,
        progress=progress,
    )
    return replace(asked, stencil=first.stencil, warm_start=first.prepared)


def best_choice(asked: Asked, progress: Progress = silent) -> tuple[Choice, Vector | None]:
    """Return β and shots with the least predicted error, and the exact gradient where it is known."""
    assert not isinstance(asked.stencil, AdaptiveStencil)
    if not predictable(asked):
        return _bounded(asked), None
    progress("exact gradient", None)
    truth, scale = _truth(asked)
    predictor = Predictor(
        asked.problem,
        asked.stencil.at if isinstance(asked.stencil, AutoStencil) else _fixed(asked.stencil),
        preparer=asked.preparer,
        expected=expectation_of(asked.device),
        mitigation=asked.mitigation,
        seed=asked.seed,
        warm_start=asked.warm_start,
    )
    count = 0

    def at(beta: float) -> Choice:
        nonlocal count
        count += 1
        progress(f"predicting β = {beta:.3g}", None if isinstance(asked.stencil, Stencil) else min(count / 16, 0.99))
        return _chosen(asked, predictor.at(beta), truth)

    if isinstance(asked.stencil, Stencil):
        return at(asked.stencil.beta), truth
    noiseless = asked.shots is None and asked.split is None and asked.target is None
    return best_beta(at, scale, target=asked.target, lowest=NOISELESS_REACH if noiseless else REACH[0]), truth


def asked_for(
    problem: Problem,
    preparer: Preparer | None,
    stencil: AnyStencil | None,
    device: object,
    shots: int | Split | OptimalShots | None,
    mitigation: str,
    calibration_shots: int | None,
    seed: int | None,
    target: float | None,
) -> Asked:
    """Return the options, checked."""
    chosen = as_device(device)
    ready = Exact() if preparer is None else preparer
    around = AdaptiveStencil() if stencil is None else stencil
    check_options(problem, ready, around.at(0.1) if isinstance(around, AutoStencil | AdaptiveStencil) else around)
    if target is not None:
        number = isinstance(target, int | float | np.number) and not isinstance(target, bool)
        if not number or not math.isfinite(target) or not 0 < target < 1:
            raise InputError(f"target_error: {target!r} is not allowed; give a number between 0 and 1, such as 0.05 for 5 %")
        if isinstance(shots, Split):
            raise InputError("target_error: does not go with a split of given shots; give shots=qep.optimal_shots(...) or none")
    given = shots if isinstance(shots, Split) else None
    if isinstance(shots, OptimalShots):
        even: int | None = shots.shots
    else:
        even = None if isinstance(shots, Split) else check_shots("shots", shots)
    return Asked(
        problem=problem,
        preparer=ready,
        stencil=around,
        device=chosen,
        shots=even,
        split=given,
        optimal=isinstance(shots, OptimalShots),
        mitigation=mitigation,
        calibration_shots=check_shots("calibration_shots", calibration_shots),
        seed=chosen.seed if seed is None else seed_of(seed),
        target=None if target is None else float(target),
    )


def _fixed(stencil: Stencil) -> Callable[[float], Stencil]:
    return lambda beta: stencil


def _truth(asked: Asked) -> tuple[Vector | None, float]:
    """Return the exact gradient and gap/‖C‖, the scale of β."""
    problem = asked.problem
    exact = exact_gradient(problem, seed=asked.seed)
    observed = exact.predictions if problem.cost.needs_free_phase else np.zeros(len(problem.cost_rows))
    nudge = problem.cost.error_signal(observed) @ problem.cost_rows
    size = float(np.abs(nudge[problem.frame.busy]).sum())
    gap = exact.diagnostics.gap
    return exact.values, gap / size if gap is not None and size else 0.1


def predictable(asked: Asked) -> bool:
    """Whether the device's outcome distributions are small enough to be computed."""
    most = COMPARED_QUBITS if adds_no_noise(asked.device) else MOST_WIRES
    return asked.problem.network.num_qubits <= most


def _bounded(asked: Asked) -> Choice:
    """Return the worst case of a network too large to predict. Raises InputError for what needs a prediction."""
    n = asked.problem.network.num_qubits
    for wanted, key in (
        (isinstance(asked.stencil, AutoStencil), 'stencil.beta: "auto"'),
        (asked.target is not None, "target_error"),
        (asked.optimal, "shots: an optimal split"),
    ):
        if wanted:
            raise InputError(f"{key} needs outcome distributions, and those of {n} qubits do not fit; give numbers instead")
    assert isinstance(asked.stencil, Stencil)
    prediction = bounded(
        asked.problem, asked.preparer, asked.stencil, mitigation=asked.mitigation, seed=asked.seed, shots=asked.shots
    )
    return _chosen(asked, prediction, None)


def _chosen(asked: Asked, prediction: Prediction, truth: Vector | None) -> Choice:
    return choose(
        prediction,
        truth,
        shots=asked.shots,
        given=asked.split,
        target=asked.target,
        optimal=asked.optimal,
        calibration_shots=asked.calibration_shots,
    )


def chosen_settings(asked: Asked, found: Choice) -> dict[str, Any]:
    """Return the options of :func:`gradient` with what was chosen."""
    split = found.split
    counts = set() if split is None else set(split.table[found.prediction.measured].tolist())
    calibrated = split is not None and found.prediction.calibration_circuits > 0
    return {
        "preparer": asked.preparer,
        "stencil": found.prediction.stencil,
        "device": asked.device,
        "shots": None if split is None else counts.pop() if len(counts) == 1 else split,
        "mitigation": asked.mitigation,
        "calibration_shots": split.calibration if calibrated and split is not None else None,
        "seed": asked.seed,
    }


def _forecast(asked: Asked, found: Choice, truth: Vector | None, *, adapted: bool) -> Forecast:
    prediction = found.prediction
    split = found.split
    stencil = prediction.stencil
    sent = sending(prediction.plan, asked.device, split, prediction.calibration_circuits)
    settings = chosen_settings(asked, found)
    warnings = list(diagnostics(prediction.plan).warnings)
    return Forecast(
        names=asked.problem.network.names,
        values=prediction.mean.values,
        stderr=None if split is None else np.sqrt(found.variances),
        exact=truth,
        finite_beta=_finite_beta(asked, stencil, prediction),
        size=found.size,
        squared_error=found.squared_error,
        target_error=asked.target,
        stencil=stencil,
        chosen_beta=isinstance(asked.stencil, AutoStencil),
        adapted_beta=adapted,
        split=split,
        even=not isinstance(settings["shots"], Split),
        mitigation=asked.mitigation,
        calibration_shots=settings["calibration_shots"],
        loss=prediction.mean.loss,
        sending=sent,
        method="exact outcome distributions" if predictable(asked) else BOUND,
        warnings=(*warnings, *sent.notes),
        settings=settings,
        provenance={
            "network": dict(asked.problem.network.description),
            "preparer": asked.preparer.describe(),
            "device": asked.device.describe(),
            "seed": asked.seed,
            "versions": versions(),
        },
        problem=asked.problem,
    )


def _finite_beta(asked: Asked, stencil: Stencil, prediction: Prediction) -> Vector | None:
    """Return the noise-free gradient of true ground states at this β, where they can be had."""
    if adds_no_noise(asked.device) and reference_state(asked.preparer) is asked.preparer:
        return prediction.mean.values
    if asked.problem.network.num_qubits > COMPARED_QUBITS:
        return None
    return reduce(*run(asked.problem, preparer=reference_state(asked.preparer), stencil=stencil, seed=asked.seed)).values
