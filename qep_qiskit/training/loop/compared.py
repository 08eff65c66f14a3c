"""Comparison of a training's measured gradients with noise-free ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.budget import deviation
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.equilibrium import Gradient
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.training.loop.sources import Equilibrium
from qep_qiskit.training.loop.task import Task

Vector = NDArray[np.float64]
EXACT = "the exact gradient"
NOISE_FREE = "the noise-free gradient of the same ansatz at the same β"


def compared(
    task: Task, problems: Sequence[Problem], gradients: Sequence[Gradient], values: Vector, progress: Progress = silent
) -> dict[str, Any]:
    """Compare a batch's mean gradient with a noise-free one, over the trained weights.

    Return ``cosine``, ``relative_error``, ``compared_with`` (the noise-free gradient in words) and ``compared_norm`` (its norm).

    Up to 16 qubits, the noise-free gradient is the exact one, of the exact ground states in the limit β → 0. Beyond, it belongs
    to the same prepared states at the same β, computed from the angles of the step; the difference is then due to the device and
    its shots. The values are None if the noise-free gradient cannot be computed.
    """
    small = task.network.num_qubits <= COMPARED_QUBITS
    progress("comparing the gradient with a noise-free one", None)
    try:
        truth = _exact(task, problems) if small else _noise_free(task, problems, gradients)
    except (InputError, PreparationError):
        truth = None
    on, name = task.constraints.trained, EXACT if small else NOISE_FREE
    off = None if truth is None else deviation(values[on], truth[on])
    return {
        "cosine": None if off is None else off.cosine,
        "relative_error": None if off is None else off.relative_error,
        "compared_norm": None if truth is None else float(np.linalg.norm(truth[on])),
        "compared_with": name,
    }


def compared_with(history: Iterable[Mapping[str, Any]]) -> str:
    """Return in words what the gradients were compared with; steps of earlier versions do not name it."""
    return next((row["compared_with"] for row in history if row.get("compared_with")), EXACT)


def _exact(task: Task, problems: Sequence[Problem]) -> Vector:
    preparer = reference_state(task.settings.preparer)
    return np.asarray(
        np.mean([exact_gradient(problem, preparer=preparer, progress="off").values for problem in problems], axis=0)
    )


def _noise_free(task: Task, problems: Sequence[Problem], gradients: Sequence[Gradient]) -> Vector:
    settings = replace(task.settings, device=StatevectorDevice(), shots=None, mitigation=Mitigation(), calibration_shots=None)
    truths = Equilibrium()(problems, settings, warm_start=[gradient.free for gradient in gradients])
    return np.asarray(np.mean([truth.values for truth in truths], axis=0))
