"""The classes that a trained network answers over the plane of its two inputs, for a picture of what it has learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qep_qiskit.drawing.plane import Plane
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.training.loop.task import Task
from qep_qiskit.verbs.predictions import predictions

MOST_QUBITS = 10
"""The largest network whose answers are computed over a plane."""
POINTS = 33
"""The number of points along each input."""
MARGIN = 0.15
"""The share of the samples' range that is added on every side."""


def plane_of(task: Task, weights: Mapping[str, float]) -> Plane | None:
    """Return what a training has learned, in exact states, over the plane around all of its samples.

    Returns
    -------
    Plane or None
        None unless the network has two inputs and few qubits, and the targets are classes.
    """
    parts = [part for part in (task.samples, task.held_out) if part is not None and part.Y is not None]
    if task.network.num_inputs != 2 or task.network.num_qubits > MOST_QUBITS or task.key is None or not parts:
        return None
    samples = np.concatenate([np.asarray(part.X, dtype=float) for part in parts])
    truth = np.concatenate([task.key.truth(part.Y) for part in parts if part.Y is not None])
    low, high = samples.min(axis=0), samples.max(axis=0)
    room = MARGIN * np.where(high > low, high - low, 1.0)
    first, second = (np.linspace(low[k] - room[k], high[k] + room[k], POINTS) for k in (0, 1))
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    outputs = predictions(task.network, np.array(list(weights.values())), grid, preparer=reference_state(task.settings.preparer))[
        0
    ]
    if task.key.middle is None:
        field, levels = task.key.answers(outputs).astype(float), tuple(k - 0.5 for k in range(task.key.classes + 1))
    else:
        field, levels = (
            outputs[:, 0],
            (min(float(outputs.min()), task.key.middle) - 1.0, task.key.middle, float(outputs.max()) + 1.0),
        )
    return Plane(first, second, field.reshape(POINTS, POINTS), levels, samples, truth)
